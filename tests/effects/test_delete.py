"""Delete: what is gone stays gone, on every way it may come back."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.documents import Activity, parse_activity
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.models import ActivityDocument, Actor, Message, MessageContent
from app.pipeline import compose
from tests.founding import URIS
from tests.world import Sent, World, moment

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])
INBOX = "https://pond.example/inbox"


@ORIGINS
def test_deleted_message_says_nothing_and_is_still_there(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "regret")
    world.forget()

    world.perform(world.deleted(zoe, uri))

    assert world.text(uri) is None
    assert world.message(uri).deleted_at is not None
    assert world.events() == ["message_deleted"]
    assert [row[0] for row in world.stored()["tombstones"]] == [uri]


def test_deletion_is_announced_and_sent_to_those_who_make_nothing_of_that(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])
    uri = world.say(world.bob, lobby, "regret")
    world.forget()

    world.perform(world.deleted(world.bob, uri))

    assert world.deliveries() == [Sent("Delete", world.bob.uri, INBOX), Sent("Announce", lobby.uri, INBOX)]


def test_deletion_of_a_direct_message_goes_to_peoples_own_inboxes_alone(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.tell(world.bob, [zoe], "psst")
    world.forget()

    world.perform(world.deleted(world.bob, uri))

    assert world.deliveries() == [Sent("Delete", world.bob.uri, zoe.inbox)]


@pytest.mark.parametrize("author", ["local", "remote"])
def test_moderator_deletes_what_others_said(world: World, author: str) -> None:
    mallory, zoe = world.actor("mallory", author), world.actor("zoe", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(mallory, lobby, "spam")
    world.forget()

    world.perform(world.deleted(world.alice, uri))

    assert world.text(uri) is None
    # Shoal and Lemmy understand the first, Mastodon the second.
    assert [(sent.type, sent.sender) for sent in world.deliveries()] == [("Announce", lobby.uri), ("Undo", lobby.uri)]


def test_moderator_elsewhere_deletes_in_its_own_channel(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, pond, "spam")

    world.perform(world.deleted(zoe, uri))

    assert world.text(uri) is None


@ORIGINS
def test_nobody_else_deletes_a_message(world: World, origin: str) -> None:
    mallory, zoe = world.actor("mallory", origin, host="evil.example"), world.actor("zoe", "remote")
    uri = world.say(zoe, world.channel("lobby"), "mine")

    with world.refuses(ForbiddenError):
        world.perform(_delete(mallory, uri))


def test_moderator_deletes_nothing_in_another_servers_channel(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.alice])
    uri = world.say(world.actor("zoe", "remote"), pond, "mine")

    with world.refuses(ForbiddenError):
        world.perform(_delete(world.alice, uri))


def test_moderator_does_not_learn_of_other_peoples_direct_messages(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.tell(zoe, [world.bob], "psst")

    with world.refuses(NotFoundError):
        world.perform(_delete(world.alice, uri))


@ORIGINS
def test_message_is_deleted_once(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(zoe, world.channel("lobby"), "regret")
    delete = world.deleted(zoe, uri)
    world.perform(delete)
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(delete)


@pytest.mark.parametrize("object_", ["its URI", "a Tombstone", "the whole note"])
def test_delete_is_understood_however_it_names_the_message(world: World, object_: str) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(zoe, world.channel("lobby"), "regret")
    named = {
        "its URI": uri,
        "a Tombstone": {"id": uri, "type": "Tombstone"},
        "the whole note": world.note(zoe, "regret", id=uri),
    }[object_]

    world.perform(_delete(zoe, named))

    assert world.text(uri) is None


# Nothing of the text is left (every table is searched in tests/pipeline/test_erasure.py).


def test_whole_note_in_a_delete_is_not_told_again(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[world.actor("yan", "remote", host="lake.example")])
    uri = world.say(zoe, lobby, "regret")

    delete = world.proved(_delete(zoe, world.note(zoe, "regret", id=uri)))
    world.perform(delete)

    announce = world.announced()[-1]
    assert announce["object"]["id"] == delete.id
    assert announce["object"]["object"] == uri
    assert "proof" not in announce["object"]
    assert "regret" not in json.dumps(announce)


def test_reactions_shares_and_pins_go_with_the_message(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "regret")
    world.perform(build.like(actor=zoe.uri, object=uri, to=[world.bob.uri]))
    world.perform(build.announce(actor=zoe.uri, object=uri, published=moment(), to=[PUBLIC]))
    world.perform(build.add(actor=world.alice.uri, object=uri, target=f"{lobby.uri}/featured", to=[lobby.uri]))

    world.perform(world.deleted(world.bob, uri))

    stored = world.stored()
    assert (stored["reactions"], stored["shares"], stored["pins"]) == ([], [], [])


# Reordered on the way (fault F26).


def test_message_that_comes_after_its_delete_never_appears(world: World) -> None:
    """Hostile case ORI-21."""
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    note = world.note(zoe, "late", to=[lobby.uri, PUBLIC])
    world.perform(_delete(zoe, note["id"]))

    with world.refuses(ConflictError):
        world.perform(build.create(actor=zoe.uri, object=note))

    assert world.texts(lobby) == []


@ORIGINS
def test_early_delete_of_what_is_anothers_is_refused(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin, host="evil.example")

    with world.refuses(NotFoundError):
        world.perform(_delete(mallory, "https://pond.example/notes/77"))


@pytest.mark.parametrize("type_", ["Delete", "Undo"])
@pytest.mark.parametrize("way", ["sent to bob", "announced by a channel"])
def test_early_end_by_somebody_else_of_the_same_server_does_not_count(world: World, type_: str, way: str) -> None:
    zoe, neighbour = world.actor("zoe", "remote"), world.actor("neighbour", "remote")
    pond = world.remote_channel("pond", host="lake.example", members=[world.bob])
    note = world.note(zoe, "still here", to=[PUBLIC], mentions={world.bob.uri: "@bob"})
    world.perform(_end(type_, neighbour, note["id"]))

    if way == "sent to bob":
        world.perform(build.create(actor=zoe.uri, object=note))
    else:
        note |= {"tag": []}
        announce = build.announce(actor=pond.uri, object=note["id"], published=moment(), to=[PUBLIC])
        world.perform(announce, fetched={note["id"]: note})

    assert world.text(note["id"]) == "still here"


@pytest.mark.parametrize("others", ["before", "after"])
def test_early_delete_by_the_author_counts_whoever_else_says_so(world: World, others: str) -> None:
    zoe, neighbour = world.actor("zoe", "remote"), world.actor("neighbour", "remote")
    note = world.note(zoe, "regret", to=[world.bob.uri])
    for actor in (neighbour, zoe) if others == "before" else (zoe, neighbour):
        world.perform(_delete(actor, note["id"]))
    world.forget()

    with world.refuses(ConflictError):
        world.perform(build.create(actor=zoe.uri, object=note))


def test_early_delete_by_a_moderator_of_the_channels_server_counts(world: World) -> None:
    zoe, moderator = world.actor("zoe", "remote"), world.actor("moderator", "remote")
    pond = world.remote_channel("pond", members=[world.bob])
    create = world.created(zoe, pond, "rude")
    world.perform(_delete(moderator, str(create.object_id)))
    world.forget()

    with world.refuses(ConflictError):
        world.perform(create)

    assert world.texts(pond) == []


# Channels.


def test_deleted_channel_takes_leave_of_its_followers_itself(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote"), world.bob])

    world.perform(compose.channel_deletion(world.viewer(world.alice), lobby.id))

    assert world.channel_row(lobby).deleted_at is not None
    assert world.members(lobby) == []
    assert world.deliveries() == [Sent("Delete", lobby.uri, INBOX)]
    assert [(event.type, event.channel_id, event.actor_id) for event in world.event_rows()] == [
        ("channel_deleted", lobby.id, world.alice.id)
    ]
    (goodbye,) = [world.json(row.uri) for row in world.log() if row.type == "Delete" and row.actor_id == lobby.id]
    assert (goodbye["object"]["id"], goodbye["object"]["type"]) == (lobby.uri, "Tombstone")


def test_nothing_that_was_said_in_a_deleted_channel_is_kept(world: World) -> None:
    lobby, den = world.channel("lobby"), world.channel("den")
    world.say(world.bob, lobby, "hello")
    kept = world.say(world.bob, den, "still here")

    world.perform(compose.channel_deletion(world.viewer(world.alice), lobby.id))

    with reading() as session:
        assert session.scalars(select(Message.uri).join(MessageContent)).all() == [kept]
        assert session.scalars(select(ActivityDocument.scope).where(ActivityDocument.scope == lobby.id)).all() == []


def test_name_of_a_deleted_channel_may_be_given_again(world: World) -> None:
    lobby = world.channel("lobby")
    world.perform(compose.channel_deletion(world.viewer(world.alice), lobby.id))

    again = world.channel("lobby")

    assert again.id != lobby.id
    assert again.actor.local_name == "lobby"


def test_nobody_writes_in_a_deleted_channel(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    world.perform(compose.channel_deletion(world.viewer(world.alice), lobby.id))
    world.forget()

    with world.refuses(NotFoundError):
        world.say(zoe, lobby, "hello?")


def test_member_may_not_delete_a_channel(world: World) -> None:
    lobby = world.channel("lobby")

    with world.refuses(ForbiddenError):
        world.perform(compose.channel_deletion(world.viewer(world.bob), lobby.id))


def test_nobody_elsewhere_deletes_a_channel_of_ours(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    lobby = world.channel("lobby", members=[mallory])

    with world.refuses(ForbiddenError):
        world.perform(_delete(mallory, lobby.uri))


def test_channel_elsewhere_that_is_deleted_is_gone_here(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])

    world.perform(_delete(pond.actor, pond.uri))

    assert world.channel_row(pond).deleted_at is not None
    assert world.members(pond) == []
    assert world.events() == ["channel_deleted"]


# People.


def test_actor_that_deletes_itself_leaves_nothing_but_its_name(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    said, told = world.say(zoe, lobby, "hello"), world.say(world.bob, lobby, "hi zoe")
    world.perform(build.like(actor=zoe.uri, object=told, to=[world.bob.uri]))

    world.perform(_delete(zoe, zoe.uri))

    assert world.text(said) is None
    assert world.reactions(told) == {}
    assert world.members(lobby) == []
    assert world.reload(zoe.uri).deleted_at is not None


def test_actor_that_a_message_stands_in_the_place_of_deletes_itself_all_the_same(world: World) -> None:
    """A neighbour put it there before anybody here knew the actor."""
    neighbour, lobby = world.actor("yan", "remote"), world.channel("lobby")
    misplaced = world.say(neighbour, lobby, "hello", id="https://pond.example/users/zoe")
    zoe = world.actor("zoe", "remote")
    said = world.say(zoe, lobby, "hello")

    world.perform(_delete(zoe, zoe.uri))

    assert zoe.uri == misplaced
    assert world.text(said) is None
    assert world.reload(zoe.uri).deleted_at is not None


def test_followers_of_one_of_ours_hear_of_its_end(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.forget()

    world.perform(_delete(world.bob, world.bob.uri))

    assert world.deliveries() == [Sent("Delete", world.bob.uri, INBOX)]


def test_what_a_deleted_actor_sends_late_is_refused(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    world.perform(_delete(zoe, zoe.uri))
    world.forget()

    with world.refuses(NotFoundError):
        world.say(zoe, lobby, "still here")


@ORIGINS
@pytest.mark.parametrize("victim", ["local", "remote"])
def test_nobody_deletes_anybody_else(world: World, origin: str, victim: str) -> None:
    mallory, zoe = world.actor("mallory", origin, host="evil.example"), world.actor("zoe", victim)

    with world.refuses(ForbiddenError):
        world.perform(_delete(mallory, zoe.uri))


def test_nobody_deletes_the_instance(world: World) -> None:
    with world.refuses(ForbiddenError):
        world.perform(_delete(world.alice, URIS.instance))


def _delete(actor: Actor, object_: object) -> Activity:
    return _end("Delete", actor, object_)


def _end(type_: str, actor: Actor, object_: object) -> Activity:
    document = {"@context": [], "type": type_, "actor": actor.uri, "object": object_, "to": [PUBLIC]}
    return parse_activity(document)
