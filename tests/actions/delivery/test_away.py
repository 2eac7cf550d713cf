"""Hosts that are away: asked now and then whether they are back."""

from __future__ import annotations

import pytest

from activitypub.errors import BlockedAddressError, FetchError
from tests.actions.delivery.world import DOWN, HOST, INBOX, World

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
