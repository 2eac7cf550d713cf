"""The sweep, as beat starts it, and the pulse by which a worker knows that it still hears its broker."""

from __future__ import annotations

import time

from app.actions import sweeps
from app.services.broker import hint
from tasks import celery_app


class Pulse:
    """When this process last ran a task that it sent to itself."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def beat(self) -> None:
        self.at = time.monotonic()


pulse = Pulse()


@celery_app.task(name="tasks.sweeps.sweep")  # type: ignore[untyped-decorator]  # Celery carries no types.
def sweep() -> None:
    sweeps.sweep(hint)


@celery_app.task(name="tasks.sweeps.feel_pulse")  # type: ignore[untyped-decorator]  # Celery carries no types.
def feel_pulse() -> None:
    pulse.beat()
