"""Back-ups: where they may be, that they are whole, and that what they hold can be read again."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from app import db
from app.actions import background, backups
from app.actions.installation import prepare_installation
from app.db import database
from app.errors import UnavailableError
from app.factory import make_app
from app.settings import current
from tests.databases import ON_SQLITE
from tests.e2e.postgres import find_postgres_binaries
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.pufferblow.test_background_tasks import ask, changes_nothing
from tests.ops.processes import is_running, wait_until

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(server: Server) -> Path:
    return current().backup_dir


@pytest.fixture(autouse=True)
def _pg_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that belongs to the server of the tests."""
    binaries = find_postgres_binaries()
    if binaries is not None:
        monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")


def restored(copy: Path, tmp_path: Path) -> str:
    """The URL of a database made from the copy, as docs/operators.md says."""
    if copy.suffix == ".db":
        shutil.copy(copy, tmp_path / "restored.db")
        return f"sqlite:///{tmp_path / 'restored.db'}"
    binaries, source = find_postgres_binaries(), database().url
    assert binaries is not None
    address = source.set(drivername="postgresql")
    plain = address.render_as_string(hide_password=False)
    subprocess.run([binaries / "psql", "-q", plain, "-c", "CREATE DATABASE restored"], check=True)
    into = address.set(database="restored").render_as_string(hide_password=False)
    subprocess.run([binaries / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={into}", copy], check=True)
    return into.replace("postgresql://", "postgresql+psycopg://", 1)


def drop(url: str) -> None:
    binaries = find_postgres_binaries()
    if binaries is None or url.startswith("sqlite"):
        return
    plain = url.replace("+psycopg", "", 1).replace("/restored", "/postgres", 1)
    subprocess.run([binaries / "psql", "-q", plain, "-c", "DROP DATABASE restored WITH (FORCE)"], check=True)


def test_messages_are_read_from_a_restored_copy(server: Server, owner: Person, tmp_path: Path, folder: Path) -> None:
    channel_id = server.create_channel(owner)["channel_id"]
    server.send(owner, channel_id, "before")
    copy = backups.back_up(NOW)
    server.send(owner, channel_id, "after")
    settings = dataclasses.replace(current(), database_url=restored(copy, tmp_path))

    try:
        again = Server(make_app(settings).test_client())
        prepare_installation(settings)
        session = again.call("POST", "/api/v1/users/signin", json={"username": "alice", "password": PASSWORD}).json
        path = f"/api/v1/channels/{channel_id}/load_messages?auth_token={session['auth_token']}"
        texts = [message["message"] for message in again.call("GET", path).json["messages"]]
        database().engine.dispose()
    finally:
        drop(settings.database_url)

    assert texts == ["before"]
    assert [path.name for path in folder.iterdir()] == [copy.name]
    assert (copy.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"s" * 32 not in copy.read_bytes()


def test_the_newest_copies_are_kept_and_other_files_are_left_alone(server: Server, owner: Person, folder: Path) -> None:
    ask(server, owner, "backup-config", max_files=2)
    folder.mkdir()
    (folder / "shoal.db").write_text("mine")

    copies = [backups.back_up(NOW + timedelta(days=day)).name for day in range(3)]

    assert sorted(path.name for path in folder.iterdir()) == sorted([*copies[1:], "shoal.db"])


def test_copies_of_a_clock_that_was_ahead_make_way_for_those_made_since(
    server: Server, owner: Person, folder: Path
) -> None:
    ask(server, owner, "backup-config", max_files=2)
    for day in range(2):
        backups.back_up(NOW + timedelta(days=300 + day))

    first, second = (backups.back_up(NOW + timedelta(days=day)) for day in range(2))

    assert set(folder.iterdir()) == {first, second}


def test_a_copy_that_fails_leaves_nothing_and_takes_nothing(
    server: Server, owner: Person, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(server, owner, "backup-config", max_files=1)
    first = backups.back_up(NOW)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_sync", fail)
    with pytest.raises(UnavailableError, match="No space left"):
        backups.back_up(NOW + timedelta(days=1))

    assert [path.name for path in folder.iterdir()] == [first.name]


@ON_SQLITE
def test_what_a_killed_worker_left_is_taken_away_when_no_worker_can_be_at_it(server: Server, folder: Path) -> None:
    folder.mkdir()
    drafts = [folder / f"{backups._DRAFT}{age}" for age in ("old", "young")]
    for draft, hours in zip(drafts, (2, 0.5), strict=True):
        draft.write_text("half")
        at = (NOW - timedelta(hours=hours)).timestamp()
        os.utime(draft, (at, at))

    copy = backups.back_up(NOW)

    assert set(folder.iterdir()) == {copy, drafts[1]}


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="util-linux is not installed")
def test_pg_dump_does_not_outlive_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, program = tmp_path / "pid", tmp_path / "pg_dump"
    program.write_text(f"#!/bin/sh\necho $$ > {noted}.new\nmv {noted}.new {noted}\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    given = make_url("postgresql://nowhere/shoal"), tmp_path / "draft"
    worker = get_context("fork").Process(target=backups._dump_postgresql, args=given)
    worker.start()
    wait_until(noted.exists)
    pid = int(noted.read_text())
    assert is_running(pid)

    worker.kill()

    wait_until(lambda: not is_running(pid), what="the end of pg_dump")
    worker.join()


def test_without_pg_dump_the_staff_is_told_what_is_missing(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database().is_sqlite:
        pytest.skip("SQLite is copied without a program.")
    monkeypatch.setattr(backups, "_find_pg_dump", lambda: None)
    monkeypatch.setattr(db, "_wake_listeners", [lambda _kind, key: background.run(key)])

    answer = ask(server, owner, "run", task_id="database_backup")

    assert (answer.status_code, "pg_dump is not installed" in answer.json["detail"]) == (400, True)


def test_the_plan_is_kept_and_shown(server: Server, owner: Person, folder: Path) -> None:
    before = ask(server, owner, "backup-config/get").json["config"]
    changed = ask(
        server, owner, "backup-config", enabled=True, mode="file", path="daily", schedule_hours=6, max_files=3
    )
    after = ask(server, owner, "backup-config/get").json["config"]

    assert before == {
        "enabled": False,
        "mode": "file",
        "path": str(folder),
        "mirror_dsn": None,
        "schedule_hours": 24,
        "max_files": 7,
    }
    assert changed.json["config"] == after
    assert after == before | {"enabled": True, "path": str(folder / "daily"), "schedule_hours": 6, "max_files": 3}
    task = ask(server, owner, "status").json["tasks"]["database_backup"]
    assert (task["enabled"], task["schedule_label"]) == (True, "Every 6h")
    assert backups.back_up(NOW).parent == folder / "daily"


SENSELESS: list[dict[str, Any]] = [
    {"path": ".."},
    {"path": "/etc"},
    {"path": "daily/../../elsewhere"},
    {"path": "link"},
    {"path": "x" * 1025},
    {"path": "a" * 300},
    {"path": ""},
    {"mode": "mirror"},
    {"mirror_dsn": "postgresql://elsewhere/shoal"},
    {"schedule_hours": 0},
    {"max_files": 0},
    {"max_files": 3, "path": "../x"},
    {"enabled": "perhaps"},
]


def test_a_plan_that_leads_elsewhere_is_refused(server: Server, owner: Person, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)

    with changes_nothing(server):
        statuses = [ask(server, owner, "backup-config", **given).status_code for given in SENSELESS]

    assert [given for given, status in zip(SENSELESS, statuses, strict=True) if status != 400] == []
    assert ask(server, owner, "backup-config/get").json["config"]["path"] == str(folder)


def test_a_link_laid_later_is_not_followed(server: Server, owner: Person, folder: Path, tmp_path: Path) -> None:
    ask(server, owner, "backup-config", path="daily")
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "daily").symlink_to(elsewhere)

    with pytest.raises(Exception, match="back-ups stay in the folder"):
        backups.back_up(NOW)

    assert list(elsewhere.iterdir()) == []
