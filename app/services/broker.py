"""The broker: hints to the workers that there is work, sent by a thread of its own and lost without harm."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from app import failpoints
from app.settings import current

QUEUE: Final = "shoal"
# Tasks are started by name, because nothing imports `tasks`. Other kinds of wake-ups are not for workers.
TASKS: Final = {
    "background": "tasks.background.run",
    "deliver": "tasks.delivery.deliver",
    "inbox": "tasks.inbox.process",
    "keys": "tasks.keys.make",
    "peers": "tasks.peers.tell",
}

_COALESCE_SECONDS: Final = 0.003
# A hint sent again sooner than this would mostly find the turn that the one before it began.
_SPACING_SECONDS: Final = 0.05
_SOCKET_SECONDS: Final = 1.0
_PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_MAX_WAITING: Final = 10_000
_HOSTS_A_MESSAGE: Final = 10

Hint = tuple[str, str]

_log = logging.getLogger(__name__)


class HintSender:
    """Sends hints as Celery messages. Neither its start nor its failure is ever felt by who gives a hint.

    A hint is sent at once, and one that equals it twentieths of a second later, once for all that came meanwhile: a
    worker that takes the first one sees most of what the others hint at. While the broker is away hints are forgotten,
    and every so often one of them is tried: what they hinted at is a row, and rows are swept.
    """

    def __init__(self, broker_url: str) -> None:
        self._celery = _producer(broker_url)
        self._waiting: dict[Hint, None] = {}
        self._held: set[Hint] = set()  # Equal to hints that were just sent.
        self._held_until: dict[Hint, float] = {}  # The soonest first.
        self._has_work = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._failures = 0
        self._silent_until = 0.0

    def hint(self, kind: str, key: str) -> None:
        """Tell the workers of `key`. Returns at once and never raises."""
        if kind not in TASKS:
            return
        with self._has_work:
            if self._is_closed or time.monotonic() < self._silent_until or len(self._waiting) >= _MAX_WAITING:
                return
            self._start()
            if (kind, key) in self._held_until:
                self._held.add((kind, key))  # The thread wakes by itself when its time has come.
            else:
                self._waiting[kind, key] = None
                self._has_work.notify()

    def close(self) -> None:
        """Send what waits, if the broker takes it, and end the thread."""
        with self._has_work:
            self._is_closed = True
            self._has_work.notify()
            thread = self._thread
        if thread is not None:
            thread.join(2 * _SOCKET_SECONDS)
        self._celery.close()

    def _start(self) -> None:
        # Also after a fork, which takes no threads along.
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while hints := self._take():
            failpoints.reach("hint.taken")
            try:
                for task, arguments in messages(hints):
                    self._celery.send_task(task, arguments, retry=False, ignore_result=True)
            except OperationalError as error:
                self._fall_silent(error)
            else:
                self._failures = 0

    def _take(self) -> dict[Hint, None]:
        """The hints that came since, or none when closed."""
        with self._has_work:
            while not self._is_closed and not self._waiting:
                self._has_work.wait(self._let_go())
            is_closed = self._is_closed
        if not is_closed:
            time.sleep(_COALESCE_SECONDS)
        with self._has_work:
            hints, self._waiting = self._waiting, {}
            if is_closed:
                hints.update(dict.fromkeys(self._held))
                self._held.clear()
            until = time.monotonic() + _SPACING_SECONDS
            self._held_until.update(dict.fromkeys(hints, until))
        return hints

    def _let_go(self) -> float | None:
        """Let those wait whose time has come; returns the seconds to the next, None where none is held up."""
        now = time.monotonic()
        while self._held_until:
            hint, until = next(iter(self._held_until.items()))
            if until > now:
                return 0.0 if self._waiting else until - now
            del self._held_until[hint]
            if hint in self._held:
                self._held.remove(hint)
                self._waiting[hint] = None
        return 0.0 if self._waiting else None

    def _fall_silent(self, error: OperationalError) -> None:
        pause = _PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS) - 1)]
        self._failures += 1
        _log.warning("the broker took no hints; the next is tried in %s s: %s", pause, error)
        with self._has_work:
            self._silent_until = time.monotonic() + pause
            self._waiting.clear()
            self._held.clear()


def messages(hints: Iterable[Hint]) -> Iterator[tuple[str, list[str]]]:
    """(task name, arguments) for the hints; hosts to deliver to travel together, because messages cost more."""
    hosts = []
    for kind, key in hints:
        if kind == "deliver":
            hosts.append(key)
        else:
            yield TASKS[kind], [key]
    for start in range(0, len(hosts), _HOSTS_A_MESSAGE):
        yield TASKS["deliver"], hosts[start : start + _HOSTS_A_MESSAGE]


def hint(kind: str, key: str) -> None:
    """Tell the workers that there is work; made to be given to `app.db.on_wake`."""
    if kind in TASKS:
        _process_sender().hint(kind, key)


def close() -> None:
    """Send the last hints of this process."""
    if _sender is not None:
        _sender.close()


_sender: HintSender | None = None
_sender_lock = threading.Lock()


def _process_sender() -> HintSender:
    global _sender  # noqa: PLW0603  One thread and one connection a process.
    with _sender_lock:
        if _sender is None:
            _sender = HintSender(current().broker_url)
        return _sender


def _producer(broker_url: str) -> Any:
    celery = Celery("hints", broker=broker_url, set_as_current=False)
    celery.conf.update(
        task_serializer="json",
        task_default_queue=QUEUE,
        task_publish_retry=False,
        task_ignore_result=True,
        broker_pool_limit=1,
        broker_connection_timeout=_SOCKET_SECONDS,
        broker_transport_options={
            "socket_timeout": _SOCKET_SECONDS,
            "socket_connect_timeout": _SOCKET_SECONDS,
            "max_retries": 0,
        },
    )
    return celery
