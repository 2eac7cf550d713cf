"""Holes in the log: positions that were given to writers who have not committed, or never will."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from app.queries import events
from app.queries.events import RecordedEvent

HOLE_SECONDS_MIN: Final = 0.05
# Nobody waits longer for what somebody else is still committing, and that rarely takes longer than a wait for a lock
# (`app.db`): whoever comes back after a later position is not told it.
HOLE_SECONDS_MAX: Final = 5.0
HOLES_MAX: Final = 1000

# PostgreSQL ends a transaction whose statement takes ten seconds, or that does nothing for thirty (`app.db`). None of
# ours has so much left to do, once its event has a position, that it would be open after three times both.
LIFE_SECONDS: Final = 120.0


class _Hole(msgspec.Struct):
    """Its writer, if it has one, is below `next_writer`, which is asked for an instant after the hole was seen: a
    position is given out before its writer has a number."""

    seen_at: float
    next_writer: int | None = None
    is_nobodys: bool = False


class Holes:
    """Remembers them until they are filled, or surely will not be.

    PostgreSQL knows: when all who were at work as the hole was seen have ended, it stays. It is not known of those that
    are forgotten because a transaction goes on after `LIFE_SECONDS`, or because there are more than `HOLES_MAX`, of
    which the newest are kept.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._holes: dict[int, _Hole] = {}

    def note(self, positions: Iterable[int]) -> None:
        """They are missing in the log."""
        now = self._clock()
        for position in positions:
            self._holes.setdefault(position, _Hole(now))
        for position in sorted(self._holes)[:-HOLES_MAX]:
            del self._holes[position]

    def fill(self, log: Iterable[RecordedEvent]) -> None:
        """These are there now."""
        if self._holes:
            for event in log:
                self._holes.pop(event.position, None)

    def judge(self, session: Session) -> None:
        """Find out which are nobody's. To be called before the log is read: who has ended by now is in it."""
        now = self._clock()
        judged = [hole for hole in self._holes.values() if now - hole.seen_at >= HOLE_SECONDS_MIN]
        if not judged:
            return
        writers = events.writers(session)
        for hole in judged:
            if hole.next_writer is None:
                hole.next_writer = writers.next
            hole.is_nobodys = writers.oldest >= hole.next_writer or now - hole.seen_at >= LIFE_SECONDS

    def find_next(self, position: int) -> int | None:
        """The first behind `position` that is worth waiting for."""
        now = self._clock()
        waited_for = (
            at
            for at, hole in self._holes.items()
            if at > position and not hole.is_nobodys and now - hole.seen_at < HOLE_SECONDS_MAX
        )
        return min(waited_for, default=None)

    def read_filled(self, session: Session, position: int) -> list[RecordedEvent]:
        """What was committed meanwhile of those up to `position`, in order. To be called after the log is read: whoever
        committed before somebody whose event is in it is found here."""
        passed = [at for at in self._holes if at <= position]
        filled = events.list_at(session, passed) if passed else []
        for at in set(passed).difference(event.position for event in filled):
            if self._holes[at].is_nobodys:
                del self._holes[at]
        return filled
