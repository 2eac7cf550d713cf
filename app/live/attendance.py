"""Attendance: one thread that keeps people's statuses in step with who has a socket in this process."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

from app.actions import presence
from app.actions.presence import StatusChange
from app.errors import UnavailableError
from app.live.hub import Hub

BEAT_SECONDS = 15.0
RETRY_SECONDS = 1.0
_BATCH = 500  # People in one transaction: when a server comes back, everybody does.
_TOLD_AT_ONCE = 50
_STOP_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Attendance:
    """Writes down who came and who left, and tells the listeners what that did to their statuses.

    No socket waits for it and none fails by it: what cannot be written now is written when the database is back, and
    who came and left meanwhile was never here. Other processes count, too: who is still in one of them stays online.
    """

    def __init__(self, hub: Hub) -> None:
        self.process_id = secrets.token_hex(8)
        self._hub = hub
        self._listeners: list[Callable[[StatusChange], None]] = []
        self._noted: set[str] = set()
        self._beat_at = 0.0
        self._has_changed = threading.Event()
        self._is_stopped = False
        self._is_failing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self, listener: Callable[[StatusChange], None]) -> None:
        """Have `listener` called after each change is committed. It must not wait."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Somebody came or left; the hub says who. Never waits. The thread starts with the first call."""
        with self._lock:
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._run, name="attendance", daemon=True)
                self._thread.start()
        self._has_changed.set()

    def stop(self) -> None:
        """End the thread, within a second, and say that nobody is here any more."""
        with self._lock:
            self._is_stopped = True
        self._has_changed.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        with suppress(UnavailableError):  # Another process will sweep them.
            self._note(arrived=(), left=self._noted)

    def _run(self) -> None:
        while not self._is_stopped:
            self._has_changed.wait(self._pause())
            self._has_changed.clear()
            try:
                self._beat_if_due()
                self._follow()
                self._is_failing = False
            except UnavailableError as error:
                self._note_failure(error, trace=None)
            except Exception as error:  # noqa: BLE001  It goes on: the next who comes is not to blame.
                self._note_failure(error, trace=error)

    def _pause(self) -> float | None:
        if self._is_failing:
            return RETRY_SECONDS
        return max(0.0, self._beat_at + BEAT_SECONDS - time.monotonic()) if self._noted else None

    def _beat_if_due(self) -> None:
        """Say that we live, and clear up after processes that no longer do."""
        if time.monotonic() < self._beat_at + BEAT_SECONDS:
            return
        self._noted = presence.keep(self.process_id)
        self._tell(presence.sweep(datetime.now(UTC) - presence.STALE))
        self._beat_at = time.monotonic()

    def _follow(self) -> None:
        """Write down how the hub differs from what was written, until it does not."""
        while not self._is_stopped:
            here = self._hub.viewers()
            arrived, left = sorted(here - self._noted)[:_BATCH], sorted(self._noted - here)[:_BATCH]
            if not arrived and not left:
                return
            self._note(arrived=arrived, left=left)

    def _note(self, *, arrived: Iterable[str], left: Iterable[str]) -> None:
        arrived, left = set(arrived), set(left)
        if arrived or left:
            self._tell(presence.note(self.process_id, arrived=arrived, left=left))
            self._noted = (self._noted | arrived) - left

    def _tell(self, changes: Iterable[StatusChange]) -> None:
        for number, change in enumerate(changes, start=1):
            for listener in self._listeners:
                listener(change)
            if number % _TOLD_AT_ONCE == 0:
                time.sleep(0)  # Under gevent the writers of the sockets have their turn, before their queues are full.

    def _note_failure(self, error: Exception, *, trace: Exception | None) -> None:
        if not self._is_failing:
            _log.warning("who is here cannot be noted now: %s", error, exc_info=trace)
        self._is_failing = True
