"""Accepted requests: hints of hosts, handed to the lanes of this worker."""

from __future__ import annotations

from typing import Final

from app.actions.inbox import Turn
from app.actions.inbox import process as process_turn
from tasks import celery_app
from tasks.lanes import Lanes

# Applying is our own work, for which more threads are no faster; waiting for other servers is not.
_PROMPT_THREADS: Final = 8
_OTHER_THREADS: Final = 32


def _process(host: str) -> Turn:
    return process_turn(host, should_stop=lanes.is_stopping)


lanes = Lanes(_process, name="inbox", prompt_threads=_PROMPT_THREADS, other_threads=_OTHER_THREADS)


@celery_app.task(name="tasks.inbox.process")  # type: ignore[untyped-decorator]  # Celery carries no types.
def process(*hosts: str) -> None:
    """Give each host a turn soon, at having its items applied in the order they came; over before they have it."""
    for host in hosts:
        lanes.put(host)
