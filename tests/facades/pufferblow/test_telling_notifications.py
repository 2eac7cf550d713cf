"""What sockets are told of mentions: those of who is mentioned, and no others."""

from __future__ import annotations

import pytest

from activitypub import build
from app.pipeline import compose, submit
from tests.facades.pufferblow.ears import Room, lobby, room, secret
from tests.world import Channel, World, moment

__all__ = ["lobby", "room", "secret"]


def test_who_is_mentioned_hears_of_it(world: World, room: Room, lobby: Channel) -> None:
    ear, hers, elsewhere = room.listen(world.bob), room.listen(world.alice), room.listen(world.actor("carol"))

    said = submit(compose.channel_message(world.viewer(world.alice), lobby.id, "hello @bob"))
    room.tell()

    told = ear.last("notification_created")["notification"]
    assert told["notification_id"].startswith("notification_")
    assert {key: told[key] for key in ("user_id", "type", "actor_user_id", "channel_id", "message_id", "read_at")} == {
        "user_id": world.bob.id,
        "type": "mention",
        "actor_user_id": world.alice.id,
        "channel_id": lobby.id,
        "message_id": said.found["message_id"],
        "read_at": None,
    }
    assert (hers.types, elsewhere.types) == (["message"], ["message"])


def test_somebody_elsewhere_mentions_one_of_ours(world: World, room: Room, lobby: Channel) -> None:
    remote = world.actor("dora", "remote")
    world.join(remote, lobby)
    ear = room.listen(world.bob)

    world.say(remote, lobby, "hello bob", mentions={world.bob.uri: "@bob"})
    room.tell()

    assert ear.last("notification_created")["notification"]["actor_user_id"] == remote.id


@pytest.mark.parametrize("who", ["blocked", "outsider"])
def test_who_is_not_listened_to_or_not_seen_tells_nobody(
    world: World, room: Room, lobby: Channel, secret: Channel, who: str
) -> None:
    outsider = world.actor("carol")
    ear = room.listen(outsider)
    place = lobby if who == "blocked" else secret
    if who == "blocked":
        world.perform(build.block(actor=outsider.uri, object=world.alice.uri))

    submit(compose.channel_message(world.viewer(world.alice), place.id, "hello @carol"))
    room.tell()

    assert "notification_created" not in ear.types


def test_a_reply_is_told_to_who_is_replied_to(world: World, room: Room, secret: Channel) -> None:
    first = submit(compose.channel_message(world.viewer(world.bob), secret.id, "a question"))
    ear = room.listen(world.bob)

    reply_to = first.found["message_id"]
    submit(compose.channel_message(world.viewer(world.alice), secret.id, "an answer", reply_to=reply_to))
    room.tell()

    assert ear.types.count("notification_created") == 1


def test_a_reply_from_elsewhere_needs_no_mention(world: World, room: Room, lobby: Channel) -> None:
    remote = world.actor("dora", "remote")
    world.join(remote, lobby)
    uri = world.say(world.bob, lobby, "a question")
    ear = room.listen(world.bob)

    world.say(remote, lobby, "an answer", in_reply_to=uri)
    room.tell()

    assert ear.types.count("notification_created") == 1


def test_edits_tell_no_more_people_than_one_message_may(
    world: World, room: Room, lobby: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.effects.notifying.MOST", 2)
    remote = world.actor("dora", "remote")
    world.join(remote, lobby)
    people = [world.actor(name) for name in ("carol", "dave", "erin")]
    ears = [room.listen(person) for person in people]
    uri = world.say(remote, lobby, "hello", mentions={people[0].uri: "@carol"})

    for updated in range(1, 3):
        mentions = {person.uri: f"@{person.preferred_username}" for person in people}
        edited = moment(minutes=updated)
        world.perform(world.edited(remote, uri, f"hello {updated}", updated=edited, mentions=mentions))
    room.tell()

    assert sum(ear.types.count("notification_created") for ear in ears) == 2
