"""Lanes: the threads that give hosts their turns, apart for prompt hosts and for those that may keep us waiting."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from cachetools import LRUCache

from activitypub.uris import domain_of
from app.errors import AppError

_AGAIN_SECONDS: Final = 5.0
_REMEMBERED_HOSTS: Final = 10_000

_log = logging.getLogger(__name__)


class Turn(Protocol):
    """What a turn came to. `is_prompt` is None where it showed nothing, `due_in_seconds` None where nothing is soon."""

    @property
    def is_prompt(self) -> bool | None: ...

    @property
    def due_in_seconds(self) -> float | None: ...


class _NoTurn(msgspec.Struct, frozen=True):
    is_prompt: bool | None = None
    due_in_seconds: float | None = None


class Lane:
    """A queue of hosts, or of keys of other work, and the threads that take them, started when there is something to
    take.

    The domains take turns, and the hosts of one leave a quarter of the threads to others, or one where there are few:
    whoever has a domain has any number of hosts, each as slow as they like. Daemon threads, because a stop waits for
    nobody's server: what is cut off is a row, and is sent again.
    """

    def __init__(self, run: Callable[[str], None], *, name: str, threads: int) -> None:
        self._run = run
        self._name = name
        self._max_threads = threads
        self._most_of_domain = threads - max(1, threads // 4) if threads > 1 else threads
        self._hosts: dict[str, deque[str]] = {}  # By domain, the one whose turn it is first.
        self._waiting = 0
        self._at_work: Counter[str] = Counter()
        self._has_changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def put(self, host: str) -> None:
        with self._has_changed:
            self._hosts.setdefault(domain_of(host), deque()).append(host)
            self._waiting += 1
            self._has_changed.notify()
            if self._idle < self._waiting and self._threads < self._max_threads:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._has_changed:
                self._idle += 1
                while (host := self._take()) is None:
                    self._has_changed.wait()
                self._idle -= 1
            self._run(host)
            with self._has_changed:
                self._leave(domain_of(host))
                self._has_changed.notify()  # This thread takes one, and if its domain was at its most, so may another.

    def _take(self) -> str | None:
        domain = next((one for one in self._hosts if self._at_work[one] < self._most_of_domain), None)
        if domain is None:
            return None
        hosts = self._hosts.pop(domain)
        host = hosts.popleft()
        if hosts:
            self._hosts[domain] = hosts
        self._waiting -= 1
        self._at_work[domain] += 1
        return host

    def _leave(self, domain: str) -> None:
        self._at_work[domain] -= 1
        if not self._at_work[domain]:
            del self._at_work[domain]


class Lanes:
    """Takes hints of hosts and gives each its turns.

    A host that was prompt the last time, as `give_turn` says, goes to threads that no slow one can take; any other to
    threads of its own kind, many, because they mostly wait. A host is in one place at a time, and one hinted at during
    its turn gets another.
    """

    def __init__(self, give_turn: Callable[[str], Turn], *, name: str, prompt_threads: int, other_threads: int) -> None:
        self._give_turn = give_turn
        self._lock = threading.Lock()
        self._prompt_hosts: LRUCache[str, bool] = LRUCache(maxsize=_REMEMBERED_HOSTS)
        self._present: dict[str, bool] = {}  # The hosts here, and whether they were hinted at during their turn.
        self._prompt_lane = Lane(self._turn, name=name, threads=prompt_threads)
        self._other_lane = Lane(self._turn, name=f"{name}-slow", threads=other_threads)
        self._timers = _Timers(self.put, name=f"{name}-timers")
        self._is_stopping = threading.Event()

    def put(self, host: str) -> None:
        """Give the host a turn when its lane has come to it. Returns at once."""
        with self._lock:
            if self._is_stopping.is_set():
                return
            if host in self._present:
                self._present[host] = True
                return
            self._present[host] = False
            lane = self._prompt_lane if host in self._prompt_hosts else self._other_lane
        lane.put(host)

    def is_stopping(self) -> bool:
        return self._is_stopping.is_set()

    def stop(self, *, seconds: float) -> None:
        """Begin no more turns, and wait that long for those that are on to note what they sent."""
        self._is_stopping.set()
        ends_at = time.monotonic() + seconds
        while self._present and time.monotonic() < ends_at:
            time.sleep(0.02)

    def _turn(self, host: str) -> None:
        with self._lock:
            self._present[host] = False
        turn = _NoTurn() if self._is_stopping.is_set() else self._try(host)
        with self._lock:
            is_hinted = self._present.pop(host)
            if turn.is_prompt:
                self._prompt_hosts[host] = True
            elif turn.is_prompt is False:
                self._prompt_hosts.pop(host, None)
        if is_hinted or turn.due_in_seconds == 0:
            self.put(host)
        elif turn.due_in_seconds is not None:
            self._timers.put(host, turn.due_in_seconds)

    def _try(self, host: str) -> Turn:
        try:
            return self._give_turn(host)
        except AppError as error:
            _log.warning("no turn for %s: %s", host, error)
        except Exception:  # noqa: BLE001  A lane's thread must outlive a host that breaks its turn.
            _log.exception("the turn of %s failed", host)
        return _NoTurn(due_in_seconds=_AGAIN_SECONDS)


class _Timers:
    """Puts hosts back after some seconds. What is longer than a minute is left to the sweep."""

    _LONGEST_SECONDS: Final = 60.0

    def __init__(self, put: Callable[[str], None], *, name: str) -> None:
        self._put = put
        self._name = name
        self._times: list[tuple[float, str]] = []
        self._soonest: dict[str, float] = {}
        self._has_changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, host: str, seconds: float) -> None:
        if seconds > self._LONGEST_SECONDS:
            return
        at = time.monotonic() + seconds
        with self._has_changed:
            if self._soonest.get(host, at + 1) <= at:
                return  # It comes sooner anyway.
            self._soonest[host] = at
            heapq.heappush(self._times, (at, host))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._has_changed.notify()

    def _run(self) -> None:
        while True:
            self._put(self._next())

    def _next(self) -> str:
        with self._has_changed:
            while True:
                if not self._times:
                    self._has_changed.wait()
                elif (left := self._times[0][0] - time.monotonic()) > 0:
                    self._has_changed.wait(left)
                else:
                    at, host = heapq.heappop(self._times)
                    if self._soonest.get(host) == at:
                        del self._soonest[host]
                        return host
