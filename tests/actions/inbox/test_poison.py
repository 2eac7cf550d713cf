"""What we fail at ourselves is put aside, and holds nobody up (fault F32)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import update

from app.actions.inbox import process, queue
from app.actions.inbox.queue import LEASE, MAX_ATTEMPTS, RETRY_SECONDS
from app.db import TooMuchError, transaction
from app.errors import UnavailableError
from app.models import InboxItem
from tests.actions.inbox.arrivals import (
    HOST,
    Clock,
    fail_on,
    items,
    lease_of,
    say,
    states,
    texts,
)
from tests.world import World


def test_poisoned_item_is_put_aside_and_the_queue_behind_it_moves(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = world.actor("zoe", "remote")
    fail_on(monkeypatch, "poison", ZeroDivisionError("by us"))
    say(world, zoe, "poison")
    say(world, zoe, "next")

    for _ in range(5):
        process(HOST, now=clock)
        clock.pass_by(RETRY_SECONDS[2] + 1)

    poisoned, _ = items()
    assert states() == ["quarantined", "done"]
    assert poisoned.attempts == queue.POISON_ATTEMPTS - 1
    assert "ZeroDivisionError" in (poisoned.outcome or "")
    assert poisoned.sealed is not None
    assert texts(world) == ["next"]


def test_poison_that_wears_off_is_applied(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    zoe = world.actor("zoe", "remote")
    with monkeypatch.context() as patch:
        fail_on(patch, "poison", ZeroDivisionError())
        say(world, zoe, "poison")
        process(HOST, now=clock)
    clock.pass_by(RETRY_SECONDS[0] + 1)

    process(HOST, now=clock)

    assert states() == ["done"]


class Killed(BaseException):
    """A worker's end, of which it notes nothing."""


@pytest.mark.parametrize("deaths", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_item_that_ends_every_worker_is_put_aside_and_the_queue_behind_it_moves(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    zoe, yves = world.actor("zoe", "remote"), world.actor("yves", "remote")
    say(world, zoe, "deadly")
    say(world, yves, "next")

    with monkeypatch.context() as patch:
        fail_on(patch, "deadly", Killed())
        patch.setattr(queue, "release", lambda *_: None)  # A lease that is not given back runs out.
        for _ in range(deaths):
            with suppress(Killed):
                process(HOST, now=clock)
            clock.pass_by(RETRY_SECONDS[-1] + LEASE.total_seconds())
    process(HOST, now=clock)

    deadly, _ = items()
    is_spared = deaths == MAX_ATTEMPTS
    assert states() == ["done" if is_spared else "quarantined", "done"]
    assert (deadly.sealed is None) is is_spared
    assert texts(world) == (["deadly", "next"] if is_spared else ["next"])


def test_what_is_behind_an_item_that_ends_workers_is_not_behind_it_for_long(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies keeps its host for a minute."""
    zoe, yves = world.actor("zoe", "remote"), world.actor("yves", "remote")
    say(world, zoe, "deadly")
    say(world, yves, "next")
    fail_on(monkeypatch, "deadly", Killed())
    monkeypatch.setattr(queue, "release", lambda *_: None)

    for _ in range(5):
        with suppress(Killed):
            process(HOST, now=clock)
        clock.pass_by(LEASE.total_seconds() + 1)

    assert (states(), texts(world)) == (["queued", "done"], ["next"])


def test_item_that_the_database_ends_is_put_aside_after_all_attempts(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not sooner, because a statement may also take long where the database has much to do."""
    zoe = world.actor("zoe", "remote")
    fail_on(monkeypatch, "too much", TooMuchError())
    say(world, zoe, "too much")
    say(world, zoe, "next")

    for _ in range(MAX_ATTEMPTS):
        assert states()[0] == "queued"
        process(HOST, now=clock)
        clock.pass_by(RETRY_SECONDS[-1] + 1)

    assert states() == ["quarantined", "done"]
    assert texts(world) == ["next"]


def test_item_that_cannot_be_opened_holds_nobody_up(world: World, clock: Clock) -> None:
    """Its secret is gone, or its bytes were changed."""
    zoe = world.actor("zoe", "remote")
    say(world, zoe, "sealed")
    with transaction() as session:
        session.execute(update(InboxItem).values(sealed=b"something else"))
    say(world, zoe, "next")

    for _ in range(3):
        process(HOST, now=clock)
        clock.pass_by(RETRY_SECONDS[2] + 1)

    assert states() == ["quarantined", "done"]


def test_database_that_is_away_is_nobodys_fault(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    zoe = world.actor("zoe", "remote")
    fail_on(monkeypatch, "hello", UnavailableError())
    say(world, zoe, "hello")

    with pytest.raises(UnavailableError):
        process(HOST, now=clock)

    (item,) = items()
    assert (item.state, item.attempts) == ("queued", 0)
    assert lease_of() == (None, None)
