"""Who hears what was said, and who does not."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from activitypub import build
from activitypub.html import to_text
from activitypub.vocabulary import PUBLIC
from app.db import transaction
from app.live.writer import QUEUE_BYTES_MAX
from app.models import Actor, Event, MessageContent
from app.pipeline import compose, submit
from tests.activitypub.test_html import payloads
from tests.corpus import corpus
from tests.facades.pufferblow.ears import (
    DIRECT_KEYS,
    MESSAGE_KEYS,
    Room,
    carol,
    lobby,
    make_channel,
    put_out,
    react,
    room,
    secret,
)
from tests.world import Channel, World

__all__ = ["carol", "lobby", "room", "secret"]


def test_channel_message_has_the_shape_that_clients_know(world: World, room: Room, lobby: Channel) -> None:
    world.change_account(world.bob, about="here", status="dnd")
    ear = room.listen(world.alice)

    uri = world.say(world.bob, lobby, "Hello 👋")
    room.tell()

    (told,) = ear.heard
    assert set(told) == MESSAGE_KEYS
    assert told["type"] == "message"
    assert isinstance(told["event_id"], int)
    assert told["message_id"] == world.message(uri).id
    assert (told["channel_id"], told["sender_user_id"]) == (lobby.id, world.bob.id)
    assert (told["username"], told["sender_username"]) == ("bob", "bob")
    assert (told["message"], told["attachments"], told["reactions"]) == ("Hello 👋", [], [])
    assert told["hashed_message"] == hashlib.sha256("Hello 👋".encode()).hexdigest()
    assert (told["sender_avatar_url"], told["sender_banner_url"], told["edited_at"]) == (None, None, None)
    assert (told["sender_status"], told["sender_roles"], told["sender_about"]) == ("dnd", ["user"], "here")
    for key in ("sent_at", "sender_last_seen", "sender_created_at"):
        assert datetime.fromisoformat(told[key]).utcoffset() == timedelta(0)


def test_text_of_every_script_is_told_as_it_was_typed(world: World, room: Room, lobby: Channel) -> None:
    strings = json.loads((corpus("unicode") / "naughty-strings.json").read_text())
    texts = ["\n".join(strings).strip(), *(text for text in strings[::40] if text.strip())]
    ear = room.listen(world.alice)

    for text in texts:
        world.say(world.bob, lobby, text)
    room.tell()

    assert ear.texts == texts


def test_markup_of_ours_is_told_as_it_was_typed_and_of_others_as_its_words(
    world: World, room: Room, lobby: Channel
) -> None:
    ear, dora = room.listen(world.alice), world.actor("dora", "remote")
    world.join(dora, lobby)
    markups = [markup for markup in payloads()[::67] if to_text(markup).strip()]
    for markup in markups:
        world.say(world.bob, lobby, markup)
        note = world.note(dora, markup, to=[lobby.uri, PUBLIC], audience=[lobby.uri])
        del note["source"]
        world.perform(build.create(actor=dora.uri, object=note | {"content": markup}))
    room.tell()

    assert ear.texts == [text for markup in markups for text in (markup, to_text(markup))]


def test_sender_hears_it_too_on_all_devices(world: World, room: Room, lobby: Channel) -> None:
    ears = [room.listen(world.bob), room.listen(world.bob), room.listen(world.bob, lobby)]

    world.say(world.bob, lobby, "mine")
    room.tell()

    assert [ear.texts for ear in ears] == [["mine"]] * 3


def test_all_roles_of_the_sender_are_told(world: World, room: Room, lobby: Channel) -> None:
    world.grant(world.bob, "moderator")
    world.grant(world.bob, "admin")
    ear = room.listen(world.alice)

    world.say(world.bob, lobby, "hi")
    room.tell()

    assert ear.last("message")["sender_roles"] == ["admin", "moderator"]


def test_attachments_are_urls(world: World, room: Room, lobby: Channel) -> None:
    remote = world.actor("dora", "remote")
    note = world.note(remote, "look", to=[lobby.uri, PUBLIC], audience=[lobby.uri])
    urls = ["https://pond.example/1.png", "https://pond.example/2.png"]
    note["attachment"] = [{"type": "Document", "mediaType": "image/png", "url": url} for url in urls]
    ear = room.listen(world.alice)

    world.perform(build.create(actor=remote.uri, object=note))
    room.tell()

    assert ear.last("message")["attachments"] == urls


def test_message_of_a_remote_member_is_told(world: World, room: Room, lobby: Channel) -> None:
    remote = world.actor("dora", "remote")
    world.join(remote, lobby)
    ear, narrowed = room.listen(world.bob), room.listen(world.bob, lobby)

    world.say(remote, lobby, "hello from the pond")
    room.tell()

    told = ear.last("message")
    assert set(told) == MESSAGE_KEYS
    assert (told["channel_id"], told["username"]) == (lobby.id, "dora@pond.example")
    assert (told["sender_user_id"], told["sender_roles"], told["sender_status"]) == (remote.id, ["user"], "offline")
    assert narrowed.texts == ["hello from the pond"]


def test_socket_for_one_channel_hears_that_channel_alone(world: World, room: Room, lobby: Channel) -> None:
    other = world.channel("other")
    ear = room.listen(world.bob, lobby)

    world.say(world.alice, other, "elsewhere")
    world.say(world.alice, lobby, "here")
    world.tell(world.alice, [world.bob], "between us")
    room.tell()

    assert ear.types == ["message"]
    assert ear.texts == ["here"]


def test_channel_made_after_the_socket_is_heard(world: World, room: Room) -> None:
    ear = room.listen(world.bob)

    channel = make_channel(world, "later")
    submit(compose.channel_message(world.viewer(world.alice), channel, "first"))
    room.tell()

    assert ear.texts == ["first"]


def test_what_was_said_before_is_not_said_again(world: World, room: Room, lobby: Channel) -> None:
    world.say(world.alice, lobby, "before")
    room.tell()
    ear = room.listen(world.bob)

    world.say(world.alice, lobby, "after")
    room.tell()

    assert ear.texts == ["after"]


def test_order_of_a_channel_is_the_order_of_the_log(world: World, room: Room, lobby: Channel) -> None:
    ear = room.listen(world.bob)

    uris = [world.say(world.alice, lobby, f"message {number}") for number in range(5)]
    react(world, world.bob, uris[0], "👍")
    world.perform(world.deleted(world.alice, uris[4]))
    room.tell()

    assert ear.texts == [f"message {number}" for number in range(4)]
    assert ear.types == ["message"] * 4 + ["message_reaction_added", "message_deleted"]
    ids = [told["event_id"] for told in ear.heard]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("batches", [1, 8])
def test_much_at_once_is_told_at_a_pace_that_clients_keep(
    world: World, room: Room, lobby: Channel, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """What is told between two rests, and one frame more, fits into a queue, also if it is told in several batches."""
    ear, rests = room.listen(world.bob), [0]
    monkeypatch.setattr("app.live.pace.time.sleep", lambda _seconds: rests.append(sum(map(len, ear.frames))))
    for _ in range(8):
        world.say(world.alice, lobby, "😀" * 49_000)
        if batches > 1:
            room.tell()
    room.tell()

    told = sum(map(len, ear.frames))
    assert told > QUEUE_BYTES_MAX
    assert max(after - before for before, after in itertools.pairwise([*rests, told])) < QUEUE_BYTES_MAX / 2


def test_nothing_that_was_said_is_in_the_events(world: World, lobby: Channel) -> None:
    uri = world.say(world.bob, lobby, "a secret phrase")
    world.perform(world.edited(world.bob, uri, "a secret phrase, edited"))
    world.tell(world.bob, [world.alice], "a secret phrase")

    rows = [
        {column.name: getattr(row, column.name) for column in Event.__table__.columns} for row in world.event_rows()
    ]
    assert len(rows) == 3
    assert "secret phrase" not in repr(rows)


# Direct messages.


def test_direct_message_is_told_to_its_people_alone(world: World, room: Room, lobby: Channel, carol: Actor) -> None:
    mine, yours, hers = room.listen(world.alice), room.listen(world.bob), room.listen(carol)
    narrowed = [room.listen(world.alice, lobby), room.listen(world.bob, lobby)]

    uri = world.tell(world.alice, [world.bob], "between us")
    room.tell()

    assert mine.heard == yours.heard
    (told,) = yours.heard
    assert set(told) == DIRECT_KEYS
    assert told["type"] == "direct_message"
    assert told["conversation_id"] == world.message(uri).conversation_id
    assert (told["message"], told["sender_user_id"], told["federated"]) == ("between us", world.alice.id, False)
    assert hers.heard == narrowed[0].heard == narrowed[1].heard == []


def test_direct_message_from_elsewhere_names_who_sent_it(world: World, room: Room) -> None:
    remote = world.actor("dora", "remote")
    ear = room.listen(world.bob)

    world.tell(remote, [world.bob], "psst")
    room.tell()

    told = ear.last("direct_message")
    assert set(told) == DIRECT_KEYS | {"remote_actor_uri"}
    assert (told["federated"], told["remote_actor_uri"]) == (True, remote.uri)
    assert (told["message"], told["username"]) == ("psst", "dora@pond.example")


def test_what_becomes_of_a_direct_message_is_told_to_its_people(world: World, room: Room, carol: Actor) -> None:
    remote = world.actor("dora", "remote")
    uri = world.tell(world.alice, [world.bob, remote], "first")
    conversation = world.message(uri).conversation_id
    ear, hers = room.listen(world.bob), room.listen(carol)

    world.perform(world.edited(world.alice, uri, "second"))
    world.perform(build.like(actor=remote.uri, object=uri, to=[world.alice.uri], content="🎉"))
    room.tell()
    world.perform(world.deleted(world.alice, uri))
    room.tell()

    assert ear.types == ["direct_message", "message_edited", "message_reaction_added", "message_deleted"]
    assert all(told["conversation_id"] == conversation and "channel_id" not in told for told in ear.heard)
    assert ear.last("message_edited")["message"] == "second"
    assert hers.heard == []


# Private channels.


def test_private_channel_is_heard_by_those_who_may_see_it(
    world: World, room: Room, secret: Channel, carol: Actor
) -> None:
    moderator = world.actor("moderator")
    world.grant(moderator, "moderator")
    ears = {actor.id: room.listen(actor) for actor in (world.alice, world.bob, moderator, carol)}

    uri = world.say(world.bob, secret, "for us")
    react(world, world.bob, uri, "👍")
    world.perform(world.edited(world.bob, uri, "only us"))
    world.perform(world.deleted(world.bob, uri))
    room.tell()
    world.say(world.bob, secret, "again")
    room.tell()

    assert ears[carol.id].heard == []
    for actor in (world.alice, world.bob, moderator):
        assert ears[actor.id].types[-1] == "message"


def test_remote_member_of_a_private_channel_is_heard(world: World, room: Room, secret: Channel, carol: Actor) -> None:
    remote = world.actor("dora", "remote")
    world.join(remote, secret)
    room.tell()
    ear, hers = room.listen(world.bob), room.listen(carol)

    world.say(remote, secret, "from the pond", is_public=False)
    room.tell()

    assert (ear.texts, hers.heard) == (["from the pond"], [])


def test_whoever_is_let_in_hears_at_once(world: World, room: Room, secret: Channel, carol: Actor) -> None:
    ear = room.listen(carol)
    world.say(world.bob, secret, "before")
    room.tell()

    world.join(carol, secret)
    world.say(world.bob, secret, "after")
    room.tell()

    assert ear.types == ["member_added", "message"]
    assert ear.texts == ["after"]


def test_whoever_is_put_out_hears_nothing_more(world: World, room: Room, secret: Channel) -> None:
    ear, narrowed, stays = room.listen(world.bob), room.listen(world.bob, secret), room.listen(world.alice, secret)

    put_out(world, world.bob, secret)
    uri = world.say(world.alice, secret, "without bob")
    world.perform(world.edited(world.alice, uri, "really"))
    react(world, world.alice, uri, "👍")
    world.perform(world.deleted(world.alice, uri))
    room.tell()

    assert ear.types == ["member_removed"]
    assert (ear.closed, narrowed.closed, stays.closed) == (None, 1008, None)
    assert narrowed.types == ["member_removed"]
    assert "message_deleted" in stays.types


def test_access_is_asked_when_it_is_told_not_when_it_was_said(world: World, room: Room, secret: Channel) -> None:
    ear = room.listen(world.bob)

    world.say(world.alice, secret, "just before")
    put_out(world, world.bob, secret)
    room.tell()

    assert ear.types == ["member_removed"]


def test_leaving_an_open_channel_does_not_end_its_sockets(world: World, room: Room, lobby: Channel) -> None:
    world.join(world.bob, lobby)
    ear = room.listen(world.bob, lobby)

    submit(compose.unfollow(world.viewer(world.bob), lobby.actor))
    world.say(world.alice, lobby, "still open")
    room.tell()

    assert (ear.closed, ear.texts) == (None, ["still open"])


def test_public_channel_is_not_heard_by_the_banned(world: World, room: Room, lobby: Channel, carol: Actor) -> None:
    ear = room.listen(carol)

    world.change_account(carol, banned_at=datetime.now(UTC))
    world.say(world.alice, lobby, "without carol")
    room.tell()

    assert ear.heard == []


def test_text_that_does_not_open_takes_no_other_along(world: World, room: Room, lobby: Channel) -> None:
    ear = room.listen(world.alice)
    uris = [world.say(world.bob, lobby, text) for text in ("one", "damaged", "three")]
    with transaction() as session:
        damaged = update(MessageContent).where(MessageContent.message_id == world.message(uris[1]).id)
        session.execute(damaged.values(sealed=b"\0" * 64))

    room.tell()

    assert [told["message"] for told in ear.heard] == ["one", "three"]
