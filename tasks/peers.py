"""Other instances over Punctum: hints of domains, handed to the lanes of this worker."""

from __future__ import annotations

from typing import Final

from app.actions.peers.sending import Turn
from app.actions.peers.sending import tell as tell_turn
from tasks import celery_app
from tasks.lanes import Lanes

_PROMPT_THREADS: Final = 4
_OTHER_THREADS: Final = 16


def _tell(domain: str) -> Turn:
    return tell_turn(domain, should_stop=lanes.is_stopping)


lanes = Lanes(_tell, name="peers", prompt_threads=_PROMPT_THREADS, other_threads=_OTHER_THREADS)


@celery_app.task(name="tasks.peers.tell")  # type: ignore[untyped-decorator]  # Celery carries no types.
def tell(*domains: str) -> None:
    """Give each instance a turn soon; over before they have it, as with deliveries."""
    for domain in domains:
        lanes.put(domain)
