"""When beat starts the sweep."""

from __future__ import annotations

from datetime import datetime

from celery.schedules import schedstate, schedule


class Every(schedule):  # type: ignore[misc]  # Celery carries no types.
    """So many seconds after the last time, and at once where that is a time to come: the clock was put back since."""

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        is_due, seconds = super().is_due(last_run_at)
        return schedstate(is_due=True, next=self.seconds) if seconds > self.seconds else (is_due, seconds)
