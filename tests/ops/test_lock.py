"""The lock holds on every Python that Shoal runs on, not only on the one it was made with."""

from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[2]


def _locked(file: str) -> set[str]:
    lines = (_ROOT / file).read_text().splitlines()
    return {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}


@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_everything_a_locked_package_needs_is_locked(file: str, version: str) -> None:
    locked = _locked("requirements.lock") | _locked(file)
    environment = {str(key): str(value) for key, value in default_environment().items()}
    environment |= {"python_full_version": version, "python_version": version.rpartition(".")[0], "extra": ""}

    missing = {
        f"{name} needs {requirement}"
        for name in _locked(file)
        for requirement in map(Requirement, metadata.distribution(name).requires or ())
        if requirement.marker is None or requirement.marker.evaluate(environment)
        if canonicalize_name(requirement.name) not in locked
    }

    assert missing == set()
