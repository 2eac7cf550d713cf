"""Chat servers for the tests of sockets, one on each database, each started once for all tests that ask."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import db
from tests.e2e.postgres import PostgresCluster
from tests.e2e.valkey import ValkeyServer
from tests.facades.pufferblow.chat import Chat, Listener, Process
from tests.live.conftest import make_tables, postgres, valkey
from tests.world import world

__all__ = ["postgres", "valkey", "world"]


@pytest.fixture(scope="session")
def chats(
    tmp_path_factory: pytest.TempPathFactory, valkey: ValkeyServer, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Chat]]:
    """The server on that database."""
    running: dict[str, Chat] = {}
    with ExitStack() as stack:

        def start(backend: str) -> Chat:
            if backend not in running:
                folder = tmp_path_factory.mktemp(f"chat-{backend}")
                url = make_database(backend, folder, request)
                running[backend] = Chat(database_url=url, redis_url=valkey.url, name=backend, folder=folder)
                stack.callback(running[backend].kill)
            return running[backend]

        yield start


# Sockets wait for processes and clocks: on the second database they do so in `make e2e`.
@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def chat(
    request: pytest.FixtureRequest, chats: Callable[[str], Chat], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Chat]:
    """The server, with this test process on its database."""
    chat = chats(request.param)
    chat.prepare()
    monkeypatch.setattr(db, "_wake_listeners", [chat.hint])
    yield chat
    db.database().engine.dispose()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Whatever is entered into it, sockets above all, is closed after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def connect(chat: Chat, stack: ExitStack) -> Callable[..., Listener]:
    """`Chat.connect`; the sockets are closed after the test."""
    return lambda *about, **more: stack.enter_context(chat.connect(*about, **more))


@pytest.fixture
def far(chat: Chat) -> Process:
    """A second web process of the installation."""
    return chat.far()


def make_database(backend: str, folder: Path, request: pytest.FixtureRequest) -> str | None:
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "shoal.db")
        return None
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    return make_tables(cluster.create_database(folder.name).replace("postgres://", "postgresql+psycopg://", 1))
