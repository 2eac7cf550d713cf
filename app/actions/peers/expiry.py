"""What has waited too long to be told over Punctum, or is too much: steps of the pruning."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.db import row_count
from app.models import Outgoing
from app.queries.peers import LEAVE

LIFE: Final = timedelta(days=30)
QUEUE_MAX: Final = 100_000
_BATCH: Final = 500


def expire_outgoing(session: Session, now: datetime) -> int:
    """What the instance has refused, or was not there for, since it last happened; never that somebody has left."""
    is_old = (Outgoing.created_at < now - LIFE) & (Outgoing.kind != LEAVE)
    old = select(Outgoing.position).where(is_old).limit(_BATCH)
    return row_count(session.execute(delete(Outgoing).where(Outgoing.position.in_(old))))


def drop_surplus_outgoing(session: Session, _now: datetime) -> int:
    """The oldest of a queue that grew past its limit; never that somebody has left."""
    counted = func.count().label("rows")
    queues = select(Outgoing.domain, counted).group_by(Outgoing.domain).having(counted > QUEUE_MAX)
    dropped = 0
    for domain, rows in session.execute(queues).all():
        oldest = (
            select(Outgoing.position)
            .where(Outgoing.domain == domain, Outgoing.kind != LEAVE)
            .order_by(Outgoing.position)
        )
        surplus = oldest.limit(min(rows - QUEUE_MAX, _BATCH))
        dropped += row_count(session.execute(delete(Outgoing).where(Outgoing.position.in_(surplus))))
    return dropped
