"""The lease of a host: one worker speaks to it, and another goes on where that one ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.actions.delivery.world import DOWN, INBOX, World


def test_two_workers_never_speak_to_a_host_at_once(world: World) -> None:
    world.queue_many(2)
    others: list[int] = []

    def meanwhile() -> int:
        others.append(world.deliver().delivered)
        return 202

    world.wire.answers[INBOX] = [meanwhile]

    assert world.deliver().delivered == 2
    assert others == [0, 0]


def test_no_row_is_lost_or_doubled_between_workers_that_all_get_hints(world: World) -> None:
    world.clock.now = datetime.now(UTC)

    def queue_and_hint(_: int) -> None:
        for _ in range(8):
            world.queue()
            while world.deliver().due_in_seconds == 0:
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(queue_and_hint, range(4)))

    assert world.states() == ["delivered"] * 32
    assert len(set(world.wire.order)) == len(world.wire.order) == 32


def test_a_worker_killed_after_the_answer_is_replaced_and_sends_the_same_id(world: World) -> None:
    activity = world.queue()

    class Killed(BaseException):
        pass

    def die() -> int:
        raise Killed

    world.wire.answers[INBOX] = [die, 202]
    with pytest.raises(Killed):
        world.deliver()

    world.clock.pass_by(seconds=59)
    assert world.deliver().delivered == 0
    world.clock.pass_by(seconds=2)
    assert world.deliver().delivered == 1
    assert world.wire.order == [activity, activity]


def test_a_worker_that_lost_its_lease_says_nothing_about_the_host(world: World) -> None:
    world.queue_many(2)

    def overtaken() -> int:
        world.change_host(delivery_lease="another's", delivery_lease_until=world.clock.now + timedelta(seconds=60))
        return 202

    world.wire.answers[INBOX] = [overtaken, 202]
    world.wire.exchange_seconds = 2

    world.deliver()

    assert world.host().delivery_lease == "another's"
    assert world.states() == ["delivered", "queued"]


def test_a_host_that_another_worker_has_is_asked_for_in_seconds_and_not_at_once(world: World) -> None:
    """For the minute that the lease of a worker that died has left, too."""
    world.queue()
    world.wire.answers[INBOX] = [DOWN, 202]
    world.deliver()
    world.change_host(
        probe_at=None, delivery_lease="another's", delivery_lease_until=world.clock.now + timedelta(minutes=1)
    )
    world.clock.pass_by(seconds=30)

    turn = world.deliver()

    assert len(world.wire.sent) == 1
    assert turn.due_in_seconds == pytest.approx(2)


def test_a_lease_and_a_row_from_before_the_clock_was_put_back_hold_nobody_up(world: World) -> None:
    world.queue()
    world.wire.answers[INBOX] = [DOWN, 202]
    world.deliver()
    world.change_host(
        probe_at=None, delivery_lease="dead", delivery_lease_until=world.clock.now + timedelta(seconds=60)
    )

    world.clock.pass_by(hours=-2)

    assert world.deliver().delivered == 1


def test_a_row_from_before_the_clock_was_put_back_that_is_refused_waits_as_any_other(world: World) -> None:
    """It would be refused as often as it may be within a moment, and given up, where that is to take a day."""
    world.queue()
    world.wire.answers[INBOX] = [404, 404, 404]

    world.clock.pass_by(hours=-24)
    for _ in range(3):
        world.deliver()

    assert (len(world.wire.sent), world.states()) == (1, ["queued"])
    world.clock.pass_by(hours=12)
    world.deliver()
    assert (len(world.wire.sent), world.states()) == (2, ["queued"])
