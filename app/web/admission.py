"""Admission: a process that has more to do than it can says so at once, and people here come before servers elsewhere.

A request that would wait for seconds is answered 503 before it costs anything. Deliveries from other servers are told
429 already when they keep this server's own people waiting, each sender's share alike; peers send again what was
refused, people do not. Nothing is refused that there is time for.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from flask import Flask, current_app, g, request

from app.errors import TooManyRequestsError, UnavailableError
from app.web.client import client_network

MAX_OPEN: Final = 256
"""Requests of one process that may be at work at once; sockets are not counted."""

MAX_LAG_SECONDS: Final = 2.0
TICK_SECONDS: Final = 0.1
LEAST_RATE: Final = 250.0
"""Deliveries a second that are taken however busy the process is: the federation never stands still, and a sender that
waits for each answer hardly sends more."""

WINDOW_TICKS: Final = 10
"""Deliveries are counted over so many ticks, so that one sender's burst is no flood."""

PATIENCE_SECONDS: Final = 1.0
"""How long a delivery too many is held before it is refused. A greenlet that sleeps costs nothing, and who sends one
after the other over some connections sends no faster than this."""

MAX_HELD: Final = 200

_CALM_LAG_SECONDS: Final = 0.05
_PEOPLE_STAY_SECONDS: Final = 10.0
_UNLIMITED: Final = float("inf")
_EXTENSION: Final = "shoal.admission"


class Admission:
    """One for each process. `clock` is monotonic, in seconds.

    How busy the process is shows in how late a timer is: under gevent every request waits as long as the timer does.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._open = 0
        self._held = 0
        self._due_at: float | None = None
        self._lag = 0.0
        self._worst_lag = 0.0
        self._ticks = 0
        self._people_until = clock()
        self._quota = _UNLIMITED
        self._taken: Counter[str] = Counter()
        self._senders = 1

    @property
    def open_requests(self) -> int:
        return self._open

    @property
    def lag_seconds(self) -> float:
        """How late the timer was, or is already; 0 while none runs."""
        return 0.0 if self._due_at is None else max(self._lag, self._clock() - self._due_at)

    def enter(self) -> None:
        """Raises UnavailableError when the process is full."""
        if self._open >= MAX_OPEN or self.lag_seconds > MAX_LAG_SECONDS:
            raise UnavailableError("The server is busy. Try again.", retry_after_seconds=2)
        self._open += 1

    def leave(self) -> None:
        self._open -= 1

    def note_person(self) -> None:
        """Somebody of this server waits for an answer, and will have more requests soon."""
        self._people_until = self._clock() + _PEOPLE_STAY_SECONDS

    def take_delivery(self, sender: str) -> None:
        """`sender` is the network it comes from, which cannot be forged as a name can. Raises TooManyRequestsError."""
        share = max(1.0, self._quota / self._senders)
        if self._taken.total() >= self._quota or self._taken[sender] >= share:
            raise TooManyRequestsError("The server is busy. Send this again later.", retry_after_seconds=5)
        self._taken[sender] += 1

    def hold(self) -> None:
        """Wait, unless very many are waiting already."""
        if self._held < MAX_HELD:
            self._held += 1
            try:
                self._sleep(PATIENCE_SECONDS)
            finally:
                self._held -= 1

    def tick(self) -> None:
        """Look how late it is."""
        now = self._clock()
        self._lag = 0.0 if self._due_at is None else max(now - self._due_at, 0.0)
        self._worst_lag = max(self._worst_lag, self._lag)
        self._due_at = now + TICK_SECONDS
        self._ticks += 1
        if self._ticks % WINDOW_TICKS == 0:
            self._open_window(now)

    def _open_window(self, now: float) -> None:
        """A quarter of the deliveries after people were kept waiting, some more after a window without."""
        if now >= self._people_until:
            self._quota = _UNLIMITED
        elif self._worst_lag > _CALM_LAG_SECONDS:
            self._quota = max(LEAST_RATE * WINDOW_TICKS * TICK_SECONDS, min(self._quota, self._taken.total()) / 4)
        else:
            self._quota += LEAST_RATE / 2
        self._senders = max(len(self._taken), 1)
        self._taken.clear()
        self._worst_lag = 0.0


def admit_requests(app: Flask) -> None:
    """Have every request ask; how late it is, is not known before `keep_time`."""
    app.extensions[_EXTENSION] = Admission()
    app.before_request(_enter)
    app.teardown_request(_leave)


def _enter() -> None:
    if request.path == "/healthz":
        return
    admission = _admission()
    admission.enter()
    g.is_admitted = True
    if request.url_rule is not None and request.url_rule.websocket:
        _leave()  # A socket stays open for days and waits for nothing.
    elif request.method == "POST" and request.path.startswith("/ap/"):
        _take_delivery(admission)
    elif request.path.startswith("/api/"):
        admission.note_person()


def _take_delivery(admission: Admission) -> None:
    try:
        admission.take_delivery(client_network())
    except TooManyRequestsError:
        _leave()
        admission.hold()
        raise


def _leave(_error: BaseException | None = None) -> None:
    if g.pop("is_admitted", False):
        _admission().leave()


def _admission() -> Admission:
    admission: Admission = current_app.extensions[_EXTENSION]
    return admission


def keep_time(app: Flask) -> Callable[[], None]:
    """Start the timer, a thread that gevent makes a greenlet; returns what ends it. For the process that serves."""
    admission: Admission = app.extensions[_EXTENSION]
    is_stopped = threading.Event()

    def run() -> None:
        admission.tick()
        while not is_stopped.wait(TICK_SECONDS):
            admission.tick()

    threading.Thread(target=run, name="admission", daemon=True).start()
    return is_stopped.set
