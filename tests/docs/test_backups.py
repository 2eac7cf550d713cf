"""Backing up and restoring as docs/operators.md tells it, done with a real server on each database."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.docs.markdown import blocks, read, section
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries
from tests.ops.processes import answers, clean_environ, free_port, started, wait_until

OPERATORS = "docs/operators.md"
SECONDS = 60


def commands(heading: str, *words: str) -> str:
    """The commands in the section that have one of the words."""
    found = [block.text for block in blocks(section(read(OPERATORS), heading)) if block.language == "bash"]
    return "".join(text for text in found if any(word in text for word in words))


@dataclass
class Installation:
    folder: Path
    environ: dict[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self) -> Iterator[Server]:
        port = free_port()
        environ = self.environ | {"PORT": str(port)}
        with started(["shoal", "serve"], log=self.folder / "log", environ=environ, cwd=self.folder) as process:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=SECONDS, what="the server's start")
            yield Server(port)
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)


@dataclass
class Server:
    port: int
    token: str = ""

    def call(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        answer = urllib3.request(method, url, json=body, headers=headers, retries=False)
        assert answer.status < 300, answer.data
        return answer.json()

    def sign(self, how: str) -> None:
        self.token = self.call("POST", f"users/sign{how}", username="alice", password="correct horse")["auth_token"]

    def back_up_by_itself(self) -> None:
        """A worker of the server does it; the answer comes when it is done."""
        self.call("POST", "background-tasks/run", task_id="database_backup")

    def say(self, channel_id: str, text: str) -> None:
        self.call("POST", f"channels/{channel_id}/send_message", message=text)

    def said(self, channel_id: str) -> list[str]:
        return [shown["message"] for shown in self.call("GET", f"channels/{channel_id}/load_messages")["messages"]]


def check_restoring(
    old: Installation, new: Installation, *, back_up: str, restore: str, is_by_itself: bool = False
) -> None:
    """`new` has the copy, and becomes what `old` was when it was made; `is_by_itself` is the server's own copy."""
    with old.serving() as server:
        server.sign("up")
        channel_id = server.call("POST", "channels/create/", channel_name="lobby")["channel_data"]["channel_id"]
        server.say(channel_id, "before")
        if is_by_itself:
            server.back_up_by_itself()
        made = old.run(back_up)
        assert made.returncode == 0, made.stderr
        server.say(channel_id, "after")

    if new.folder != old.folder:
        (old.folder / "backup").rename(new.folder / "backup")
    restored = new.run(restore)

    assert restored.returncode == 0, restored.stderr
    with new.serving() as server:
        server.sign("in")
        assert server.said(channel_id) == ["before"]
        server.say(channel_id, "anew")
        assert server.said(channel_id) == ["before", "anew"]


@pytest.mark.e2e
@pytest.mark.parametrize("where", ["the same folder", "a new folder"])
def test_a_copy_of_sqlite_is_restored(tmp_path: Path, where: str) -> None:
    folders = [tmp_path / "old", tmp_path / "new"]
    environ = clean_environ(SHOAL_BIND="127.0.0.1", SHOAL_ORIGIN="http://localhost:7575")
    for folder in folders:
        folder.mkdir()
    old = Installation(folders[0], environ)
    new = old if where == "the same folder" else Installation(folders[1], environ)

    check_restoring(
        old,
        new,
        back_up=commands("Backing up", "sqlite3", "secret_key"),
        restore=commands("Restoring", "shoal.db"),
    )
    refused = new.run(
        "rm data/secret_key; head -c 48 /dev/urandom | base64 > data/secret_key; "
        "chmod 600 data/secret_key; shoal migrate"
    )
    assert refused.returncode == 2, refused.stderr


@pytest.mark.e2e
def test_a_copy_that_the_server_made_by_itself_is_restored_from_sqlite(tmp_path: Path) -> None:
    old = Installation(tmp_path, clean_environ(SHOAL_BIND="127.0.0.1", SHOAL_ORIGIN="http://localhost:7575"))
    secret = commands("Backing up", "secret_key")

    check_restoring(
        old,
        old,
        back_up=commands("Backing up", "shoal-*.db") + secret,
        restore=commands("Restoring", "shoal.db"),
        is_by_itself=True,
    )


@pytest.mark.e2e
@pytest.mark.parametrize("is_by_itself", [False, True])
def test_a_copy_of_postgresql_is_restored(tmp_path: Path, is_by_itself: bool) -> None:
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    environ = clean_environ(
        SHOAL_BIND="127.0.0.1", SHOAL_ORIGIN="http://localhost:7575", SHOAL_SECRET_KEY="a secret of the tests " * 2
    )
    with PostgresCluster(binaries, is_hasty=True) as cluster:
        old, new = (
            Installation(tmp_path, environ | {"DATABASE_URL": cluster.create_database(name)}) for name in ("old", "new")
        )
        check_restoring(
            old,
            new,
            back_up=commands("Backing up", "shoal-*.dump" if is_by_itself else "pg_dump"),
            restore=commands("Restoring", "pg_restore"),
            is_by_itself=is_by_itself,
        )
        other = Installation(tmp_path, new.environ | {"SHOAL_SECRET_KEY": "another secret of the tests " * 2})
        assert other.run("shoal migrate").returncode == 2
