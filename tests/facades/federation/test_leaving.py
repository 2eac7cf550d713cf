"""Joining and leaving as Mobilizon does it: what a Join of somebody elsewhere began, their Leave ends."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Actor, Event, Follow
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor


def members_elsewhere() -> set[tuple[str, str]]:
    """(their URI, what they are in by its URI)"""
    with reading() as session:
        uris = {actor.id: actor.uri for actor in session.scalars(select(Actor))}
        follows = session.scalars(
            select(Follow).join(Actor, Actor.id == Follow.actor_id).where(Actor.host.is_not(None))
        )
        return {(uris[follow.actor_id], uris[follow.target_id]) for follow in follows}


def told() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Event.type).order_by(Event.position)))


def leave(world: World, actor: RemoteActor, uri: str, number: int = 1, **fields: Any) -> None:
    world.receive(actor, actor.activity("Leave", uri, number=number, **fields))


@pytest.mark.parametrize("by", ["Join", "Follow"])
@pytest.mark.parametrize("where", ["a channel", "the home space"])
def test_who_joined_from_elsewhere_may_leave(world: World, by: str, where: str) -> None:
    place = world.home if where == "the home space" else world.actor(world.channel("Harbour")).uri
    world.receive(world.zoe, world.zoe.activity(by, place))
    world.follow(world.mallory, place)

    leave(world, world.zoe, place)

    assert members_elsewhere() == {(world.mallory.uri, place)}
    assert told()[-1] == "member_removed"


def test_who_left_is_sent_nothing_more(world: World) -> None:
    harbour = world.channel("Harbour")
    world.follow(world.zoe, world.actor(harbour).uri)
    leave(world, world.zoe, world.actor(harbour).uri)
    before = world.server.stored()["deliveries"]

    world.say(world.alice, harbour, "hello")

    assert world.server.stored()["deliveries"] == before


def test_nobody_leaves_for_another(world: World) -> None:
    harbour = world.actor(world.channel("Harbour")).uri
    world.follow(world.zoe, harbour)
    before = told()

    leave(world, world.mallory, harbour)
    assert outcome()[0] == "dropped"
    leave(world, world.mallory, harbour, 2, target=world.zoe.uri)
    answer = world.send(world.mallory.post(world.zoe.activity("Leave", harbour, to=[PUBLIC])))

    assert answer.status_code == 202
    assert (members_elsewhere(), told()) == ({(world.zoe.uri, harbour)}, before)


def test_an_old_leave_that_is_passed_on_ends_nothing_that_is_newer(world: World) -> None:
    harbour = world.actor(world.channel("Harbour")).uri
    old = world.zoe.activity("Leave", harbour)
    world.wire.serve(old["id"], old | {"@context": "https://www.w3.org/ns/activitystreams"})
    world.follow(world.zoe, harbour)

    world.receive(world.mallory, old)

    assert members_elsewhere() == {(world.zoe.uri, harbour)}
