"""Reads of how background tasks have fared."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UnavailableError
from app.models import BackgroundTask

# What was noted for later than this was noted before the clock was put back (fault F17).
SKEW: Final = timedelta(seconds=60)


class TaskState(msgspec.Struct, frozen=True):
    """`runs` are those that went well."""

    id: str
    is_enabled: bool
    runs: int
    errors: int
    total_runtime: float
    last_run_at: datetime | None
    last_error: str | None
    running_since: datetime | None
    next_run_at: datetime

    def is_running(self, now: datetime, longest: timedelta) -> bool:
        """Whether somebody is at it; whoever is for longer than `longest` has died over it."""
        return self.running_since is not None and now - longest <= self.running_since <= now + SKEW

    def is_due(self, now: datetime, every: timedelta) -> bool:
        return self.next_run_at <= now or self.next_run_at > now + every + SKEW


def list_states(session: Session) -> dict[str, TaskState]:
    return {row.id: _state(row) for row in session.scalars(select(BackgroundTask))}


def get_state(session: Session, task_id: str) -> TaskState:
    """Raises UnavailableError on a database that was never brought up to date."""
    row = session.scalar(select(BackgroundTask).where(BackgroundTask.id == task_id))
    if row is None:
        raise UnavailableError("This server is not set up yet.")
    return _state(row)


def _state(row: BackgroundTask) -> TaskState:
    return TaskState(
        id=row.id,
        is_enabled=row.is_enabled,
        runs=row.runs,
        errors=row.errors,
        total_runtime=row.total_runtime,
        last_run_at=row.last_run_at,
        last_error=row.last_error,
        running_since=row.running_since,
        next_run_at=row.next_run_at,
    )
