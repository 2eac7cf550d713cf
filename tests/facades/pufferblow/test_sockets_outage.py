"""Sockets outlive the database's absence, and what could not be written then is put right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import db
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries
from tests.e2e.valkey import ValkeyServer
from tests.facades.pufferblow.chat import Chat
from tests.live.conftest import make_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[PostgresCluster]:
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with PostgresCluster(binaries, is_hasty=True) as cluster:
        yield cluster


@pytest.fixture
def chat(
    cluster: PostgresCluster, valkey: ValkeyServer, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> Chat:
    """A server whose database may be stopped."""
    url = make_tables(cluster.create_database("chat").replace("postgres://", "postgresql+psycopg://", 1))
    chat = Chat(database_url=url, redis_url=valkey.url, name="fragile", folder=tmp_path / "data")
    stack.callback(chat.kill)
    chat.prepare()
    stack.callback(db.database().engine.dispose)
    monkeypatch.setattr(db, "_wake_listeners", [chat.hint])
    return chat


def test_no_socket_fails_with_the_database_and_statuses_are_made_up_for(
    chat: Chat, cluster: PostgresCluster, stack: ExitStack
) -> None:
    stays, leaves = chat.sign_up("bob"), chat.sign_up("carol")
    ear = stack.enter_context(chat.connect(chat.owner))
    first, second = (stack.enter_context(chat.connect(person)) for person in (stays, leaves))
    for person in (stays, leaves):
        ear.wait_for("user_status_changed", user_id=person.id, status="online")

    cluster.stop()
    second.sock.close()
    first.say({"type": "presence_update", "status": "dnd"})
    refused = first.wait_for("error")
    first.say({"type": "typing", "channel_id": chat.lobby})
    first.say({"type": "read_confirmation", "message_id": "msg_x"})
    first.say({"type": "ping"})
    first.wait_for("pong")
    cluster.start()

    assert refused["error"] == "The server cannot store this now. Try again."
    assert ear.wait_for("user_status_changed", user_id=leaves.id)["status"] == "offline"
    chat.send(chat.owner, chat.lobby, "back again")
    assert first.wait_for("message")["message"] == "back again"
    first.say({"type": "presence_update", "status": "dnd"})
    ear.wait_for("user_status_changed", user_id=stays.id, status="dnd")
