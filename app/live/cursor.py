"""The cursor: a place in the log of events, moved on without passing over what is still being committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db import LOCK_WAIT_SECONDS
from app.queries import events
from app.queries.events import RecordedEvent

BATCH = 50  # As each socket's queue takes 256, the writers have their turn in between.
HOLE_SECONDS_MIN = 0.05
HOLE_SECONDS_MAX = LOCK_WAIT_SECONDS  # No writer of ours waits for a lock any longer, so none commits later.


@dataclass(frozen=True, slots=True)
class _Mark:
    """At `seen_at` the log reached to `position`, and no writer at `next_writer` or above had begun."""

    position: int
    next_writer: int
    seen_at: float


class Cursor:
    """Reads every committed event once, in order.

    A hole in the positions is a writer that has not committed, or one that never will. PostgreSQL knows: when all who
    were at work as the hole was seen have ended, it stays. Only when one of them takes longer than `HOLE_SECONDS_MAX`
    is the hole given up without knowing.
    """

    def __init__(self, position: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.position = position
        self._clock = clock
        self._mark: _Mark | None = None

    @property
    def waits_for_hole(self) -> bool:
        """There is more behind a hole; read again soon."""
        return self._mark is not None

    def read(self, session: Session) -> list[RecordedEvent]:
        """The next events, at most `BATCH`; the cursor is behind them then."""
        settled = self._settled_position(session)  # Asked before the log is read: what has ended by now is in it.
        log = events.list_after(session, self.position, limit=BATCH)
        ready = self._before_first_hole(log, settled)
        if ready:
            self.position = ready[-1].position
        if settled or (self._mark and self.position >= self._mark.position):
            self._mark = None
        if len(ready) < len(log) and self._mark is None:
            self._mark = _Mark(log[-1].position, events.writers(session).next, self._clock())
        return ready

    def _settled_position(self, session: Session) -> int:
        """Up to here a hole is nobody's; 0 when that is not known."""
        if self._mark is None:
            return 0
        age = self._clock() - self._mark.seen_at
        if age < HOLE_SECONDS_MIN:
            return 0  # A position is handed out an instant before its writer has a number.
        if age < HOLE_SECONDS_MAX and events.writers(session).oldest < self._mark.next_writer:
            return 0
        return self._mark.position

    def _before_first_hole(self, log: list[RecordedEvent], settled: int) -> list[RecordedEvent]:
        expected = self.position + 1
        for index, event in enumerate(log):
            if event.position > max(expected, settled):
                return log[:index]
            expected = event.position + 1
        return log
