"""Where the shared corpus is: test data that nobody here wrote, and that is not copied into the project."""

from pathlib import Path

import pytest

_CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def corpus(name: str) -> Path:
    """The folder of that name; skips the test, or the module that asks while it is collected, without it."""
    folder = _CORPUS / name
    if not folder.is_dir():
        pytest.skip(f"no shared corpus at {folder}", allow_module_level=True)
    return folder
