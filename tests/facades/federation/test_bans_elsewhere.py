"""Who is banned from a channel elsewhere: Lemmy's communities announce a moderator's Block."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Actor, Block, Event, Follow, HistoryGap
from app.projections import messages
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import CONTEXT, RemoteActor
from tests.facades.federation.test_announced import pond, served
from tests.facades.federation.test_passed_on import text_of

__all__ = ["pond"]


@pytest.fixture
def moderator(world: World) -> RemoteActor:
    return world.meet(RemoteActor("https://third.example/users/moderator"))


@pytest.fixture
def spam(world: World, pond: RemoteActor) -> str:
    """What zoe has said in the channel."""
    note = served(world, world.zoe, cc=[pond.uri])
    world.receive(pond, pond.activity("Announce", note["id"], number=7, to=[PUBLIC]))
    return str(note["id"])


def ban(world: World, by: RemoteActor, banned: str, target: str, **fields: Any) -> dict[str, Any]:
    block = by.activity("Block", banned, target=target, to=[PUBLIC], cc=[target], **fields) | {"@context": CONTEXT}
    world.wire.serve(block["id"], block)
    return block


def followers_of(group: RemoteActor) -> list[str]:
    with reading() as session:
        target = select(Actor.id).where(Actor.uri == group.uri).scalar_subquery()
        return list(session.scalars(select(Follow.actor_id).where(Follow.target_id == target)))


def events(type: str) -> int:
    with reading() as session:
        return len(session.scalars(select(Event).where(Event.type == type)).all())


def gaps() -> list[int]:
    """How many are gone of what a page of the history looks through."""
    with reading() as session:
        return list(session.scalars(select(HistoryGap.deleted)))


def blocks() -> int:
    with reading() as session:
        return len(session.scalars(select(Block)).all())


def test_who_of_ours_is_banned_is_in_the_channel_no_more(
    world: World, pond: RemoteActor, moderator: RemoteActor
) -> None:
    bob = world.actor(world.bob.id).uri
    assert followers_of(pond) == [world.bob.id]
    before = events("member_removed")

    world.receive(pond, pond.activity("Announce", ban(world, moderator, bob, pond.uri), to=[PUBLIC]))

    assert outcome() == ("done", None)
    assert (followers_of(pond), events("member_removed") - before, blocks()) == ([], 1, 0)


@pytest.mark.parametrize("removes", [True, False, "true", None])
def test_what_a_banned_person_said_goes_if_the_moderator_says_so(
    world: World, pond: RemoteActor, moderator: RemoteActor, spam: str, removes: object
) -> None:
    elsewhere = world.zoe.note(number=2, to=[world.actor(world.bob.id).uri])
    world.receive(world.zoe, world.zoe.activity("Create", elsewhere, number=2))
    block = ban(world, moderator, world.zoe.uri, pond.uri, removeData=removes)

    world.receive(pond, pond.activity("Announce", block, to=[PUBLIC]))

    assert outcome() == ("done", None)
    assert text_of(spam) == (None if removes is True else "hello")
    assert text_of(elsewhere["id"]) == "hello"
    assert events("message_deleted") == (1 if removes is True else 0)
    assert gaps() == ([1] if removes is True else [])
    world.receive(pond, pond.activity("Announce", spam, number=9, to=[PUBLIC]))
    assert text_of(spam) == (None if removes is True else "hello")


def test_who_is_banned_again_costs_a_look(
    world: World, pond: RemoteActor, moderator: RemoteActor, spam: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = ban(world, moderator, world.zoe.uri, pond.uri, removeData=True)
    world.receive(pond, pond.activity("Announce", block, to=[PUBLIC]))
    monkeypatch.delattr(messages, "_erase")
    again = ban(world, moderator, world.zoe.uri, pond.uri, removeData=True, number=2)

    world.receive(pond, pond.activity("Announce", again, number=2, to=[PUBLIC]))

    assert outcome() == ("done", None)
    assert (gaps(), events("message_deleted")) == ([1], 1)


@pytest.mark.parametrize(
    "way", ["sent by itself", "of another channel", "by another channel", "by a neighbour", "forged"]
)
def test_nobody_else_bans_from_it(world: World, pond: RemoteActor, moderator: RemoteActor, spam: str, way: str) -> None:
    lake = world.meet(RemoteActor("https://peer.example/c/lake", "Group"))
    world.join_elsewhere(world.alice, lake, is_open=True)
    block = ban(world, moderator, world.zoe.uri, pond.uri, removeData=True)
    if way == "sent by itself":
        world.receive(moderator, block)
    elif way == "of another channel":
        block = ban(world, moderator, world.zoe.uri, lake.uri, removeData=True)
        world.receive(pond, pond.activity("Announce", block, to=[PUBLIC]))
    elif way == "by another channel":
        world.receive(lake, lake.activity("Announce", block, to=[PUBLIC]))
    elif way == "by a neighbour":
        world.receive(world.mallory, ban(world, world.mallory, world.zoe.uri, pond.uri, removeData=True))
    else:
        world.wire.serve(block["id"], 404)
        world.receive(pond, pond.activity("Announce", block, to=[PUBLIC]))

    assert text_of(spam) == "hello"
    assert (followers_of(pond), followers_of(lake)) == ([world.bob.id], [world.alice.id])
    assert (events("message_deleted"), blocks()) == (0, 0)
