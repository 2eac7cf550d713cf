"""A deletion goes to whoever was ever sent the message, whoever follows today (reliability.md, section 5.3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from activitypub import build
from app.actions.pruning import prune
from app.db import transaction
from app.models import Actor, Delivery
from app.pipeline import compose
from tests.world import Channel, Sent, World, moment

POND, LAKE = "https://pond.example/inbox", "https://lake.example/inbox"


@pytest.fixture
def zoe(world: World) -> Actor:
    return world.actor("zoe", "remote")


def settle(state: str = "delivered", *, days: int = 0) -> None:
    """What is queued comes to that end, so long ago."""
    created_at = moment() - timedelta(days=days)
    with transaction() as session:
        session.execute(update(Delivery).values(state=state, created_at=created_at, finished_at=created_at))


def leave(world: World, actor: Actor, channel: Channel) -> None:
    follow = next(row for row in world.log() if row.type == "Follow" and row.actor_id == actor.id)
    undone = build.with_id(build.follow(actor=actor.uri, object=channel.uri), follow.uri)
    world.perform(build.undo(actor=actor.uri, object=undone))


def told_since(world: World, before: list[Sent]) -> list[Sent]:
    return world.deliveries()[len(before) :]


@pytest.mark.parametrize("who", ["author", "moderator"])
def test_whoever_left_since_hears_of_it(world: World, zoe: Actor, who: str) -> None:
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(world.bob, lobby, "regret")
    settle()
    leave(world, zoe, lobby)
    before = world.deliveries()

    world.perform(world.deleted(world.bob if who == "author" else world.alice, uri))

    by_author = [Sent("Delete", world.bob.uri, POND), Sent("Announce", lobby.uri, POND)]
    by_moderator = [Sent("Announce", lobby.uri, POND), Sent("Undo", lobby.uri, POND)]
    assert told_since(world, before) == (by_author if who == "author" else by_moderator)


def test_whoever_was_put_out_of_a_private_channel_hears_of_it(world: World, zoe: Actor) -> None:
    den = world.channel("den", is_private=True, members=[zoe])
    uri = world.say(world.alice, den, "regret")
    settle()
    world.perform(compose.expulsion(world.viewer(world.alice), den.id, zoe))
    before = world.deliveries()

    world.perform(world.deleted(world.alice, uri))

    assert told_since(world, before) == [Sent("Delete", world.alice.uri, POND)]


def test_whoever_was_put_out_hears_of_no_edit(world: World, zoe: Actor) -> None:
    den = world.channel("den", is_private=True, members=[zoe])
    uri = world.say(world.alice, den, "hello")
    settle()
    world.perform(compose.expulsion(world.viewer(world.alice), den.id, zoe))
    before = world.deliveries()

    world.perform(world.edited(world.alice, uri, "hi"))

    assert told_since(world, before) == []


def test_whoever_refused_the_message_or_joined_later_is_not_written_to_for_having_it(world: World, zoe: Actor) -> None:
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(world.bob, lobby, "regret")
    settle("failed")
    leave(world, zoe, lobby)
    before = world.deliveries()

    world.perform(world.deleted(world.bob, uri))

    assert told_since(world, before) == []


def test_message_from_elsewhere_that_we_passed_on_is_taken_back_where_it_went(world: World, zoe: Actor) -> None:
    yan = world.actor("yan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(yan, lobby, "regret")
    settle()
    leave(world, zoe, lobby)
    before = world.deliveries()

    world.perform(world.deleted(yan, uri))

    assert told_since(world, before) == [Sent("Announce", lobby.uri, POND), Sent("Undo", lobby.uri, POND)]


@pytest.mark.parametrize("days", [31, 400])
def test_deliveries_are_forgotten_and_who_has_the_message_is_not(world: World, zoe: Actor, days: int) -> None:
    yan = world.actor("yan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(world.bob, lobby, "regret")
    direct = world.tell(world.bob, [yan], "regret too")
    settle(days=days)
    leave(world, zoe, lobby)
    prune(moment())
    assert world.deliveries() == []

    for said in (uri, direct):
        world.perform(world.deleted(world.bob, said))

    assert world.deliveries() == [
        Sent("Delete", world.bob.uri, POND),
        Sent("Announce", lobby.uri, POND),
        Sent("Delete", world.bob.uri, yan.inbox),
    ]


def test_who_had_a_message_is_forgotten_a_month_after_its_deletion(world: World, zoe: Actor) -> None:
    uri = world.say(world.bob, world.channel("lobby", members=[zoe]), "regret")
    settle(days=31)
    prune(moment())
    assert [row[1] for row in world.stored()["receipts"]] == [POND]
    world.perform(world.deleted(world.bob, uri))

    settle(days=31)
    prune(moment())

    assert world.stored()["receipts"] == []
