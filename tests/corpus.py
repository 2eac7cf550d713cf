"""Where the shared material is: data and checks that nobody here wrote, and that are not copied into the project."""

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def corpus(name: str) -> Path:
    """The folder of that name; skips the test, or the module that asks while it is collected, without it."""
    folder = _SHARED / "corpus" / name
    if not folder.is_dir():
        pytest.skip(f"no shared corpus at {folder}", allow_module_level=True)
    return folder


def check(name: str) -> Path:
    """The script of that name; skips the test without it."""
    script = _SHARED / "checks" / name
    if not script.is_file():
        pytest.skip(f"no shared check at {script}")
    return script
