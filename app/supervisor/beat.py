"""Beat inside a Celery worker, as a thread.

Celery's own `worker -B` forks a process for it, which costs memory and outlives a worker that was killed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from celery import Celery, bootsteps
from celery.beat import Service

_LONGEST_SLEEP_SECONDS = 1  # A stop waits at most this long.
_log = logging.getLogger(__name__)


class BeatThread(threading.Thread):
    """Sends the periodic tasks. A worker whose beat died ends, so that the supervisor starts both again."""

    def __init__(self, celery_app: Celery) -> None:
        super().__init__(name="beat", daemon=True)
        self._celery_app = celery_app
        self._service = Service(
            celery_app,
            max_interval=_LONGEST_SLEEP_SECONDS,
            scheduler_cls=celery_app.conf.beat_scheduler,
            remote_control=False,
        )
        self._is_stopping = False

    def run(self) -> None:
        self._celery_app.set_current()
        try:
            self._service.start()
        finally:
            if not self._is_stopping:
                _log.critical("beat ended by itself; the worker ends too")
                os.kill(os.getpid(), signal.SIGTERM)

    def stop(self) -> None:
        self._is_stopping = True
        self._service.stop()
        self.join(timeout=2 * _LONGEST_SLEEP_SECONDS)


class BeatStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery carries no types.
    """Starts and stops the thread with the worker."""

    def create(self, worker: Any) -> BeatThread:
        return BeatThread(worker.app)
