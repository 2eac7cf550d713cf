"""The live part of one process: its hub, its feed, its attendance and its bus, put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.live.attendance import Attendance
from app.live.feed import Feed
from app.live.hub import Hub, Subscriber
from app.services.bus import EVENTS, Bus, hint_commits


class Live:
    """Made once in a web process. No thread starts and nothing connects before the first socket joins."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.hub = Hub()
        self.feed = Feed(has_audience=lambda: len(self.hub) > 0)
        self.attendance = Attendance(self.hub)
        bus.listen(EVENTS, lambda _topic, _payload: self.feed.hint())
        bus.on_reconnect(self.feed.hint)
        hint_commits(bus)

    @contextmanager
    def joined(self, subscriber: Subscriber) -> Iterator[bool]:
        """Have a socket told of what happens from now on; True when it is its viewer's first in this process.

        Raises UnavailableError when the database is away.
        """
        is_first = self.hub.add(subscriber)
        try:
            self.feed.attend()
            self.bus.subscribe()
            if is_first:
                self.attendance.changed()
            yield is_first
        finally:
            if self.hub.remove(subscriber):
                self.attendance.changed()

    def stop(self) -> None:
        """Close every socket with 1012 within two seconds, then end the threads. For the process's shutdown."""
        self.hub.close_all()
        self.attendance.stop()
        self.feed.stop()
        self.bus.close()


_live: Live | None = None


def configure(bus: Bus) -> Live:
    """Make `bus` the bus of this web process. Celery's processes call `hint_commits` instead."""
    global _live  # noqa: PLW0603  One process has one hub.
    _live = Live(bus)
    return _live


def is_live() -> bool:
    """False in an application alone, which answers requests and has no sockets."""
    return _live is not None


def live() -> Live:
    if _live is None:
        raise RuntimeError("app.live.process.configure was not called")
    return _live
