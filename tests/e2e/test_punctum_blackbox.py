"""The shared black-box checks of Punctum, whole, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus import check

from .client import ChatClient
from .conftest import PASSWORD
from .shoal import ShoalServer
from .tls import CertificateAuthority

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.mark.usefixtures("alice")  # The first account owns the server, and the checks are for ordinary ones.
def test_every_check_passes(server_a: ShoalServer, authority: CertificateAuthority, tmp_path: Path) -> None:
    script = check("punctum_blackbox.py")
    tokens = [_sign_up(server_a.client(), name) for name in ("punctum_1", "punctum_2")]
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PUNCTUM_BASE": server_a.origin,
        "PUNCTUM_FLAVOUR": "full",
        "PUNCTUM_TOKEN": tokens[0],
        "PUNCTUM_TOKEN2": tokens[1],
        "REQUESTS_CA_BUNDLE": str(authority.pem),
    }
    # By none of our own settings: the script is somebody else's.
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]

    checked = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *options, str(script)],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout[-5000:]
    assert not re.search(r"\d+ (failed|skipped|xfailed|error)", checked.stdout), checked.stdout[-500:]


def _sign_up(client: ChatClient, name: str) -> str:
    try:
        client.sign_up(name, PASSWORD)
        return client.session.auth_token
    finally:
        client.close()
