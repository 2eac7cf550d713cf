"""A worker's life: what it opens when it starts and how it stops."""

from __future__ import annotations

import os
import time
from typing import Any, Final

from celery import signals

from app.actions.server import follow_changes
from app.db import on_wake
from app.process import prepare
from app.services import broker
from app.services.bus import Bus, hint_commits
from app.services.log_ring import LogRing
from app.services.logs import configure_logging
from app.settings import current
from tasks import delivery, inbox, peers
from tasks.watchdog import Watchdog

# People wait for web processes on the same machine, and nobody waits for a worker (`app.web.admission`).
_NICENESS: Final = 5
_STOP_SECONDS: Final = 2.5  # The supervisor's patience ends at 4.

_watchdogs: list[Watchdog] = []


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery carries no types.
def log_as_json(**_: Any) -> None:
    settings = current()
    configure_logging(settings.log_level, also=LogRing(settings.redis_url, installation=settings.origin))


@signals.worker_init.connect  # type: ignore[untyped-decorator]  # Celery carries no types.
def open_up(**_: Any) -> None:
    os.nice(_NICENESS)
    settings = current()
    prepare(settings)
    on_wake(broker.hint)
    bus = Bus(settings.redis_url, installation=settings.origin)
    hint_commits(bus)
    follow_changes(bus)


@signals.worker_ready.connect  # type: ignore[untyped-decorator]  # Celery carries no types.
def keep_watch(sender: Any, **_: Any) -> None:
    watchdog = Watchdog(sender.hostname)
    watchdog.start()
    _watchdogs.append(watchdog)


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]  # Celery carries no types.
def wind_up(**_: Any) -> None:
    """Turns that are on may note what they sent; a request that hangs is cut off, and its row is sent again."""
    for watchdog in _watchdogs:
        watchdog.stop()
    ends_at = time.monotonic() + _STOP_SECONDS
    for lanes in (delivery.lanes, inbox.lanes, peers.lanes):
        lanes.stop(seconds=0)  # No turn begins in any while the other is waited for.
    for lanes in (delivery.lanes, inbox.lanes, peers.lanes):
        lanes.stop(seconds=ends_at - time.monotonic())
    broker.close()
