"""Running background tasks: one at a time of each, and what came of it is noted."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from app.actions.background.registry import TASKS, BackgroundTask, find_task
from app.db import row_count, transaction, upsert
from app.errors import AppError
from app.models import BackgroundTask as Row
from app.queries.background_tasks import SKEW, list_states

_SHOWN_ERROR: Final = 500

_log = logging.getLogger(__name__)


def install(session: Session, now: datetime) -> None:
    """A row for each task that has none; those that are on run at once."""
    rows = [
        {
            "id": task.id,
            "is_enabled": task.is_on_at_first,
            "next_run_at": now,
            "runs": 0,
            "errors": 0,
            "total_runtime": 0.0,
        }
        for task in TASKS.values()
    ]
    session.execute(upsert(session, Row).values(rows).on_conflict_do_nothing())


def due(session: Session, now: datetime) -> list[str]:
    """The ids of tasks that are on and should run now."""
    states = list_states(session)
    return [
        task.id
        for task in TASKS.values()
        if (state := states.get(task.id)) is not None
        and state.is_enabled
        and state.is_due(now, task.every())
        and not state.is_running(now, task.longest)
        and task.is_available()
    ]


def run(task_id: str) -> None:
    """Run the task, unless it is running or there is none of that name. What it fails with is noted, and not raised.

    Raises UnavailableError when the database is away.
    """
    task = find_task(task_id)
    if task is None or not _take(task, datetime.now(UTC)):
        return
    begun = time.monotonic()
    error: str | None = None
    try:
        task.run(datetime.now(UTC))
    except Exception as raised:  # noqa: BLE001  Whatever it was, the staff is told, and the next run comes.
        _log.exception("the background task %s failed", task_id)
        error = _describe(raised)
    _give_back(task, error, seconds=time.monotonic() - begun)


def _take(task: BackgroundTask, now: datetime) -> bool:
    """Whether it is ours to run: of two who ask at once one is told yes."""
    with transaction() as session:
        taken = session.execute(
            update(Row)
            .where(
                Row.id == task.id,
                or_(
                    Row.running_since.is_(None), Row.running_since < now - task.longest, Row.running_since > now + SKEW
                ),
            )
            .values(running_since=now)
        )
        return row_count(taken) == 1


def _give_back(task: BackgroundTask, error: str | None, *, seconds: float) -> None:
    now = datetime.now(UTC)
    next_run_at = now + task.every()
    counter = {"runs": Row.runs + 1} if error is None else {"errors": Row.errors + 1}
    with transaction() as session:
        session.execute(
            update(Row)
            .where(Row.id == task.id)
            .values(
                running_since=None,
                last_run_at=now,
                last_error=error,
                total_runtime=Row.total_runtime + seconds,
                next_run_at=next_run_at,
                **counter,
            )
        )


def _describe(error: Exception) -> str:
    """What the staff may read; of an error that was not foreseen, its kind alone, because it may quote anything."""
    if isinstance(error, AppError):
        return error.message[:_SHOWN_ERROR]
    return f"{type(error).__name__}; the log says more."
