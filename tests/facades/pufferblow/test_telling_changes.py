"""What sockets are told besides new messages, and what telling costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from activitypub import build
from activitypub.vocabulary import PUBLIC
from app.actions import pruning
from app.actions.server import change_server
from app.db import transaction
from app.errors import UnavailableError
from app.facades.pufferblow import telling
from app.models import Actor, Event
from app.pipeline import compose, submit
from tests.effects.test_create_group import renamed
from tests.facades.pufferblow.ears import (
    MESSAGE_KEYS,
    Room,
    carol,
    lobby,
    make_channel,
    put_out,
    react,
    room,
    secret,
    statements,
)
from tests.world import Channel, World

__all__ = ["carol", "lobby", "room", "secret"]


def test_edit_is_told_with_the_whole_message(world: World, room: Room, lobby: Channel) -> None:
    uri = world.say(world.bob, lobby, "frist")
    react(world, world.alice, uri, "👍")
    room.tell()
    ear, narrowed = room.listen(world.alice), room.listen(world.alice, lobby)

    world.perform(world.edited(world.bob, uri, "first"))
    room.tell()

    (told,) = ear.heard
    assert set(told) == MESSAGE_KEYS
    assert (told["type"], told["message"], told["message_id"]) == ("message_edited", "first", world.message(uri).id)
    assert datetime.fromisoformat(told["edited_at"]) > datetime.fromisoformat(told["sent_at"])
    assert [reaction["emoji"] for reaction in told["reactions"]] == ["👍"]
    assert narrowed.heard == ear.heard


def test_everybody_is_told_what_the_server_is_called_now(world: World, room: Room, lobby: Channel) -> None:
    room.tell()
    ears = [room.listen(person) for person in (world.alice, world.bob)]
    narrowed = room.listen(world.bob, lobby)

    change_server(world.viewer(world.alice), {"server_name": "The Pond"})
    room.tell()

    assert [ear.types for ear in ears] == [["server_updated"], ["server_updated"]]
    assert {name: ears[0].heard[0][name] for name in ("server_name", "server_description")} == {
        "server_name": "The Pond",
        "server_description": "",
    }
    assert narrowed.heard == []


def test_author_alone_is_told_that_another_server_will_not_get_the_message(
    world: World, room: Room, lobby: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.perform(build.follow(actor=world.actor("zoe", "remote").uri, object=lobby.uri))
    uri = world.say(world.bob, lobby, "hello")
    room.tell()
    ear, other = room.listen(world.bob), room.listen(world.alice)
    monkeypatch.setattr(pruning, "QUEUE_MAX", 0)

    pruning.prune(datetime.now(UTC))
    room.tell()

    (told,) = ear.heard
    assert told.pop("event_id")
    assert told == {"type": "delivery_dropped", "message_id": world.message(uri).id, "host": "pond.example"}
    assert other.heard == []


def test_deletion_is_told_without_the_text(world: World, room: Room, lobby: Channel) -> None:
    uri = world.say(world.bob, lobby, "oops")
    message_id = world.message(uri).id
    room.tell()
    ear = room.listen(world.alice)

    world.perform(world.deleted(world.bob, uri))
    room.tell()

    (told,) = ear.heard
    event_id = told.pop("event_id")
    assert isinstance(event_id, int)
    assert told == {"type": "message_deleted", "message_id": message_id, "channel_id": lobby.id}


def test_reaction_is_told_with_all_there_are(world: World, room: Room, lobby: Channel) -> None:
    uri = world.say(world.bob, lobby, "nice")
    message_id = world.message(uri).id
    room.tell()
    ear = room.listen(world.bob)
    remote = world.actor("dora", "remote")

    react(world, world.alice, uri, "👍")
    room.tell()
    world.perform(build.like(actor=remote.uri, object=uri, to=[world.bob.uri]))
    room.tell()
    submit(compose.reaction_taken_back(world.viewer(world.alice), message_id, "👍"))
    room.tell()

    thumb = {"emoji": "👍", "count": 1, "user_ids": [world.alice.id]}
    heart = {"emoji": "❤", "count": 1, "user_ids": [remote.id]}
    told: list[Any] = [{k: v for k, v in message.items() if k != "event_id"} for message in ear.heard]
    about = {"message_id": message_id, "channel_id": lobby.id}
    added, removed = "message_reaction_added", "message_reaction_removed"
    assert told == [
        {"type": added, **about, "user_id": world.alice.id, "emoji": "👍", "reactions": [thumb]},
        {"type": added, **about, "user_id": remote.id, "emoji": "❤", "reactions": [thumb, heart]},
        {"type": removed, **about, "user_id": world.alice.id, "emoji": "👍", "reactions": [heart]},
    ]


def test_new_channel_is_told_as_the_list_shows_it(world: World, room: Room) -> None:
    ear, hers = room.listen(world.alice), room.listen(world.bob)

    open_id = make_channel(world, "Town Square")
    room.tell()

    told = ear.last("channel_created")
    assert hers.heard == ear.heard
    created_at = told["channel"].pop("created_at")
    assert datetime.fromisoformat(created_at).utcoffset() == timedelta(0)
    assert told["channel"] == {
        "channel_id": open_id,
        "channel_name": "Town Square",
        "channel_type": "text",
        "messages_ids": [],
        "is_private": False,
        "allowed_users": [],
        "participant_ids": [],
    }


def test_new_private_channel_is_told_to_those_who_may_see_it(world: World, room: Room) -> None:
    moderator = world.actor("moderator")
    world.grant(moderator, "moderator")
    ears = [room.listen(actor) for actor in (world.alice, moderator, world.bob)]

    make_channel(world, "secret", is_private=True)
    room.tell()

    assert [ear.types for ear in ears] == [["channel_created"], ["channel_created"], []]


def test_renamed_channel_is_told(world: World, room: Room, lobby: Channel, secret: Channel) -> None:
    ear = room.listen(world.bob)
    hers = room.listen(world.actor("outsider"))

    for channel in (lobby, secret):
        world.perform(renamed(world.alice, channel, f"{channel.id[-4:]} renamed"))
    room.tell()

    names = [told["channel"]["channel_name"] for told in ear.heard]
    assert ear.types == ["channel_updated", "channel_updated"]
    assert names == [f"{channel.id[-4:]} renamed" for channel in (lobby, secret)]
    assert hers.types == ["channel_updated"]


def test_deleted_channel_is_told_to_all_who_saw_it_and_ends_its_sockets(
    world: World, room: Room, lobby: Channel
) -> None:
    ear, narrowed = room.listen(world.bob), room.listen(world.bob, lobby)

    submit(compose.channel_deletion(world.viewer(world.alice), lobby.id))
    room.tell()

    told = ear.last("channel_deleted")
    assert told == {"type": "channel_deleted", "event_id": told["event_id"], "channel_id": lobby.id}
    assert (ear.closed, narrowed.closed) == (None, 1008)
    assert narrowed.types == ["channel_deleted"]


def test_members_hear_that_their_private_channel_is_deleted(
    world: World, room: Room, secret: Channel, carol: Actor
) -> None:
    ear, hers = room.listen(world.bob), room.listen(carol)

    submit(compose.channel_deletion(world.viewer(world.alice), secret.id))
    room.tell()

    assert ear.types == ["channel_deleted"]
    assert hers.heard == []


def test_followers_hear_that_a_channel_elsewhere_is_deleted(world: World, room: Room, carol: Actor) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    ear, hers = room.listen(world.bob), room.listen(carol)

    tombstone = build.tombstone(id=pond.uri, former_type="Group", deleted=datetime.now(UTC))
    world.perform(build.delete(actor=pond.uri, object=tombstone, to=[PUBLIC]))
    room.tell()

    assert ear.types == ["channel_deleted"]
    assert hers.heard == []


def test_message_of_a_channel_that_is_gone_is_not_told(world: World, room: Room, lobby: Channel) -> None:
    ear = room.listen(world.bob)

    world.say(world.alice, lobby, "last words")
    submit(compose.channel_deletion(world.viewer(world.alice), lobby.id))
    room.tell()

    assert ear.types == ["channel_deleted"]


def test_message_that_is_gone_is_not_told(world: World, room: Room, lobby: Channel) -> None:
    ear = room.listen(world.bob)

    uri = world.say(world.alice, lobby, "unsaid")
    world.perform(world.deleted(world.alice, uri))
    room.tell()

    assert ear.types == ["message_deleted"]


def test_coming_and_going_of_members_is_told(world: World, room: Room, secret: Channel, carol: Actor) -> None:
    ear = room.listen(world.bob)
    outsider = room.listen(world.actor("outsider"))

    world.join(carol, secret)
    put_out(world, carol, secret)
    room.tell()

    told = [{k: v for k, v in message.items() if k != "event_id"} for message in ear.heard]
    assert told == [
        {"type": "member_added", "channel_id": secret.id, "user_id": carol.id},
        {"type": "member_removed", "channel_id": secret.id, "user_id": carol.id},
    ]
    assert outsider.heard == []


def test_event_of_a_kind_that_nobody_is_told_of_is_passed_over(world: World, room: Room, lobby: Channel) -> None:
    ear = room.listen(world.bob)

    with transaction() as session:
        session.execute(insert(Event).values(type="profile_updated", data={}, created_at=datetime.now(UTC)))
    world.say(world.alice, lobby, "next")
    room.tell()

    assert ear.types == ["message"]


# What it costs.


@pytest.mark.parametrize("sockets", [1, 200])
def test_push_costs_four_queries_however_many_listen(world: World, room: Room, lobby: Channel, sockets: int) -> None:
    people = [world.actor(f"person{number}") for number in range(sockets // 10)] or [world.bob]
    ears = [room.listen(people[number // 10]) for number in range(sockets)]
    world.say(world.alice, lobby, "the first opens the channel's key")
    room.tell()

    for number in range(20):
        world.say(world.alice, lobby, f"message {number}")
    with statements() as asked:
        room.tell()

    # One of them is this test's own look at the log.
    assert len(asked) - 1 <= 4, asked
    assert all(len(ear.frames) == 21 for ear in ears)


def test_open_channels_of_a_space_are_asked_about_once(world: World, room: Room) -> None:
    rooms = [world.channel(f"room {number}") for number in range(5)]
    ear = room.listen(world.bob)
    for channel in rooms:
        world.say(world.alice, channel, "key")
    room.tell()

    for channel in rooms:
        world.say(world.alice, channel, "hello")
    with statements() as asked:
        room.tell()

    assert len(asked) - 1 <= 4, asked
    assert len(ear.frames) == 10


def test_message_is_rendered_once_for_all_sockets(world: World, room: Room, lobby: Channel) -> None:
    ears = [room.listen(actor) for actor in (world.alice, world.bob)]

    world.say(world.bob, lobby, "once")
    room.tell()

    first, second = (ear.frames[0] for ear in ears)
    assert first is second


def test_batch_that_fails_half_way_is_told_to_nobody(
    world: World, room: Room, lobby: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = room.listen(world.bob)
    world.say(world.alice, lobby, "one")
    make_channel(world, "two")

    def fail(*_: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(telling, "find_view", fail)
    with pytest.raises(UnavailableError):
        room.tell()

    assert ear.heard == []


# What is not recorded.


def test_typing_is_told_to_all_but_the_one_who_types(world: World, room: Room, lobby: Channel) -> None:
    typist, ear, narrowed = room.listen(world.alice), room.listen(world.bob), room.listen(world.bob, lobby)
    elsewhere = room.listen(world.bob, world.channel("elsewhere"))

    telling.tell_typing(world.alice.id, "alice", lobby.id, users=[world.alice.id, world.bob.id])

    expected = {"type": "typing", "channel_id": lobby.id, "user_id": world.alice.id, "username": "alice"}
    assert ear.heard == narrowed.heard == [expected]
    assert typist.heard == elsewhere.heard == []


def test_typing_is_told_to_those_who_are_named(world: World, room: Room, secret: Channel, carol: Actor) -> None:
    typist, ear, hers = room.listen(world.alice), room.listen(world.bob), room.listen(carol)

    telling.tell_typing(world.alice.id, "alice", secret.id, users=[world.alice.id, world.bob.id])

    assert (typist.types, ear.types, hers.types) == ([], ["typing"], [])
