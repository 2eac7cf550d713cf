"""The watchdog of a worker: sweeps when nobody else does, and ends a worker that no longer hears its broker."""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from celery.utils.nodenames import worker_direct
from kombu.exceptions import OperationalError

from app.actions import sweeps
from app.errors import AppError
from app.services.broker import TASKS
from tasks import celery_app, delivery, inbox, peers
from tasks.lanes import Lane, Lanes
from tasks.sweeps import feel_pulse, pulse

_LOOK_SECONDS: Final = 5.0
_PULSE_SECONDS: Final = 30.0
_DEAF_AFTER_PULSES: Final = 4
_GRACE_SECONDS: Final = 15.0
_THREADS: Final = 4
_LANES: Final[Mapping[str, Lanes]] = {"deliver": delivery.lanes, "inbox": inbox.lanes, "peers": peers.lanes}

_log = logging.getLogger(__name__)


class Watchdog:
    """A thread of the worker, which needs neither beat nor broker: with both away, deliveries go on from here.

    Celery's consumers have gone deaf after a lost Redis connection and kept their process alive (celery #8091,
    #10205). So the worker sends itself a message now and then, and if several were taken by the broker and none
    arrived, it ends, for its supervisor to start another.
    """

    def __init__(self, hostname: str) -> None:
        self._queue = worker_direct(hostname)
        self._sent_at = 0.0
        self._unanswered = 0
        self._is_stopped = threading.Event()
        self._own_lanes: Mapping[str, Lane] = {
            kind: Lane(functools.partial(_run_task, name), name=f"swept-{kind}", threads=_THREADS)
            for kind, name in TASKS.items()
            if kind not in _LANES
        }
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped.set()

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            try:
                self.look()
            except AppError as error:
                _log.warning("no sweep: %s", error)
            except Exception:  # noqa: BLE001  The watchdog must outlive whatever it finds.
                _log.exception("the watchdog stumbled")
            self._is_stopped.wait(_LOOK_SECONDS)

    def look(self) -> None:
        """Do what is due. Raises UnavailableError when the database is away."""
        if time.monotonic() - self._sent_at >= _PULSE_SECONDS:
            self._feel_pulse()
        if sweeps.is_overdue():
            sweeps.sweep(self._tell)

    def _tell(self, kind: str, key: str) -> None:
        """Work it finds is done in this process, because a message may go where nobody listens."""
        if kind in _LANES:
            _LANES[kind].put(key)
        else:
            self._own_lanes[kind].put(key)

    def _feel_pulse(self) -> None:
        is_answered = self._sent_at == 0.0 or pulse.at >= self._sent_at
        self._unanswered = 0 if is_answered else self._unanswered + 1
        if self._unanswered >= _DEAF_AFTER_PULSES:
            _end_process()
        self._sent_at = time.monotonic()
        try:
            feel_pulse.apply_async(queue=self._queue, expires=2 * _PULSE_SECONDS, retry=False)
        except OperationalError as error:
            _log.warning("the broker is away: %s", error)
            self._unanswered = 0


def _run_task(name: str, key: str) -> None:
    task: Any = celery_app.tasks[name]
    try:
        task(key)
    except AppError as error:
        _log.warning("%s(%s): %s", name, key, error)
    except Exception:  # noqa: BLE001  As in Celery itself: a task that fails is logged, and swept again.
        _log.exception("%s(%s) failed", name, key)


def _end_process() -> None:
    _log.critical("this worker hears its broker no more; it ends")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
