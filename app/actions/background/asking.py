"""What the staff asks of background tasks: to run now, to be switched on or off."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import update

from app.actions.background.registry import BackgroundTask, find_task
from app.db import reading, transaction, wake
from app.errors import InvalidInputError, TooManyRequestsError, UnavailableError
from app.models import BackgroundTask as Row
from app.projections import audit
from app.queries.background_tasks import TaskState, get_state
from app.queries.viewers import Viewer

_WAIT_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.05
_LOOK_SECONDS_MAX: Final = 0.5
_WAITING_MAX: Final = 16

_places = threading.BoundedSemaphore(_WAITING_MAX)


def run_now(viewer: Viewer, task_id: str) -> None:
    """Have a worker run the task and wait for its end; one that is running already is waited for instead.

    Raises InvalidInputError, with the id in its text, for a task that there is not or that fails, UnavailableError when
    no worker has run it within twenty seconds (it runs when there is one again), and TooManyRequestsError while many
    wait already.
    """
    task = _get(task_id)
    if not _places.acquire(blocking=False):
        raise TooManyRequestsError("Background tasks are being asked for too often. Wait for those that run.")
    try:
        _run_and_wait(viewer, task)
    finally:
        _places.release()


def _run_and_wait(viewer: Viewer, task: BackgroundTask) -> None:
    now = datetime.now(UTC)
    with transaction() as session:
        before = get_state(session, task.id)
        if not before.is_running(now, task.longest):
            session.execute(update(Row).where(Row.id == task.id).values(next_run_at=now))
            wake(session, "background", task.id)
        audit.note(session, "background_task_run", actor_id=viewer.actor_id, target=task.id, now=now)
    after = _wait(before)
    if after.errors > before.errors:
        raise InvalidInputError(f"Background task '{task.id}' failed to execute: {after.last_error}")


def toggle(viewer: Viewer, task_id: str, *, enabled: bool) -> None:
    """Switch the task on or off; switched on, it next runs when its time has come round.

    Raises InvalidInputError, with the id in its text.
    """
    task = _get(task_id)
    now = datetime.now(UTC)
    next_run_at = now + task.every()
    with transaction() as session:
        session.execute(update(Row).where(Row.id == task_id).values(is_enabled=enabled, next_run_at=next_run_at))
        audit.note(
            session, "background_task_toggled", actor_id=viewer.actor_id, target=task_id, now=now, enabled=enabled
        )


def _get(task_id: str) -> BackgroundTask:
    task = find_task(task_id)
    if task is None:
        raise InvalidInputError(f"Background task '{task_id}' failed to execute: this server has no such task.")
    return task


def _wait(before: TaskState) -> TaskState:
    ends_at, pause = time.monotonic() + _WAIT_SECONDS, _LOOK_SECONDS
    while time.monotonic() < ends_at:
        with reading() as session:
            state = get_state(session, before.id)
        if state.runs + state.errors > before.runs + before.errors:
            return state
        time.sleep(pause)
        pause = min(2 * pause, _LOOK_SECONDS_MAX)
    raise UnavailableError(
        f"Background task '{before.id}' has not finished: it is still running, or no worker is there to begin it yet."
    )
