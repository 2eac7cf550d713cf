"""The same promises inside gevent, where the client and its peers share one thread."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATCHED_PYTEST = """
from gevent import monkey
monkey.patch_all()
import sys, pytest
sys.exit(pytest.main(["--override-ini=addopts=", "--quiet", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_deadlines_and_kept_connections_hold_under_gevent() -> None:
    # A wait that gevent does not know of would stop the peers too, and time every test out.
    files = [str(HERE / name) for name in ("test_limits.py", "test_connections.py", "test_tls.py")]

    finished = subprocess.run(
        [sys.executable, "-c", PATCHED_PYTEST, *files, "--timeout=30", "-k", "not TestSize"],
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
