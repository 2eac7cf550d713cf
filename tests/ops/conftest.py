"""What several tests of running the server need."""

from pathlib import Path

import pytest
import trustme


@pytest.fixture
def authority_file(tmp_path: Path) -> Path:
    """The certificate of a private CA, as a PEM file."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path
