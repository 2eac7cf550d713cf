"""The cursor: a place in the log of events, moved on without losing what is still being committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Self

from sqlalchemy.orm import Session

from app.live.holes import HOLES_MAX, Holes
from app.queries import events
from app.queries.events import RecordedEvent

BATCH = 50
_BEHIND_HEAD = 10_000


class Cursor:
    """Reads every committed event once: in order, but for what takes long to commit.

    A position that is missing is waited for as long as most transactions take. Then what is behind it is read, and it
    is read when it is there. Nothing of a channel comes before what was said there earlier: its messages are committed
    one after the other.
    """

    def __init__(self, position: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.position = position
        self.waits_for_hole = False
        """There is more behind a hole; read again soon."""
        self._holes = Holes(clock=clock)

    @classmethod
    def at_head(cls, session: Session) -> Self:
        """Behind what is committed now, and before all that is committed later, whatever its position."""
        cursor = cls(events.head(session))
        cursor._holes.note(events.list_missing(session, cursor.position - _BEHIND_HEAD, cursor.position))
        return cursor

    def read(self, session: Session) -> list[RecordedEvent]:
        """The next events, at most `BATCH`; the cursor is behind them then."""
        self._holes.judge(session)
        log = events.list_after(session, self.position, limit=BATCH)
        late = self._holes.read_filled(session, self.position)
        ready = [*late, *self._before_hole(log)][:BATCH]
        self._holes.fill(ready)
        if ready:
            self.position = max(self.position, ready[-1].position)
        return ready

    def _before_hole(self, log: Sequence[RecordedEvent]) -> Sequence[RecordedEvent]:
        self._holes.fill(log)
        if log and log[-1].position - self.position > len(log):
            self._holes.note(_missing(self.position, log))
        hole = self._holes.find_next(self.position)
        ready = log if hole is None else [event for event in log if event.position < hole]
        self.waits_for_hole = len(ready) < len(log)
        return ready


def _missing(position: int, log: Sequence[RecordedEvent]) -> Iterator[int]:
    """Of a gap of more than can be remembered, the end."""
    for before, after in pairwise(chain([position], (event.position for event in log))):
        yield from range(max(before + 1, after - HOLES_MAX), after)
