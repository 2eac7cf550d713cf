"""What we note of other hosts besides how our deliveries fare."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Final

from cachetools import TTLCache
from sqlalchemy import Select, select, update

from app.actions.delivery.health import COLUMNS, Health, after_inbound
from app.db import reading, transaction, wake
from app.models import Host
from app.queries.deliveries import GONE, UP

_LOOK_AGAIN_SECONDS: Final = 5

_seen_lately: TTLCache[str, bool] = TTLCache(maxsize=4096, ttl=_LOOK_AGAIN_SECONDS)
_seen_lock = threading.Lock()


def note_inbound(host: str) -> None:
    """A verified request came from the host, so it lives: its queue is tried now.

    Costs nothing for a host heard of in the last seconds, one read otherwise, and a write only where the host had
    been failing. Raises UnavailableError when the database is away.
    """
    with _seen_lock:
        if host in _seen_lately:
            return
        _seen_lately[host] = True
    with reading() as session:
        if session.execute(_failing(host)).one_or_none() is None:
            return
    with transaction() as session:
        row = session.execute(_failing(host).with_for_update()).mappings().one_or_none()
        if row is None:
            return
        health = after_inbound(Health(**row), datetime.now(UTC))
        session.execute(
            update(Host)
            .where(Host.host == host)
            .values(health.to_columns())
            .execution_options(synchronize_session=False)
        )
        wake(session, "deliver", host)


def _failing(host: str) -> Select[*tuple[object, ...]]:
    columns = [getattr(Host, name) for name in COLUMNS]
    return select(*columns).where(Host.host == host, Host.state != GONE, (Host.state != UP) | (Host.failures > 0))
