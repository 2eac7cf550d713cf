"""The sweep: whatever waits although its hint was lost is hinted at again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import background, clock_steps, presence
from app.actions.indexing import index_older
from app.actions.pruning import prune
from app.db import reading, transaction, upsert
from app.models import Setting
from app.queries.peers import list_due_peers
from app.queries.queues import list_delivery_hosts, list_inbox_hosts, list_probe_hosts, list_without_rsa_key

SWEEP_SECONDS: Final = 15
LAST_SWEEP: Final = "last_sweep_at"

LAST_PRUNE: Final = "last_prune_at"
_PRUNE_EVERY: Final = timedelta(minutes=10)
_KEYS_A_SWEEP: Final = 50
_LEFT_BEHIND: Final = 4 * presence.STALE  # A web process that lives would have done it, and told its sockets.


def sweep(tell: Callable[[str, str], None], now: datetime | None = None) -> None:
    """Call `tell(kind, key)` for all that waits, prune every so often, and go on with the full-text index.

    It may run at any time, twice at once too: a hint changes nothing by itself. When it last ran is the setting
    `last_sweep_at`, by which the workers' life is judged. Raises UnavailableError when the database is away.
    """
    now = now or datetime.now(UTC)
    with transaction() as session:
        if _is_to_come(session, LAST_SWEEP, now + clock_steps.SMALLEST):
            clock_steps.end_waits(session, now)
        _note_time(session, LAST_SWEEP, now)
    with reading() as session:
        hosts = {*list_delivery_hosts(session, now), *list_probe_hosts(session, now)}
        hints = [
            *(("deliver", host) for host in hosts),
            *(("inbox", host) for host in list_inbox_hosts(session, now)),
            *(("peers", domain) for domain in list_due_peers(session, now)),
            *(("background", task_id) for task_id in background.due(session, now)),
            *(("keys", actor_id) for actor_id in list_without_rsa_key(session, limit=_KEYS_A_SWEEP)),
        ]
        is_prune_due = _is_longer_ago(session, LAST_PRUNE, _PRUNE_EVERY, now)
    for kind, key in hints:
        tell(kind, key)
    presence.sweep(now - _LEFT_BEHIND)
    if is_prune_due:
        with transaction() as session:
            _note_time(session, LAST_PRUNE, now)
        prune(now)
    index_older()


def is_overdue(now: datetime | None = None) -> bool:
    """Whether two sweeps were missed: who should start them is gone, or the workers do not hear it."""
    with reading() as session:
        return _is_longer_ago(session, LAST_SWEEP, timedelta(seconds=2 * SWEEP_SECONDS), now or datetime.now(UTC))


def _is_longer_ago(session: Session, name: str, age: timedelta, now: datetime) -> bool:
    """Also true for a time to come: the clock was put back since."""
    noted = _noted_time(session, name)
    return noted is None or not now - age < noted <= now + age


def _is_to_come(session: Session, name: str, now: datetime) -> bool:
    noted = _noted_time(session, name)
    return noted is not None and noted > now


def _noted_time(session: Session, name: str) -> datetime | None:
    value = session.scalar(select(Setting.value).where(Setting.name == name))
    return None if value is None else datetime.fromisoformat(value)


def _note_time(session: Session, name: str, now: datetime) -> None:
    value: Any = now.isoformat()
    statement = upsert(session, Setting).values(name=name, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
