"""Keys of new actors."""

from __future__ import annotations

from app.actions.keys import make_keys
from tasks import celery_app


@celery_app.task(name="tasks.keys.make")  # type: ignore[untyped-decorator]  # Celery carries no types.
def make(actor_id: str) -> None:
    make_keys(actor_id)
