"""What channels of other servers announce by its address, from the request to the message."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.documents import parse_activity
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Event, Message
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import CONTEXT, RemoteActor


@pytest.fixture
def pond(world: World) -> RemoteActor:
    """A channel elsewhere that bob is a member of."""
    pond = world.meet(RemoteActor("https://evil.example/c/pond", "Group"))
    world.join_elsewhere(world.bob, pond, is_open=True)
    return pond


def served(world: World, author: RemoteActor, **fields: Any) -> dict[str, Any]:
    """A note that its home shows to everybody."""
    note = author.note(**({"to": [PUBLIC]} | fields)) | {"@context": CONTEXT}
    world.wire.serve(note["id"], note)
    return note


def messages() -> list[tuple[str, str | None]]:
    """The URI of each message, and the channel it stands in."""
    with reading() as session:
        return [(row.uri, row.channel_id) for row in session.scalars(select(Message).order_by(Message.position))]


def told() -> list[str]:
    with reading() as session:
        return [event.type for event in session.scalars(select(Event)) if event.message_id]


@pytest.mark.parametrize("way", ["a page for people", "a redirect", "a fragment"])
def test_a_known_note_under_another_address_is_the_same_message(world: World, pond: RemoteActor, way: str) -> None:
    note = served(world, world.zoe)
    other = {
        "a page for people": "https://peer.example/@zoe/1",
        "a redirect": "https://evil.example/short",
        "a fragment": f"{note['id']}#again",
    }[way]
    if way == "a redirect":
        world.wire.moved[other] = note["id"]
    else:
        world.wire.serve(other, note)
    world.receive(pond, pond.activity("Announce", note["id"], number=1, to=[PUBLIC]))

    world.receive(pond, pond.activity("Announce", other, number=2, to=[PUBLIC]))

    assert outcome() == ("done", None)
    assert [uri for uri, _ in messages()] == [note["id"]]
    assert told() == ["message"]


@pytest.mark.parametrize(
    "odd",
    [
        {"attributedTo": ["https://evil.example/users/mallory", "https://peer.example/users/zoe"]},
        {"attributedTo": []},
        {"as:attributedTo": "https://peer.example/users/zoe"},
        {"@id": "https://peer.example/users/zoe/notes/1"},
        {"@graph": []},
        {"@type": "Article"},
        {"as:to": [PUBLIC]},
        {"@context": [CONTEXT, {"content": "as:attributedTo"}]},
        {"content": ""},
    ],
    ids=str,
)
def test_what_no_create_could_have_brought_is_no_message(world: World, pond: RemoteActor, odd: dict[str, Any]) -> None:
    note = world.mallory.note(to=[PUBLIC]) | {"@context": CONTEXT} | odd
    world.wire.serve(note["id"], note)

    world.receive(pond, pond.activity("Announce", note["id"], to=[PUBLIC]))

    assert outcome()[0] == "dropped"
    assert (messages(), told()) == ([], [])


def test_what_several_of_one_server_have_made_is_by_the_first(world: World, pond: RemoteActor) -> None:
    """PeerTube's videos are by a person and by the channel that announces them."""
    note = served(world, world.mallory, attributedTo=[{"id": world.mallory.uri}, {"id": pond.uri}], type="Video")

    world.receive(pond, pond.activity("Announce", note["id"], to=[PUBLIC]))

    assert [uri for uri, _ in messages()] == [note["id"]]


@pytest.mark.parametrize("announced", ["its address", "its Create"])
@pytest.mark.parametrize("told_of", ["a channel of ours", "somebody of ours"])
def test_another_servers_channel_takes_nothing_from_those_to_whom_it_was_said(
    world: World, pond: RemoteActor, announced: str, told_of: str
) -> None:
    lobby, alice = world.channel("lobby"), world.actor(world.alice.id).uri
    mention = {"type": "Mention", "href": alice, "name": "@alice"}
    cases: dict[str, tuple[dict[str, Any], str | None, str]] = {
        "a channel of ours": ({"cc": [f"{ORIGIN}/ap/channels/{lobby}"]}, lobby, "message"),
        "somebody of ours": ({"cc": [alice], "tag": [mention]}, None, "direct_message"),
    }
    fields, place, event = cases[told_of]
    note = served(world, world.zoe, **fields)
    create = world.zoe.activity("Create", note)
    world.wire.serve(create["id"], create)

    world.receive(pond, pond.activity("Announce", note["id"] if announced == "its address" else create, to=[PUBLIC]))
    world.receive(world.zoe, create)

    assert messages() == [(note["id"], place)]
    assert told() == [event]


def says(world: World, pond: RemoteActor, way: str) -> None:
    """Something is said in the channel, one way or another."""
    to = [PUBLIC, pond.uri]
    if way == "by its own server":
        note = world.mallory.note(to=to)
        world.receive(world.mallory, world.mallory.activity("Create", note, to=to))
        return
    note = served(world, world.zoe, to=to)
    create = world.zoe.activity("Create", note, to=to) | {"@context": CONTEXT}
    world.wire.serve(create["id"], create)
    announced: Any = create if way == "announced whole" else note["id"]
    world.receive(pond, pond.activity("Announce", announced, to=[PUBLIC]))


WAYS = pytest.mark.parametrize("way", ["announced whole", "announced by its address", "by its own server"])


@WAYS
@pytest.mark.parametrize("left", ["by leaving", "by being put out"])
def test_a_channel_that_nobody_here_is_in_any_more_is_not_heard(
    world: World, pond: RemoteActor, way: str, left: str
) -> None:
    """Whoever was followed once could go on for ever."""
    bob = world.actor(world.bob.id).uri
    follow = world.last_activity("Follow", bob)
    if left == "by leaving":
        world.submit(build.undo(actor=bob, object=parse_activity(follow)))
    else:
        world.receive(pond, pond.activity("Reject", follow))

    says(world, pond, way)

    assert outcome()[0] == "dropped"
    assert (messages(), told()) == ([], [])


@WAYS
def test_it_is_heard_while_one_of_ours_is_in_it_or_waits_to_be(world: World, way: str) -> None:
    lake = world.meet(RemoteActor("https://evil.example/c/lake", "Group"))
    known = world.known(lake)
    world.submit(build.follow(actor=world.actor(world.bob.id).uri, object=lake.uri))

    says(world, lake, way)

    assert [channel_id for _, channel_id in messages()] == [known.id]


def test_what_is_said_to_a_channel_of_ours_too_is_said_there(world: World, pond: RemoteActor) -> None:
    bob, harbour = world.actor(world.bob.id).uri, world.channel("Harbour")
    world.submit(build.undo(actor=bob, object=parse_activity(world.last_activity("Follow", bob))))
    to = [PUBLIC, pond.uri, world.actor(harbour).uri]

    world.receive(world.mallory, world.mallory.activity("Create", world.mallory.note(to=to), to=to))

    assert [channel_id for _, channel_id in messages()] == [harbour]
