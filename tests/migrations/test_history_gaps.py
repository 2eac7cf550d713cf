"""Messages that were deleted before it was counted where they are missing: revision 0003 counts them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import func, insert, select, update

from app.db import database, reading, transaction
from app.ids import new_id
from app.models import Channel, Conversation, HistoryGap, Message, MessageContent
from app.queries.messages import MAX_PAGE, Content, encode_content
from app.queries.paging import BLOCK
from app.sealing import seal_row
from tests.facades.conftest import Person, Server, member, owner, server
from tests.migrations.test_migrations import config_for

__all__ = ["member", "owner", "server"]

HEAD = 2 * BLOCK + 300
NEAR = 1000 // MAX_PAGE
"""Pages that begin after so many messages, counted off one by one; those after them need the count of what is gone."""


@pytest.fixture
def database_url(empty_database_url: str) -> Iterator[str]:
    """One that was migrated, as in service, in place of one whose tables were made from the models."""
    command.upgrade(config_for(empty_database_url), "head")
    yield empty_database_url
    database().engine.dispose()


def fill(place: dict[str, str], author: Person, *, first: str) -> list[str]:
    """A history in which some blocks of positions have lost more than others; what is left of it, the newest first.

    The first message is there already, and with it the key that seals all of them.
    """
    chance, now = random.Random(3), datetime.now(UTC)
    shares = {0: 0.1, 1: 0.7, 2: 0.3}
    rows: list[dict[str, Any]] = []
    for position in range(2, HEAD + 1):
        id_ = new_id("msg")
        is_gone = chance.random() < shares[position // BLOCK]
        rows.append(
            {
                "id": id_,
                "uri": f"https://chat.example/{id_}",
                "author_id": author.id,
                **place,
                "position": position,
                "audience": "public" if "channel_id" in place else "direct",
                "published_at": now,
                "deleted_at": now if is_gone else None,
            }
        )
    living = [str(row["id"]) for row in rows if row["deleted_at"] is None]
    (scope,) = place.values()
    content = encode_content(Content("hello", "<p>hello</p>"))
    with transaction() as session:
        # What returns something is sent a thousand rows at a time, and not one by one.
        session.execute(insert(Message).returning(Message.id), rows)
        sealed = [{"message_id": id_, "sealed": seal_row(session, scope, id_, content)} for id_ in living]
        session.execute(insert(MessageContent).returning(MessageContent.message_id), sealed)
        session.execute(update(Channel).where(Channel.actor_id == scope).values(head=HEAD))
        session.execute(update(Conversation).where(Conversation.id == scope).values(head=HEAD))
    return [*living[::-1], first]


def migrate_again(url: str) -> None:
    """The history is in a database of revision 0002, and that is brought to head."""
    database().engine.dispose()
    command.downgrade(config_for(url), "0002")
    command.upgrade(config_for(url), "head")


def page(server: Server, person: Person, path: str, **query: Any) -> Any:
    answer = server.call("GET", path, person=person, query_string={"messages_per_page": MAX_PAGE, **query})
    assert answer.status_code == 200, answer.text
    return answer.json


def ids(loaded: Any) -> list[str]:
    """Of a page, the newest first."""
    return [message["message_id"] for message in loaded["messages"]][::-1]


def assert_pages(server: Server, person: Person, path: str, living: list[str], **query: Any) -> None:
    for number in (1, *range(NEAR, len(living) // MAX_PAGE + 3)):
        expected = living[(number - 1) * MAX_PAGE : number * MAX_PAGE]
        assert ids(page(server, person, path, page=number, **query)) == expected, number


def assert_cursors(server: Server, person: Person, path: str, living: list[str]) -> None:
    loaded = page(server, person, path)
    walked = ids(loaded)
    while loaded["next_cursor"] is not None:
        loaded = page(server, person, path, before_cursor=loaded["next_cursor"])
        walked += ids(loaded)
    assert walked == living


def test_histories_of_an_older_database_page_as_lists_of_what_is_left(
    server: Server, owner: Person, member: Person, database_url: str
) -> None:
    lobby = str(server.create_channel(owner)["channel_id"])
    sent = server.call("POST", "/api/v1/dms/send", person=owner, json={"peer": "bob", "message": "hello"}).json
    conversation, first_told = (sent["result"][name] for name in ("conversation_id", "message_id"))
    said = fill({"channel_id": lobby}, member, first=server.send(owner, lobby, "hello")["message_id"])
    told = fill({"conversation_id": conversation}, member, first=first_told)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(HistoryGap)) == 0

    migrate_again(database_url)

    path = f"/api/v1/channels/{lobby}/load_messages"
    assert_pages(server, owner, path, said)
    assert_cursors(server, owner, path, said)
    assert_pages(server, owner, "/api/v1/dms/messages", told, peer="bob")
    for gone in (said.pop(3), said.pop(1100)):
        deletion = f"/api/v1/channels/{lobby}/delete_message"
        server.call("DELETE", deletion, person=member, query_string={"message_id": gone})
    said.insert(0, str(server.send(owner, lobby, "new")["message_id"]))
    assert_pages(server, owner, path, said)
