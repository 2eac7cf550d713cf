"""One worker for one host: the lease, and what happens when its holder dies or the clock moves."""

from __future__ import annotations

import threading
from datetime import timedelta

from app.actions.inbox import process, queue
from app.actions.inbox.queue import LEASE
from tests.actions.inbox.arrivals import (
    HOST,
    Clock,
    lease_of,
    say,
    states,
    texts,
)
from tests.world import World


def test_two_workers_do_not_work_on_one_host(world: World, clock: Clock) -> None:
    say(world, world.actor("zoe", "remote"), "hello")
    token = queue.claim(HOST, clock())

    assert process(HOST, now=clock).processed == 0
    assert states() == ["queued"]

    assert token is not None
    queue.release(HOST, token)
    assert process(HOST, now=clock).processed == 1


def test_lease_of_a_worker_that_died_runs_out(world: World, clock: Clock) -> None:
    say(world, world.actor("zoe", "remote"), "hello")
    queue.claim(HOST, clock())

    clock.pass_by(LEASE.total_seconds() - 1)
    assert process(HOST, now=clock).processed == 0
    clock.pass_by(2)
    assert process(HOST, now=clock).processed == 1


def test_lease_that_was_given_before_the_clock_was_put_back_does_not_last(world: World, clock: Clock) -> None:
    say(world, world.actor("zoe", "remote"), "hello")
    queue.claim(HOST, clock() + timedelta(hours=2))

    assert process(HOST, now=clock).processed == 1


def test_lease_is_extended_and_given_back_by_its_holder_alone(world: World, clock: Clock) -> None:
    token = queue.claim(HOST, clock())
    assert token is not None

    queue.extend(HOST, "somebody else", clock() + timedelta(hours=1))
    queue.release(HOST, "somebody else")
    assert lease_of() == (token, clock() + LEASE)

    queue.extend(HOST, token, clock() + timedelta(seconds=30))
    assert lease_of() == (token, clock() + timedelta(seconds=30) + LEASE)
    queue.release(HOST, token)
    assert lease_of() == (None, None)


def test_workers_at_the_same_moment_apply_everything_once(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    for number in range(10):
        say(world, zoe, f"message {number}")
    threads = [threading.Thread(target=process, args=(HOST,)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process(HOST)

    assert texts(world) == [f"message {number}" for number in range(10)]
