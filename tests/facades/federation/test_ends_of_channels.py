"""Whose word it takes to end another server's channel, or what was said there: its moderators may be of any server."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Message, Pin
from app.queries.messages import find_by_uri
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import CONTEXT, RemoteActor

ELSEWHERE = "https://third.example/users/"


@pytest.fixture
def pond(world: World) -> RemoteActor:
    """A channel elsewhere that bob is a member of."""
    pond = world.meet(RemoteActor("https://evil.example/c/pond", "Group"))
    world.join_elsewhere(world.bob, pond, is_open=True)
    return pond


def is_gone(world: World, group: RemoteActor) -> bool:
    actor = world.stored_actor(group.uri)
    return actor is not None and world.channel_row(actor.id).deleted_at is not None


def deletion(world: World, by: RemoteActor, of: RemoteActor) -> dict[str, Any]:
    """As its home has it."""
    delete = by.activity("Delete", of.uri, to=[PUBLIC])
    world.wire.serve(delete["id"], delete | {"@context": CONTEXT})
    return delete


def test_a_channel_ends_by_its_own_word(world: World, pond: RemoteActor) -> None:
    world.receive(pond, pond.activity("Delete", pond.uri))

    assert is_gone(world, pond)


def test_a_channel_ends_by_a_moderator_s_word_that_it_passes_on(world: World, pond: RemoteActor) -> None:
    """As Lemmy's do."""
    delete = deletion(world, world.mallory, pond)

    world.receive(pond, pond.activity("Announce", delete, to=[PUBLIC]))

    assert outcome() == ("done", None)
    assert is_gone(world, pond)


@pytest.mark.parametrize("way", ["themselves", "another channel", "a stranger's channel", "a person"])
def test_nobody_else_of_its_server_ends_a_channel(world: World, pond: RemoteActor, way: str) -> None:
    delete = deletion(world, world.mallory, pond)
    said = world.say(world.bob, world.known(pond).id, "still here")
    before = world.server.stored()["tombstones"]

    if way == "themselves":
        world.receive(world.mallory, delete)
    else:
        uri, type_ = {
            "another channel": ("https://evil.example/c/lake", "Group"),
            "a stranger's channel": ("https://peer.example/c/lake", "Group"),
            "a person": ("https://evil.example/users/neighbour", "Person"),
        }[way]
        other = world.meet(RemoteActor(uri, type_))
        if type_ == "Group":
            world.join_elsewhere(world.bob, other, is_open=True)
        world.receive(other, other.activity("Announce", delete, to=[PUBLIC]))

    assert not is_gone(world, pond)
    assert world.server.stored()["tombstones"] == before
    assert world.get(f"/ap/messages/{said.found['message_id']}").status_code == 200


@pytest.fixture
def said(world: World, pond: RemoteActor) -> str:
    """What zoe, of another server than its, said in the channel."""
    note = world.zoe.note(to=[PUBLIC, pond.uri])
    create = world.zoe.activity("Create", note, to=[PUBLIC, pond.uri])
    world.wire.serve(create["id"], create)
    world.receive(pond, pond.activity("Announce", create, to=[PUBLIC]))
    return str(note["id"])


def find(uri: str) -> Message | None:
    with reading() as session:
        return find_by_uri(session, uri)


def is_said(uri: str) -> bool:
    message = find(uri)
    assert message is not None
    return message.deleted_at is None


def pinned() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Pin.object_uri)))


def passed_on(world: World, by: RemoteActor, activity: dict[str, Any], number: int = 2) -> None:
    world.wire.serve(activity["id"], activity | {"@context": CONTEXT})
    world.receive(by, by.activity("Announce", activity, number=number, to=[PUBLIC]))


@pytest.mark.parametrize("home", ["https://evil.example/users/", ELSEWHERE])
def test_a_moderator_of_any_server_deletes_what_the_channel_passes_on(
    world: World, pond: RemoteActor, said: str, home: str
) -> None:
    moderator = world.meet(RemoteActor(f"{home}moderator"))

    passed_on(world, pond, moderator.activity("Delete", said, summary="spam"))

    assert outcome() == ("done", None)
    assert not is_said(said)


def test_a_moderator_of_any_server_pins_what_the_channel_passes_on(world: World, pond: RemoteActor, said: str) -> None:
    moderator, featured = world.meet(RemoteActor(f"{ELSEWHERE}moderator")), f"{pond.uri}/featured"

    passed_on(world, pond, moderator.activity("Add", said, target=featured))
    assert pinned() == [said]
    passed_on(world, pond, moderator.activity("Remove", said, target=featured), 3)

    assert pinned() == []


@pytest.mark.parametrize("way", ["themselves", "another channel", "a person", "in their name"])
@pytest.mark.parametrize("deed", ["Delete", "Add"])
def test_nobody_moderates_a_channel_that_does_not_pass_it_on(
    world: World, pond: RemoteActor, said: str, way: str, deed: str
) -> None:
    stranger = world.meet(RemoteActor(f"{ELSEWHERE}stranger"))
    activity = stranger.activity(deed, said) | ({"target": f"{pond.uri}/featured"} if deed == "Add" else {})
    lake = world.meet(RemoteActor("https://lake.example/c/lake", "Group"))
    world.join_elsewhere(world.bob, lake, is_open=True)
    before = world.server.stored()["tombstones"]

    if way == "themselves":
        world.receive(stranger, activity)
    elif way == "in their name":  # Their own server knows nothing of it.
        world.receive(lake, lake.activity("Announce", activity, number=2, to=[PUBLIC]))
    else:
        passed_on(world, lake if way == "another channel" else stranger, activity)

    assert is_said(said)
    assert (pinned(), world.server.stored()["tombstones"]) == ([], before)


def test_no_channel_deletes_what_was_not_said_in_it(world: World, pond: RemoteActor) -> None:
    alice, moderator = world.actor(world.alice.id).uri, world.meet(RemoteActor(f"{ELSEWHERE}moderator"))
    note = world.zoe.note(to=[alice])
    world.receive(world.zoe, world.zoe.activity("Create", note, to=[alice]))
    before = world.server.stored()["tombstones"]

    passed_on(world, pond, moderator.activity("Delete", note["id"]))
    passed_on(world, pond, moderator.activity("Delete", world.zoe.uri, number=2), 3)

    assert is_said(note["id"])
    assert world.server.stored()["tombstones"] == before
    assert world.known(world.zoe).deleted_at is None


@pytest.mark.parametrize("home", ["https://peer.example/users/", ELSEWHERE])
@pytest.mark.parametrize("way", ["the note", "its Create"])
def test_what_a_moderator_deleted_before_it_came_is_not_said_in_the_channel(
    world: World, pond: RemoteActor, home: str, way: str
) -> None:
    """Its author's server was slow to show it, or the channel's to pass it on."""
    moderator = world.meet(RemoteActor(f"{home}moderator"))
    note = world.zoe.note(to=[PUBLIC, pond.uri])
    create = world.zoe.activity("Create", note, to=[PUBLIC, pond.uri])
    for document in (note, create):
        world.wire.serve(document["id"], document | {"@context": CONTEXT})

    passed_on(world, pond, moderator.activity("Delete", note["id"]))
    world.receive(pond, pond.activity("Announce", note["id"] if way == "the note" else create, to=[PUBLIC]))

    assert find(note["id"]) is None


def test_what_a_channel_says_is_gone_is_said_elsewhere_all_the_same(world: World, pond: RemoteActor) -> None:
    alice, moderator = world.actor(world.alice.id).uri, world.meet(RemoteActor(f"{ELSEWHERE}moderator"))
    note = world.zoe.note(to=[alice])

    passed_on(world, pond, moderator.activity("Delete", note["id"]))
    world.receive(world.zoe, world.zoe.activity("Create", note, to=[alice]))

    assert is_said(note["id"])


def test_a_forum_that_ends_takes_along_what_it_said_elsewhere(world: World, pond: RemoteActor) -> None:
    """Friendica's forums write themselves, and an actor may have been a person before it was a channel."""
    alice = world.actor(world.alice.id).uri
    note = pond.note(to=[alice])
    world.receive(pond, pond.activity("Create", note, to=[alice]))
    assert is_said(note["id"])

    world.receive(pond, pond.activity("Delete", pond.uri))

    assert is_gone(world, pond)
    assert not is_said(note["id"])


def test_who_was_a_channel_and_is_a_person_is_written_to_alone(world: World, pond: RemoteActor) -> None:
    """Else what is said to them would be read by everybody who was in the channel."""
    world.join_elsewhere(world.alice, pond, is_open=True)
    world.wire.serve(pond.uri, pond.document | {"type": "Person"})
    world.receive(pond, pond.activity("Update", pond.document | {"type": "Person"}))

    told = world.tell(world.bob, pond, "psst")

    message = find(f"{ORIGIN}/ap/messages/{told.found['message_id']}")
    assert message is not None
    assert message.channel_id is None
    other = world.zoe.note(to=[PUBLIC])
    world.wire.serve(other["id"], other | {"@context": CONTEXT})
    world.receive(pond, pond.activity("Announce", other["id"], to=[PUBLIC]))
    assert find(other["id"]) is None
