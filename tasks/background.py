"""Background tasks by their ids; which there are is not for a message to say."""

from __future__ import annotations

from app.actions import background
from tasks import celery_app


@celery_app.task(name="tasks.background.run")  # type: ignore[untyped-decorator]  # Celery carries no types.
def run(task_id: str) -> None:
    """A message that comes twice finds the task running, or runs it once more."""
    background.run(task_id)
