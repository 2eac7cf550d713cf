"""Admission: a process that has more to do than it can says so at once, and people here come before servers elsewhere.

A request that would wait for seconds is answered 503 before it costs anything. One that waits itself, for the rest of
its body or for another server, keeps nobody from being served. Deliveries from other servers are told 429 already when
they keep this server's own people waiting, each sender's share alike; peers send again what was refused, people do not.
Nothing is refused that there is time for.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from flask import Flask, current_app, g, request

from app.errors import TooManyRequestsError, UnavailableError
from app.web.client import client_network

MAX_OPEN: Final = 256
"""Requests of one process that may be at work at once; sockets and those that wait are not counted."""

MAX_WAITING: Final = 2000
"""Requests of one process that may wait at once before those who have most of them are refused more."""

MAX_LAG_SECONDS: Final = 2.0
TICK_SECONDS: Final = 0.1
LEAST_RATE: Final = 100.0
"""Deliveries a second that are taken however busy the process is: the federation never stands still, and a sender that
waits for each answer hardly sends more."""

WINDOW_TICKS: Final = 10
"""Deliveries are counted over so many ticks, so that one sender's burst is no flood."""

PATIENCE_SECONDS: Final = 1.0
"""How long a delivery too many is held before it is refused. A greenlet that sleeps costs nothing, and who sends one
after the other over some connections sends no faster than this."""

MAX_HELD: Final = 200

_CALM_LAG_SECONDS: Final = 0.02
_CALM_SHARE: Final = 0.5  # Of the time; whoever comes to a process that works for more of it mostly has to wait.
_PEOPLE_STAY_SECONDS: Final = 10.0
_UNLIMITED: Final = float("inf")
_EXTENSION: Final = "shoal.admission"


class Admission:
    """One for each process. `clock` is monotonic, and `work` the time of a processor it has had, both in seconds.

    How busy the process is shows in how late a timer is: under gevent every request waits as long as the timer does,
    each time that it waits for anything. Before that it shows in how much of the time there is work.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        work: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._work = work
        self._worked = work()
        self._open = 0
        self._held = 0
        self._waiting: Counter[str] = Counter()
        self._due_at: float | None = None
        self._lag = 0.0
        self._is_calm = True
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

    @contextmanager
    def waiting(self, client: str) -> Iterator[None]:
        """Not be counted as at work while the block waits. Raises UnavailableError for a client, by its network, that
        has more than its share of the very many who wait: one who stalls everything stalls nobody else.
        """
        waiting = self._waiting.total()
        if waiting >= MAX_WAITING and self._waiting[client] * len(self._waiting) >= waiting:
            raise UnavailableError("The server is busy. Try again.", retry_after_seconds=5)
        self._waiting[client] += 1
        self._open -= 1
        try:
            yield
        finally:
            self._open += 1
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]

    def note_person(self) -> None:
        """Somebody of this server waits for an answer, and will have more requests soon."""
        self._people_until = self._clock() + _PEOPLE_STAY_SECONDS

    def take_delivery(self, sender: str, amount: int = 1) -> None:
        """`sender` is the network it comes from, which cannot be forged as a name can; `amount` is how many come in one
        request. Raises TooManyRequestsError."""
        allowed = self._quota * self._elapsed_ticks() / WINDOW_TICKS
        share = max(1.0, allowed / self._senders)
        if self._taken.total() >= allowed or self._taken[sender] >= share:
            raise TooManyRequestsError("The server is busy. Send this again later.", retry_after_seconds=5)
        self._taken[sender] += amount

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
        now, worked = self._clock(), self._work()
        self._lag = 0.0 if self._due_at is None else max(now - self._due_at, 0.0)
        is_busy = worked - self._worked > _CALM_SHARE * (TICK_SECONDS + self._lag)
        self._due_at, self._worked = now + TICK_SECONDS, worked
        if (is_busy or self._lag > _CALM_LAG_SECONDS) and now < self._people_until:
            self._spare_people()
        self._ticks += 1
        if self._ticks % WINDOW_TICKS == 0:
            self._open_window(now)

    def _elapsed_ticks(self) -> int:
        """Of this window, with the one that is on: what is taken of a window at its start is all at work at once."""
        return self._ticks % WINDOW_TICKS + 1

    def _spare_people(self) -> None:
        """They are kept waiting: where as many deliveries came as are always taken, they are the reason."""
        if self._taken.total() >= LEAST_RATE * self._elapsed_ticks() * TICK_SECONDS:
            self._quota = LEAST_RATE * WINDOW_TICKS * TICK_SECONDS
            self._is_calm = False

    def _open_window(self, now: float) -> None:
        """Some more deliveries after a window in which they kept nobody waiting."""
        if now >= self._people_until:
            self._quota = _UNLIMITED
        elif self._is_calm:
            self._quota += LEAST_RATE / 2
        self._senders = max(len(self._taken), 1)
        self._taken.clear()
        self._is_calm = True


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
    elif request.path.startswith("/api/"):
        admission.note_person()


def take_delivery(amount: int = 1) -> None:
    """Count the request as so many deliveries from another server; to be called once it is here as a whole and begins
    to cost.

    Raises TooManyRequestsError.
    """
    admission = _admission()
    try:
        admission.take_delivery(client_network(), amount)
    except TooManyRequestsError:
        _leave()
        admission.hold()
        raise


def _leave(_error: BaseException | None = None) -> None:
    if g.pop("is_admitted", False):
        _admission().leave()


@contextmanager
def waiting() -> Iterator[None]:
    """Around what a request waits for and this process does nothing about. Raises UnavailableError."""
    if not g.get("is_admitted", False):
        yield
        return
    with _admission().waiting(client_network()):
        yield


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
