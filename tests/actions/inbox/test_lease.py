"""One worker for one host: the lease, and what happens when its holder dies or the clock moves."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from activitypub import build
from activitypub.errors import FetchError
from app.actions.inbox import process, queue, work
from app.actions.inbox.queue import LEASE, RETRY_SECONDS, QueuedItem
from app.db import transaction
from app.models import InboxItem
from tests.actions.inbox.arrivals import (
    HOST,
    TIMEOUT,
    Clock,
    arrive,
    items,
    lease_of,
    say,
    states,
    texts,
)
from tests.actions.wire import Wire
from tests.founding import person
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


@pytest.mark.parametrize("attempts", [0, len(RETRY_SECONDS)], ids=["would try again", "would drop it"])
def test_what_a_faster_worker_did_stays_done(
    world: World, wire: Wire, clock: Clock, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """An item may take longer than the lease: then another worker has come to an end with it before it fails here."""
    yan = f"https://{HOST}/users/yan"
    wire.serve(yan, TIMEOUT, person(yan, "yan"))
    arrive(world, build.follow(actor=yan, object=world.bob.uri))
    with transaction() as session:
        session.execute(update(InboxItem).values(attempts=attempts, next_attempt_at=clock.now))
    turns = []
    ask = wire._get

    def ask_for_long(*asked: Any) -> Any:
        try:
            return ask(*asked)
        except FetchError:
            clock.pass_by(LEASE.total_seconds() + 1)
            turns.append(process(HOST, now=clock))
            raise

    monkeypatch.setattr(wire, "_get", ask_for_long)

    turns.append(process(HOST, now=clock))

    assert [turn.processed for turn in turns] == [1, 1]
    assert [row.type for row in world.log()].count("Follow") == 1
    (item,) = items()
    # Whoever takes a lease over counts what it begins.
    assert (item.state, item.attempts, item.outcome, item.sealed) == ("done", attempts + 1, None, None)
    assert lease_of() == (None, None)


def test_each_item_begins_with_most_of_the_lease(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    zoe = world.actor("zoe", "remote")
    for number in range(3):
        say(world, zoe, f"message {number}")
    left = []
    apply = work._apply

    def apply_slowly(item: QueuedItem, met: set[str]) -> None:
        left.append(lease_left(clock))
        apply(item, met)
        clock.pass_by(9)

    monkeypatch.setattr(work, "_apply", apply_slowly)

    process(HOST, now=clock)

    assert len(left) == 3
    assert min(left) >= 50


def test_worker_that_lost_the_host_leaves_the_rest_to_the_other(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = world.actor("zoe", "remote")
    for number in range(2):
        say(world, zoe, f"message {number}")
    apply = work._apply

    def lose_the_host(item: QueuedItem, met: set[str]) -> None:
        apply(item, met)
        token, _ = lease_of()
        queue.release(HOST, str(token))
        assert queue.claim(HOST, clock())
        clock.pass_by(15)

    monkeypatch.setattr(work, "_apply", lose_the_host)

    turn = process(HOST, now=clock)

    assert (turn.processed, turn.has_more) == (1, False)
    assert states() == ["done", "queued"]


def lease_left(clock: Clock) -> float:
    """Seconds."""
    _, until = lease_of()
    assert until is not None
    return (until - clock.now).total_seconds()


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
