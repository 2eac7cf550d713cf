"""Receive: what somebody elsewhere did is applied once, all of it or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from activitypub import build
from activitypub.documents import Activity
from app.db import reading, transaction
from app.effects import EFFECTS
from app.errors import ForbiddenError, NotFoundError
from app.models import Actor, InboxItem
from app.pipeline import Received, perform, receive
from app.pipeline.repeat import is_repeat
from tests.founding import URIS
from tests.together import at_once
from tests.world import World, moment


def queued(activity: Activity) -> int:
    """An item of the inbox with the activity; its position."""
    with transaction() as session:
        values = {
            "seen_key": activity.id,
            "host": "pond.example",
            "activity_uri": activity.id,
            "signer_uri": activity.actor,
            "key_id": f"{activity.actor}#main-key",
            "sealed": b"sealed",
            "state": "queued",
            "attempts": 0,
            "next_attempt_at": moment(),
            "signed_at": moment(),
            "received_at": moment(),
        }
        return int(session.execute(insert(InboxItem).values(values).returning(InboxItem.position)).scalar_one())


def item(position: int) -> tuple[Any, ...]:
    with reading() as session:
        query = select(InboxItem.state, InboxItem.sealed, InboxItem.outcome).where(InboxItem.position == position)
        return tuple(session.execute(query).one())


def follow(world: World, by: Actor) -> Activity:
    return world.identified(build.follow(actor=by.uri, object=world.bob.uri))


def test_activity_is_recorded_as_it_came_and_sent_nowhere(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    note = world.note(zoe, "hello", to=[world.bob.uri])
    activity = world.identified(build.create(actor=zoe.uri, object=note))
    signed_at = moment(hours=-1)

    world.perform(activity, signed_at=signed_at)

    row = world.logged(str(activity.id))
    assert (row.actor_id, row.signed_at, row.type) == (zoe.id, signed_at, "Create")
    assert world.json(str(activity.id)) == activity.document
    assert world.deliveries() == []


def test_type_without_an_effect_is_dropped(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    before = world.stored()

    activity = world.identified(build._activity("View", zoe.uri, world.bob.uri))

    assert receive(Received(activity, signed_at=moment())) is None
    assert world.stored() == before


@pytest.mark.parametrize("how", ["by its actor", "by its id"])
def test_activity_of_this_server_cannot_come_from_outside(world: World, how: str) -> None:
    zoe = world.actor("zoe", "remote")
    actor = world.bob if how == "by its actor" else zoe
    activity = build.with_id(build.follow(actor=actor.uri, object=world.alice.uri), URIS.activity("act_forged"))

    with world.refuses(ForbiddenError):
        receive(Received(activity, signed_at=moment()))


@pytest.mark.parametrize("id_", ["https://lake.example/activities/1", "https://pond.example:8443/1", "urn:uuid:1"])
def test_activity_is_of_the_origin_of_its_actor(world: World, id_: str) -> None:
    zoe = world.actor("zoe", "remote")

    with world.refuses(ForbiddenError):
        world.perform(build.with_id(build.follow(actor=zoe.uri, object=world.bob.uri), id_))


def test_actor_nobody_has_gathered_is_not_believed(world: World) -> None:
    with world.refuses(NotFoundError):
        world.perform(build.follow(actor="https://pond.example/users/nobody", object=world.bob.uri))


def test_item_is_done_in_the_transaction_that_applies_it(world: World) -> None:
    activity = follow(world, world.actor("zoe", "remote"))
    position = queued(activity)

    receive(Received(activity, signed_at=moment(), queue_position=position))

    assert item(position) == ("done", None, None)
    assert world.followers(world.bob) == ["zoe"]


def test_item_of_a_repeat_is_done_and_says_so(world: World) -> None:
    activity = follow(world, world.actor("zoe", "remote"))
    world.perform(activity)
    position = queued(activity)

    receive(Received(activity, signed_at=moment(), queue_position=position))

    assert item(position) == ("done", None, "repeat")


def test_item_waits_as_it_was_when_applying_it_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = follow(world, world.actor("zoe", "remote"))
    position = queued(activity)
    monkeypatch.setattr(EFFECTS["Accept"], "apply", lambda act: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        receive(Received(activity, signed_at=moment(), queue_position=position))

    assert item(position) == ("queued", b"sealed", None)
    assert (world.followers(world.bob), world.deliveries()) == ([], [])


def test_only_the_item_itself_is_done(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    first, second = follow(world, zoe), world.identified(build.follow(actor=zoe.uri, object=world.alice.uri))
    positions = [queued(first), queued(second)]

    receive(Received(first, signed_at=moment(), queue_position=positions[0]))
    world.perform(build.block(actor=zoe.uri, object=world.bob.uri))

    assert [item(position)[0] for position in positions] == ["done", "queued"]


def test_twins_at_the_same_moment_count_once(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    note = world.note(zoe, "hello", to=[lobby.uri])
    activity = world.identified(build.create(actor=zoe.uri, object=note))

    outcomes = at_once(lambda: world.perform(activity), times=4)

    assert sorted(outcome.is_repeat for outcome in outcomes) == [False, True, True, True]
    assert world.texts(lobby) == ["hello"]


def test_twin_that_commits_between_two_looks_makes_the_other_a_repeat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What READ COMMITTED allows: the log did not have it yet, and a moment later the message is there."""
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    activity = world.identified(build.create(actor=zoe.uri, object=world.note(zoe, "hello", to=[lobby.uri])))
    world.perform(activity)
    looks = iter([False])
    monkeypatch.setattr(perform, "is_repeat", lambda act: next(looks, None) is None and is_repeat(act))

    assert world.perform(activity).is_repeat
    assert world.texts(lobby) == ["hello"]


def test_messages_that_come_at_the_same_moment_all_stand_in_one_order(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    numbers = iter(range(8))

    at_once(lambda: world.say(zoe, lobby, f"message {next(numbers)}"), times=8)

    assert sorted(str(text) for text in world.texts(lobby)) == [f"message {number}" for number in range(8)]
    assert world.channel_row(lobby).head == 8
