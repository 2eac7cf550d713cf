"""The local socket: lines in place of frames, and nothing else that differs."""

from __future__ import annotations

import json
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.waiting import eventually
from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat, Process

Connect = Callable[..., "LocalClient"]


class LocalClient:
    def __init__(self, path: Path, first: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        try:
            self.sock.connect(str(path))
        except OSError:
            self.sock.close()
            raise
        self._lines = self.sock.makefile("rb")
        self.sock.sendall(first.encode() + b"\n")

    def close(self) -> None:
        self._lines.close()
        self.sock.close()

    def say(self, **ping: Any) -> None:
        self.sock.sendall(json.dumps({"type": "ping", "ping_type": "client_request"} | ping).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """Empty at the end."""
        told: dict[str, Any] = json.loads(self._lines.readline() or b"{}")
        return told


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "shoal.sock"


@pytest.fixture
def process(chat: Chat, path: Path, tmp_path: Path) -> Iterator[Process]:
    process = Process(chat.environ | {"SHOAL_LOCAL_SOCKET": str(path)}, tmp_path / "process")
    process.start()
    eventually(path.exists, what="the local socket is there")
    yield process
    process.child.kill()


@pytest.fixture
def connect(process: Process, path: Path, stack: ExitStack) -> Connect:
    def connected(first: str) -> LocalClient:
        client = LocalClient(path, first)
        stack.callback(client.close)
        return client

    return connected


def token_of(person: Person) -> str:
    return json.dumps({"auth_token": person.token})


def test_lines_are_what_frames_are(chat: Chat, connect: Connect, path: Path, alice: Person) -> None:
    client = connect(token_of(alice))

    client.say(request_method="GET", request_target_id=alice.id, request_id=1)
    client.say(request_method="FLY", request_id=2)
    first, second = client.hear(), client.hear()
    text = "quack 🦆" * 1000
    chat.send(chat.owner, chat.lobby, text)
    told = client.hear()
    chat.call("POST", "/api/v1/auth/revoke", refresh_token=alice.session["refresh_token"])
    last = client.hear()

    assert (first["username"], first["request_id"]) == (alice.username, 1)
    assert (second["error_code"], second["request_id"]) == (5, 2)
    assert told["content"] == text
    assert (last["ping_type"], last["error_code"], last["error"]) == ("error", 3, "signed out")
    assert client.hear() == {}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_refusal_is_the_only_line(connect: Connect) -> None:
    refusals = {
        "": 2,
        "token": 2,
        "{}": 3,
        '{"auth_token": 7}': 3,
        '{"auth_token": "a.b.c"}': 3,
        '{"auth_token": "\\r\\nX: y"}': 3,
    }
    for first, code in refusals.items():
        client = connect(first)
        refusal = client.hear()

        assert (refusal["ping_type"], refusal["error_code"]) == ("error", code), first
        assert client.hear() == {}


@pytest.mark.slow
def test_another_process_takes_over(chat: Chat, process: Process, path: Path, tmp_path: Path, alice: Person) -> None:
    other = Process(chat.environ | {"SHOAL_LOCAL_SOCKET": str(path)}, tmp_path / "other")
    other.start()
    try:
        process.child.kill()
        eventually(lambda: answers(path, alice), what="the other process serves the local socket")
    finally:
        other.child.kill()


def answers(path: Path, person: Person) -> bool:
    try:
        client = LocalClient(path, token_of(person))
    except OSError:
        return False
    with closing(client):
        client.say(request_method="GET", request_target_id="0")
        return client.hear().get("id") == "0"
