"""Outgoing deliveries: hints of hosts, handed to the lanes of this worker."""

from __future__ import annotations

from typing import Final

from app.actions.delivery import Turn
from app.actions.delivery import deliver as deliver_turn
from app.services.remote import remote_client
from tasks import celery_app
from tasks.lanes import Lanes

PROMPT_THREADS: Final = 16
OTHER_THREADS: Final = 64


def _deliver(host: str) -> Turn:
    return deliver_turn(host, client=remote_client(), should_stop=lanes.is_stopping)


lanes = Lanes(_deliver, name="deliver", prompt_threads=PROMPT_THREADS, other_threads=OTHER_THREADS)


@celery_app.task(name="tasks.delivery.deliver")  # type: ignore[untyped-decorator]  # Celery carries no types.
def deliver(*hosts: str) -> None:
    """Give each host a turn soon; over before they have it, because one slow host must not stop the next hint."""
    for host in hosts:
        lanes.put(host)
