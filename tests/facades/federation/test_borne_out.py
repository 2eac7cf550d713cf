"""What a channel elsewhere passes on and nobody's home shows, as the ids of Mastodon, GoToSocial and WordPress have a
fragment, and Misskey answers under none: what it is about bears it out, or nothing does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Activity, Event, Message, Notification
from app.queries.messages import find_by_uri
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor
from tests.facades.federation.test_announced import pond, served
from tests.facades.federation.test_passed_on import text_of

__all__ = ["pond"]

IDS = pytest.mark.parametrize("has_fragment", [True, False], ids=["a fragment", "none"])


def unknown(by: RemoteActor, type: str, object: Any, *, has_fragment: bool = True, **more: Any) -> dict[str, Any]:
    """An activity that its home does not have."""
    activity = by.activity(type, object, to=[PUBLIC], **more)
    return activity | ({"id": f"{by.uri}/notes/1#{type.lower()}"} if has_fragment else {})


def pass_on(world: World, by: RemoteActor, activity: dict[str, Any], *, number: int = 1) -> None:
    world.receive(by, by.activity("Announce", activity, number=number, to=[PUBLIC]))


@pytest.fixture
def said(world: World, pond: RemoteActor) -> str:
    """What zoe said in the channel."""
    note = served(world, world.zoe)
    pass_on(world, pond, note["id"])
    return str(note["id"])


def find(uri: str) -> Message | None:
    with reading() as session:
        return find_by_uri(session, uri)


def logged() -> set[str]:
    with reading() as session:
        return set(session.scalars(select(Activity.uri)))


def events(type: str) -> list[Event]:
    with reading() as session:
        return list(session.scalars(select(Event).where(Event.type == type)))


@IDS
def test_what_is_made_is_said_as_its_home_has_it(world: World, pond: RemoteActor, has_fragment: bool) -> None:
    note = served(world, world.zoe)

    pass_on(world, pond, unknown(world.zoe, "Create", note | {"content": "forged"}, has_fragment=has_fragment))

    assert outcome() == ("done", None)
    assert text_of(note["id"]) == "hello"


@IDS
def test_an_edit_is_read_at_its_home(world: World, pond: RemoteActor, said: str, has_fragment: bool) -> None:
    bob = world.actor(world.bob.id).uri
    told = [{"type": "Mention", "href": bob, "name": "@bob"}]
    now = served(world, world.zoe, content="better", updated="2026-11-01T00:00:00Z", tag=told)

    pass_on(world, pond, unknown(world.zoe, "Update", now | {"content": "forged"}, has_fragment=has_fragment), number=2)

    assert (outcome(), text_of(said)) == (("done", None), "better")
    [event] = events("message_edited")
    zoe = world.stored_actor(world.zoe.uri)
    assert zoe is not None
    assert event.actor_id == zoe.id
    with reading() as session:
        assert session.scalars(select(Notification.account_id)).all() == [world.bob.id]


@pytest.mark.parametrize("home", ["an older edit", "another author", "private", "nothing", "empty"])
def test_an_edit_that_its_home_does_not_show_is_none(world: World, pond: RemoteActor, said: str, home: str) -> None:
    edit = world.zoe.activity("Update", served(world, world.zoe, content="good", updated="2026-11-02T00:00:00Z"))
    world.receive(world.zoe, edit)
    assert text_of(said) == "good"
    yan = world.meet(RemoteActor("https://peer.example/users/yan"))
    shown: dict[str, Any] = {
        "an older edit": {"content": "worse", "updated": "2026-11-01T00:00:00Z"},
        "another author": {"content": "worse", "attributedTo": yan.uri, "updated": "2026-11-03T00:00:00Z"},
        "private": {"content": "worse", "to": [world.actor(world.alice.id).uri], "updated": "2026-11-03T00:00:00Z"},
        "empty": {"content": "", "updated": "2026-11-03T00:00:00Z"},
    }
    note = served(world, world.zoe, **shown.get(home, {"content": "worse"}))
    if home == "nothing":
        world.wire.serve(note["id"], 404)
    before = len(events("message_edited"))

    pass_on(world, pond, unknown(world.zoe, "Update", note | {"content": "forged"}), number=2)

    assert text_of(said) == "good"
    assert len(events("message_edited")) == before


def test_an_edit_of_what_never_came_here_makes_no_message_of_it(world: World, pond: RemoteActor) -> None:
    """It may be years old."""
    note = served(world, world.zoe)

    pass_on(world, pond, unknown(world.zoe, "Update", note))

    assert (outcome()[0], find(note["id"])) == ("dropped", None)
    assert note["id"] not in world.wire.asked


def test_what_was_not_edited_is_not_shown_as_edited(world: World, pond: RemoteActor, said: str) -> None:
    """Whatever the channel says, and however often."""
    pass_on(world, pond, unknown(world.zoe, "Update", served(world, world.zoe)), number=2)

    message = find(said)
    assert message is not None
    assert (outcome()[0], message.edited_at, events("message_edited")) == ("dropped", None, [])
    pass_on(world, pond, unknown(world.zoe, "Update", served(world, world.zoe, content="better")), number=3)
    assert (outcome(), text_of(said), len(events("message_edited"))) == (("done", None), "better", 1)


@IDS
@pytest.mark.parametrize("by", ["its author", "a moderator"])
def test_a_channel_tells_what_is_gone_from_it(
    world: World, pond: RemoteActor, said: str, by: str, has_fragment: bool
) -> None:
    deleter = world.zoe if by == "its author" else RemoteActor("https://third.example/users/moderator")

    pass_on(world, pond, unknown(deleter, "Delete", said, has_fragment=has_fragment), number=2)

    assert (outcome(), text_of(said)) == (("done", None), None)
    assert len(events("message_deleted")) == 1


@pytest.mark.parametrize("where", ["another channel", "a conversation"])
def test_a_channel_tells_of_nothing_that_is_gone_elsewhere(world: World, pond: RemoteActor, where: str) -> None:
    alice = world.actor(world.alice.id).uri
    note = served(world, world.zoe, **({"to": [alice]} if where == "a conversation" else {}))
    if where == "a conversation":
        world.receive(world.zoe, world.zoe.activity("Create", note, to=[alice]))
    else:
        pass_on(world, pond, note["id"])
    lake = world.meet(RemoteActor("https://peer.example/c/lake", "Group"))
    world.join_elsewhere(world.bob, lake, is_open=True)
    before = world.server.stored()["tombstones"]

    pass_on(world, lake, unknown(world.zoe, "Delete", note["id"]), number=2)

    assert (outcome()[0], text_of(note["id"])) == ("dropped", "hello")
    assert (events("message_deleted"), world.server.stored()["tombstones"]) == ([], before)


def test_nobody_but_the_channel_tells_what_is_gone_from_it(world: World, pond: RemoteActor, said: str) -> None:
    """A neighbour on its server is not it."""
    neighbour = world.meet(RemoteActor("https://evil.example/users/neighbour"))

    pass_on(world, neighbour, unknown(world.zoe, "Delete", said))

    assert (outcome()[0], text_of(said)) == ("dropped", "hello")


@pytest.mark.parametrize("type_", ["Update", "Delete"])
def test_what_was_not_proved_keeps_nobody_from_saying_it(
    world: World, pond: RemoteActor, said: str, type_: str
) -> None:
    """Its id, which is easily guessed, is not noted as seen."""
    lake = world.meet(RemoteActor("https://evil.example/c/lake", "Group"))
    now = served(world, world.zoe, updated="2026-11-01T00:00:00Z")
    claimed = unknown(world.zoe, type_, now if type_ == "Update" else said)
    pass_on(world, lake, claimed)
    assert claimed["id"] not in logged()

    true = now | {"content": "better", "updated": "2026-11-02T00:00:00Z"} if type_ == "Update" else said
    world.receive(world.zoe, claimed | {"object": true})

    assert claimed["id"] in logged()
    assert text_of(said) == ("better" if type_ == "Update" else None)


def test_what_is_gone_at_its_home_leaves_nothing_of_who_passed_it_on(world: World, pond: RemoteActor) -> None:
    """The words inside of the Announce are not kept beside the message."""
    note = served(world, world.zoe)
    pass_on(world, pond, unknown(world.zoe, "Create", note))
    announced = pond.activity("Announce", note["id"])["id"]
    with reading() as session:
        about = session.scalars(select(Activity.object_uri).where(Activity.uri == announced)).one()

    assert about == note["id"]
