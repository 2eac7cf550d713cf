"""Failpoints: a process dies at one that is armed, once, and only where nobody could be using the server."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import failpoints
from app.settings import Settings, SettingsError, unknown_variables

REACHES = (
    "import sys; from pathlib import Path; from app import failpoints as f; f.arm(Path(sys.argv[1])); f.reach('here')"
)


def test_a_process_dies_at_an_armed_failpoint_and_its_successor_lives(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "here").touch()

    ends = [subprocess.run([sys.executable, "-c", REACHES, tmp_path], check=False).returncode for _ in range(2)]

    assert ends == [-signal.SIGKILL, 0]
    assert (tmp_path / "elsewhere").exists()


def test_nothing_is_armed_without_the_variable(tmp_path: Path) -> None:
    assert Settings.from_env({"SHOAL_DATA": str(tmp_path)}, None).failpoints is None


@pytest.mark.parametrize("origin", ["https://chat.example", "http://localhost:7575", "https://a.test.example"])
def test_a_server_that_people_could_be_using_does_not_start_with_them(tmp_path: Path, origin: str) -> None:
    environ = {"SHOAL_DATA": str(tmp_path), "SHOAL_ORIGIN": origin, "SHOAL_SECRET_KEY": "x" * 40}

    with pytest.raises(SettingsError, match="SHOAL_FAILPOINTS makes the server crash"):
        Settings.from_env({**environ, failpoints.VARIABLE: str(tmp_path)}, None)


def test_it_is_no_slip_of_the_pen(tmp_path: Path) -> None:
    environ = {
        "SHOAL_DATA": str(tmp_path),
        "SHOAL_ORIGIN": "https://a.test",
        "SHOAL_SECRET_KEY": "x" * 40,
        failpoints.VARIABLE: str(tmp_path),
    }

    assert Settings.from_env(environ, None).failpoints == tmp_path
    assert unknown_variables(environ) == []
