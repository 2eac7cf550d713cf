"""The folder of the broker's socket: held by one supervisor, cleared away after one that was killed."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from app.settings import SettingsError
from app.supervisor.runtime_folder import SOCKET, held


def left_behind(folder: Path, *, mode: int = 0o700) -> Path:
    """As a supervisor that was killed leaves it: with a socket that nobody listens at."""
    folder.mkdir(mode=mode)
    with closing(socket.socket(socket.AF_UNIX)) as broker:
        broker.bind(str(folder / SOCKET))
    return folder


def test_a_held_folder_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "shoal-0-a"

    with held(folder):
        assert folder.stat().st_mode & 0o777 == 0o700

    assert list(tmp_path.iterdir()) == []


def test_what_killed_supervisors_left_behind_is_cleared_away(tmp_path: Path) -> None:
    for name in ("shoal-0-b", "shoal-0-c"):
        left_behind(tmp_path / name)
    ours = left_behind(tmp_path / "shoal-0-a")

    with held(ours):
        assert list(tmp_path.iterdir()) == [ours]


def test_what_lives_or_is_something_else_stays(tmp_path: Path) -> None:
    held_by_another = left_behind(tmp_path / "shoal-0-b")
    with_more_in_it = left_behind(tmp_path / "shoal-0-c")
    (with_more_in_it / "letters").touch()
    open_to_all = left_behind(tmp_path / "shoal-0-d", mode=0o755)
    of_another_user = left_behind(tmp_path / "shoal-1-a")
    link = tmp_path / "shoal-0-e"
    link.symlink_to(of_another_user)

    with held(held_by_another), held(tmp_path / "shoal-0-a"):
        found = {*tmp_path.iterdir()}

    assert found > {held_by_another, with_more_in_it, open_to_all, of_another_user, link}
    assert (of_another_user / SOCKET).exists()


def test_the_folder_of_a_server_whose_broker_answers_stays(tmp_path: Path) -> None:
    """It is of a version that held no lock."""
    folder = tmp_path / "shoal-0-b"
    folder.mkdir(mode=0o700)
    with closing(socket.socket(socket.AF_UNIX)) as broker:
        broker.bind(str(folder / SOCKET))
        broker.listen()

        with held(tmp_path / "shoal-0-a"):
            assert (folder / SOCKET).exists()


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shoal-0-a"
    folder.mkdir(mode=0o755)

    with pytest.raises(SettingsError, match="not private"), held(folder):
        pass


def test_a_held_folder_leaves_no_open_file(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  Path.iterdir would hold one open.

    with held(tmp_path / "shoal-0-a"):
        pass

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
