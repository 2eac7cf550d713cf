"""Repeat: the same activity counts once, on whatever way and however often it comes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from activitypub import build
from activitypub.documents import Activity
from activitypub.vocabulary import PUBLIC
from app.models import Actor
from tests.world import World, moment

Act = Callable[[World, Actor, str], Activity]


def create(world: World, zoe: Actor, _: str) -> Activity:
    note = world.note(zoe, "again", to=[world.bob.uri])
    return build.create(actor=zoe.uri, object=note)


def update(world: World, zoe: Actor, uri: str) -> Activity:
    return world.edited(zoe, uri, "changed")


def like(_: World, zoe: Actor, uri: str) -> Activity:
    return build.like(actor=zoe.uri, object=uri, to=[])


def announce(_: World, zoe: Actor, uri: str) -> Activity:
    return build.announce(actor=zoe.uri, object=uri, published=moment(), to=[PUBLIC])


def follow(world: World, zoe: Actor, _: str) -> Activity:
    return build.follow(actor=zoe.uri, object=world.bob.uri)


def block(world: World, zoe: Actor, _: str) -> Activity:
    return build.block(actor=zoe.uri, object=world.bob.uri)


def delete(world: World, zoe: Actor, uri: str) -> Activity:
    return world.deleted(zoe, uri)


@pytest.mark.parametrize("act", [create, update, like, announce, follow, block, delete])
def test_same_activity_again_changes_nothing_and_tells_nobody(world: World, act: Act) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(zoe, world.channel("lobby", members=[zoe]), "hello")
    activity = world.identified(act(world, zoe, uri))
    first = world.perform(activity)
    world.forget()
    before = world.stored()

    second = world.perform(activity, signed_at=moment(hours=1))

    assert (first.is_repeat, second.is_repeat) == (False, True)
    assert world.stored() == before
    assert world.wakes == []


def test_what_came_by_itself_and_then_through_a_channel_counts_once(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    activity = world.created(world.actor("zoe", "remote"), pond, "hello")
    world.perform(activity)

    world.relay(pond, activity)

    assert world.texts(pond) == ["hello"]
    assert world.events() == ["message"]


def test_one_of_ours_may_do_the_same_thing_twice(world: World) -> None:
    lobby = world.channel("lobby")

    for _ in range(2):
        world.say(world.bob, lobby, "hello")

    assert world.texts(lobby) == ["hello", "hello"]
