"""What was said and deleted is nowhere any more: no table, no document, no byte of the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.documents import parse_activity
from activitypub.vocabulary import PUBLIC
from app import db
from app.db import reading
from app.models import HistoryGap, Message, MessageContent
from app.pipeline import compose
from app.queries import parts
from app.queries.messages import scope_of
from app.sealing import unseal_row
from tests.world import World, moment

SECRET = "xyzzy"


def opened(world: World) -> list[str]:
    """Where the secret can be read by who holds the keys: names of tables."""
    found = [name for name, rows in world.stored().items() if SECRET in repr(rows)]
    if any(SECRET.encode() in document for document in world.documents().values()):
        found.append("activity_documents")
    with reading() as session:
        rows = session.execute(select(Message, MessageContent.sealed).join(MessageContent)).all()
        texts = [unseal_row(session, scope_of(message), message.id, sealed) for message, sealed in rows]
    if any(SECRET.encode() in text for text in texts):
        found.append("message_contents")
    return found


def bytes_on_disk() -> bytes:
    """The SQLite file and its log, as a thief finds them."""
    path = Path(db.database().url.database or "")
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


def vacuum() -> None:
    db.database().engine.dispose()
    with closing(sqlite3.connect(str(db.database().url.database))) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def announce(world: World, actor: str, object_: Any) -> None:
    document = {"@context": [], "type": "Announce", "actor": actor, "object": object_, "to": [PUBLIC]}
    world.perform(parse_activity(document))


def spread_here(world: World) -> str:
    """A message of ours, edited, announced and embedded in what others do; its URI."""
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(world.bob, lobby, f"{SECRET} frist")
    world.perform(world.edited(world.bob, uri, f"{SECRET} first"))
    note = world.note(world.bob, SECRET, id=uri)
    announce(world, yan.uri, note)
    like = world.identified(
        parse_activity({"@context": [], "type": "Like", "actor": zoe.uri, "object": note, "to": [world.bob.uri]})
    )
    world.perform(like)
    world.perform(build.undo(actor=zoe.uri, object=like))
    return uri


def spread_from_elsewhere(world: World) -> str:
    """A message that another server's channel passed on, and an edit of it."""
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    uri = world.relay(pond, world.created(yan, pond, f"{SECRET} frist"))
    update = world.edited(yan, uri, f"{SECRET} first", to=[pond.uri, PUBLIC])
    world.relay(pond, world.identified(update))
    return uri


def told_directly(world: World) -> str:
    return world.tell(world.bob, [world.actor("zoe", "remote")], SECRET)


CASES = pytest.mark.parametrize("spread", [spread_here, spread_from_elsewhere, told_directly])


def author_of(world: World, uri: str) -> Any:
    with reading() as session:
        message = session.scalars(select(Message).where(Message.uri == uri)).one()
        return session.get_one(type(world.bob), message.author_id)


@CASES
def test_deleted_message_is_in_no_table(world: World, spread: Callable[[World], str]) -> None:
    uri = spread(world)
    assert opened(world) == ["activity_documents", "message_contents"]

    world.perform(world.deleted(author_of(world, uri), uri))

    assert opened(world) == []


@CASES
def test_envelopes_and_digests_stay(world: World, spread: Callable[[World], str]) -> None:
    uri = spread(world)
    before = {row.uri: row.digest for row in world.log()}

    world.perform(world.deleted(author_of(world, uri), uri))

    after = {row.uri: row.digest for row in world.log()}
    assert before.items() <= after.items()


def test_what_says_that_it_was_deleted_is_kept_to_be_delivered(world: World) -> None:
    uri = spread_here(world)
    world.forget()

    delete = world.perform(world.deleted(world.bob, uri))

    assert world.document(delete.uri) is not None
    undelivered = {row.activity_id for row in world.delivery_rows()}
    assert undelivered <= set(world.documents())
    assert [sent.type for sent in world.deliveries()] == ["Delete", "Announce"]


def test_text_in_the_delete_itself_is_not_kept(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(zoe, world.channel("lobby", members=[zoe]), SECRET)
    delete = build.delete(actor=zoe.uri, object=world.note(zoe, SECRET, id=uri), to=[PUBLIC])

    world.perform(delete)

    assert opened(world) == []


def test_text_in_a_delete_that_came_first_is_not_kept(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = f"{zoe.uri}/notes/1"

    world.perform(build.delete(actor=zoe.uri, object=world.note(zoe, SECRET, id=uri), to=[PUBLIC]))

    assert opened(world) == []


def test_everything_a_deleted_actor_said_is_in_no_table(world: World) -> None:
    uri = spread_here(world)
    world.tell(world.bob, [world.alice], SECRET)
    assert opened(world) == ["activity_documents", "message_contents"]

    tombstone = build.tombstone(id=world.bob.uri, former_type="Person", deleted=moment())
    world.perform(build.delete(actor=world.bob.uri, object=tombstone, to=[]))

    assert opened(world) == []
    assert world.message(uri).deleted_at is not None


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Small parts, and each moment at which others in the process have a turn."""
    given: list[float] = []
    monkeypatch.setattr(parts, "AT_ONCE", 2)
    monkeypatch.setattr(parts, "LOOKED_AT_ONCE", 2)
    monkeypatch.setattr(parts, "sleep", given.append)
    return given


def test_very_much_that_an_actor_said_goes_in_parts(world: World, turns: list[float]) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    for number in range(5):
        world.say(zoe, lobby, f"{SECRET} {number}")
        kept = world.say(world.bob, lobby, f"kept {number}")

    tombstone = build.tombstone(id=zoe.uri, former_type="Person", deleted=moment())
    world.perform(world.identified(build.delete(actor=zoe.uri, object=tombstone, to=[])))

    assert opened(world) == []
    assert world.text(kept) is not None
    with reading() as session:
        assert session.scalars(select(HistoryGap.deleted)).all() == [5]
    assert len(turns) == 3


def test_very_much_that_was_said_in_a_channel_goes_in_parts(world: World, turns: list[float]) -> None:
    lobby, den = world.channel("lobby"), world.channel("den")
    for number in range(5):
        world.say(world.bob, lobby, f"{SECRET} {number}")
        kept = world.say(world.bob, den, f"kept {number}")

    world.perform(compose.channel_deletion(world.viewer(world.alice), lobby.id))

    assert opened(world) == []
    assert world.text(kept) is not None
    assert len(turns) >= 3 + 5  # For the messages, and for the documents that were recorded of these and of others.


def test_what_others_said_stays(world: World) -> None:
    uri = spread_here(world)
    (channel_id,) = {world.message(uri).channel_id}
    note = world.note(world.actor("xan", "remote"), "kept", to=[f"https://chat.example/ap/channels/{channel_id}"])
    world.perform(build.create(actor=note["attributedTo"], object=note))

    world.perform(world.deleted(world.bob, uri))

    assert world.text(note["id"]) == "kept"


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@CASES
def test_disk_holds_ciphertext_alone_and_after_deletion_not_even_that(
    world: World, spread: Callable[[World], str]
) -> None:
    uri = spread(world)
    with reading() as session:
        (sealed,) = session.scalars(select(MessageContent.sealed)).all()
    on_disk = bytes_on_disk()
    assert SECRET.encode() not in on_disk
    assert sealed[:64] in on_disk

    world.perform(world.deleted(author_of(world, uri), uri))
    vacuum()

    assert sealed[:64] not in bytes_on_disk()
    assert SECRET.encode() not in bytes_on_disk()
