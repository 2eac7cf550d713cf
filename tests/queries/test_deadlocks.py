"""Two transactions that wait for each other: one makes way, and is done again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.db import DeadlockError, despite_deadlocks, transaction
from app.models import Peer
from app.projections import peers
from tests.world import World

on_postgresql = pytest.mark.parametrize("world", ["postgresql"], indirect=True)
NOW = datetime.now(UTC)


class Crossing:
    """Each of two locks one row, and when both have, the other's."""

    def __init__(self) -> None:
        self.tries: list[str] = []
        self._both_have_one = threading.Barrier(2)

    def lock(self, first: str, second: str) -> str:
        is_first_try = first not in self.tries
        self.tries.append(first)
        with transaction() as session:
            peers.hold(session, first, now=NOW)
            if is_first_try:
                self._both_have_one.wait(10)
            peers.hold(session, second, now=NOW)
            return first


@pytest.fixture
def crossing(world: World) -> Iterator[Crossing]:
    with transaction() as session:
        for domain in ("a.example", "b.example"):
            peers.ensure(session, domain, now=NOW)
    yield Crossing()
    with transaction() as session:
        assert len(session.scalars(select(Peer.domain).with_for_update(nowait=True)).all()) == 2


@on_postgresql
def test_who_made_way_is_done_again(crossing: Crossing) -> None:
    ways = [("a.example", "b.example"), ("b.example", "a.example")]

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda way: despite_deadlocks(lambda: crossing.lock(*way)), ways))

    assert done == ["a.example", "b.example"]
    assert len(crossing.tries) >= 3  # On a busy machine one may have to make way twice.


def test_it_is_tried_three_times(world: World) -> None:
    tries = []

    def do() -> None:
        tries.append(1)
        raise DeadlockError

    with pytest.raises(DeadlockError):
        despite_deadlocks(do)
    with transaction(), pytest.raises(DeadlockError):
        despite_deadlocks(do)  # What is open here was ended, too.

    assert len(tries) == 3 + 1
