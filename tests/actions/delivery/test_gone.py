"""Inboxes that are gone, and hosts that are away."""

from __future__ import annotations

import pytest

from activitypub.errors import BlockedAddressError, FetchError
from app.actions.delivery import recipients
from tests.actions.delivery.world import DOWN, HOST, INBOX, ORIGIN, World


def test_a_shared_inbox_that_is_gone_is_replaced_by_its_peoples_own(world: World) -> None:
    shared = f"https://{HOST}/shared"
    followers = f"{ORIGIN}/ap/users/{world.alice}/followers"
    fan = world.remote_actor("fan", shared_inbox=shared)
    world.follow(fan, world.alice)
    world.follow(world.remote_actor("waiting", shared_inbox=shared), world.alice, state="pending")
    world.remote_actor("named", shared_inbox=shared)
    world.remote_actor("stranger", shared_inbox=shared)
    world.follow(world.remote_actor("elsewhere", host="other.test"), world.alice)
    world.queue(shared, is_shared=True, to=[followers, f"https://{HOST}/users/named"])
    world.wire.answers[shared] = [404]

    world.deliver()

    assert sorted(sent.url for sent in world.wire.sent) == [
        shared,
        f"https://{HOST}/users/fan/inbox",
        f"https://{HOST}/users/named/inbox",
    ]
    assert world.states() == ["failed", "delivered", "delivered"]
    assert len({sent.activity_id for sent in world.wire.sent}) == 1


def test_a_shared_inbox_is_not_replaced_by_very_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "MOST_INBOXES_OF_DOMAIN", 2)
    shared = f"https://{HOST}/shared"
    for name in ("one", "two", "three", "four"):
        world.follow(world.remote_actor(name, shared_inbox=shared), world.alice)
    world.queue(shared, is_shared=True, to=[f"{ORIGIN}/ap/users/{world.alice}/followers"])
    world.wire.answers[shared] = [410]

    world.deliver()

    assert world.states() == ["failed", "delivered", "delivered"]


def test_a_gone_inbox_ends_the_follow_and_nothing_else(world: World) -> None:
    bob = world.local_actor("bob")
    gone, staying = world.remote_actor("gone"), world.remote_actor("staying")
    for follower, target in ((gone, world.alice), (gone, bob), (staying, world.alice)):
        world.follow(follower, target)
    inbox = f"https://{HOST}/users/gone/inbox"
    world.queue(inbox)
    world.wire.answers[inbox] = [410]

    world.deliver()

    assert world.states() == ["failed"]
    assert sorted(world.follows()) == sorted([(gone, bob), (staying, world.alice)])
    assert world.host().failures == 0


NODEINFO = f"https://{HOST}/.well-known/nodeinfo"


@pytest.fixture
def away(world: World) -> World:
    """A world whose peer has been unreachable for a week and has nothing queued."""
    world.queue()
    world.deliver()
    world.change_host(state="unreachable", failures=20, failing_days=7, probe_at=world.clock.now)
    return world


@pytest.mark.parametrize("status", [200, 404])
def test_a_host_that_was_away_is_up_when_it_answers_a_probe(away: World, status: int) -> None:
    away.wire.answers[NODEINFO] = [status]

    away.deliver()

    assert away.wire.asked == [NODEINFO]
    assert (away.host().state, away.host().failures) == ("up", 0)


@pytest.mark.parametrize("answer", [DOWN, 502, BlockedAddressError("10.0.0.1 is not a public address")])
def test_a_host_that_is_still_away_is_asked_again_a_day_later(away: World, answer: FetchError | int) -> None:
    away.wire.answers[NODEINFO] = [answer]

    away.deliver()
    away.clock.pass_by(hours=23)
    away.deliver()

    assert away.wire.asked == [NODEINFO]
    assert (away.host().state, away.host().failures) == ("unreachable", 21)
    assert away.host().delivery_lease is None


def test_a_host_that_is_away_and_has_a_queue_is_probed_by_its_oldest_row(away: World) -> None:
    away.queue_many(2)
    away.wire.answers[INBOX] = [DOWN]
    away.wire.sent.clear()

    away.deliver()

    assert away.wire.asked == []
    assert len(away.wire.sent) == 1
