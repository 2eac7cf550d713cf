"""The feed: one thread that follows the log of events and hands it to whoever tells the sockets."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from app.db import reading, storage_errors
from app.errors import UnavailableError
from app.live.cursor import BATCH, Cursor
from app.live.holes import HOLE_SECONDS_MIN
from app.queries.events import RecordedEvent

Broadcaster = Callable[[Session, Sequence[RecordedEvent]], None]
"""Tells this process's sockets of a batch. It reads all it needs before it sends the first message, because when it
raises UnavailableError it is given the batch again; after any other error it is given the events one by one, and those
that still fail are lost to it."""

POLL_SECONDS = 5.0
RETRY_SECONDS = 1.0
_STOP_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Feed:
    """Hands every event to every broadcaster once, in the order of `Cursor`, while `has_audience` says that anybody
    listens.

    A `hint` makes it look at once; without hints it looks every five seconds. It lives through outages of the
    database, and through whatever else goes wrong, and goes on where it was.
    """

    def __init__(self, has_audience: Callable[[], bool]) -> None:
        self._has_audience = has_audience
        self._broadcasters: list[Broadcaster] = []
        self._lock = threading.Lock()
        self._cursor: Cursor | None = None
        self._batch: Sequence[RecordedEvent] = ()
        self._untold: list[Broadcaster] = []
        self._is_hinted = threading.Event()
        self._is_stopped = threading.Event()
        self._is_away = False
        self._thread: threading.Thread | None = None

    def register(self, broadcaster: Broadcaster) -> None:
        self._broadcasters.append(broadcaster)

    def hint(self) -> None:
        """There may be new events. Cheap, never waits, and many at once are as one."""
        self._is_hinted.set()

    def attend(self) -> None:
        """Follow the log from its present end, if it is not followed already.

        Call it when a socket has joined: it is told of whatever is committed after this returns. The thread starts
        here, so only in a process that serves sockets, after its fork. Raises UnavailableError.
        """
        with self._lock:
            if self._cursor is None:
                with reading() as session:
                    self._cursor = Cursor.at_head(session)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread, within a second; the batch it is at is told to the end if that is long enough."""
        self._is_stopped.set()
        self._is_hinted.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        pause = POLL_SECONDS
        while not self._is_stopped.is_set():
            self._is_hinted.wait(pause)
            self._is_hinted.clear()
            try:
                cursor = self._cursor_for_audience()
                pause = self._follow(cursor) if cursor else POLL_SECONDS
            except Exception:  # noqa: BLE001  The feed must outlive whatever it finds.
                _log.exception("the feed stumbled")
                self._is_stopped.wait(RETRY_SECONDS)  # Whatever is hinted: what failed would only fail again.
                pause = 0.0

    def _cursor_for_audience(self) -> Cursor | None:
        """None when nobody listens; whoever joins next starts from where the log will be then."""
        with self._lock:
            if not self._has_audience():
                self._cursor = None
                self._untold.clear()
            return self._cursor

    def _follow(self, cursor: Cursor) -> float:
        """Tell what is new; the seconds after which to look again without a hint."""
        try:
            with reading() as session:
                self._tell_all(session, cursor)
        except UnavailableError:
            self._note_outage(is_away=True)
            return RETRY_SECONDS
        self._note_outage(is_away=False)
        return HOLE_SECONDS_MIN if cursor.waits_for_hole else POLL_SECONDS

    def _tell_all(self, session: Session, cursor: Cursor) -> None:
        self._tell_batch(session)  # An outage may have come between.
        is_full = True
        while is_full and not self._is_stopped.is_set():
            self._batch = cursor.read(session)
            self._untold = list(self._broadcasters) if self._batch else []
            self._tell_batch(session)
            is_full = len(self._batch) == BATCH

    def _tell_batch(self, session: Session) -> None:
        while self._untold:
            try:
                self._tell(session, self._untold[0], self._batch)
            except UnavailableError:
                raise
            except Exception:  # noqa: BLE001  The feed goes on: the next event is not to blame.
                _log.exception("a broadcaster failed", extra={"positions": [event.position for event in self._batch]})
                self._tell_singly(session, self._untold[0])
            self._untold.pop(0)
            time.sleep(0)  # Under gevent the writers of the sockets have their turn now.

    def _tell_singly(self, session: Session, broadcaster: Broadcaster) -> None:
        """So that one bad event takes none of its batch along."""
        for event in self._batch if len(self._batch) > 1 else ():
            session.rollback()  # PostgreSQL refuses every statement after one that failed.
            try:
                self._tell(session, broadcaster, [event])
            except UnavailableError:
                raise
            except Exception:  # noqa: BLE001  Those after it are not to blame.
                _log.exception("an event cannot be told", extra={"position": event.position})

    def _tell(self, session: Session, broadcaster: Broadcaster, batch: Sequence[RecordedEvent]) -> None:
        """A database that went away under the broadcaster is an outage here and now, and nothing that is wrong with
        the batch."""
        with storage_errors():
            broadcaster(session, batch)

    def _note_outage(self, *, is_away: bool) -> None:
        if is_away != self._is_away:
            _log.warning("the feed cannot read the database" if is_away else "the feed reads the database again")
        self._is_away = is_away
