"""Accepted requests: a host's turn at being applied."""

from __future__ import annotations

from app.actions.inbox import process as process_host
from app.services.broker import hint
from tasks import celery_app


@celery_app.task(name="tasks.inbox.process")  # type: ignore[untyped-decorator]  # Celery carries no types.
def process(*hosts: str) -> None:
    """One host's items are applied by one worker at a time, in the order they came."""
    for host in hosts:
        if process_host(host).has_more:
            hint("inbox", host)
