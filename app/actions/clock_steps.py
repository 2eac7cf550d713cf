"""What is owed to those who wait when the clock is put back (fault F17)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from app.models import Delivery, Host, InboxItem, Outgoing, Peer
from app.queries.deliveries import QUEUED

# Clocks of one installation differ by less; whoever waits too long by so much is not waited for in vain.
SMALLEST: Final = timedelta(seconds=60)


def end_waits(session: Session, now: datetime) -> None:
    """Whatever waits for a time to come is due now, because the clock that set the time was ahead.

    By how much cannot be known any more. One attempt too many for each host is what it costs, and what it spares is to
    wait for as long as the clock was put back. What came by that clock and was not tried is due as it is, and may be so
    much that PostgreSQL ends each attempt to write to all of it, and with it each sweep.
    """
    session.execute(update(Host).where(Host.probe_at > now).values(probe_at=now))
    session.execute(update(Host).where(Host.key_retry_at > now).values(key_retry_at=now))
    session.execute(update(Peer).where(Peer.next_probe_at > now).values(next_probe_at=now))
    session.execute(update(Peer).where(Peer.silent_since > now).values(silent_since=now))
    session.execute(update(Outgoing).where(Outgoing.next_attempt_at > now).values(next_attempt_at=now))
    held = (
        (Delivery, or_(Delivery.created_at <= now, Delivery.attempts > 0)),
        (InboxItem, InboxItem.attempts > 0),
    )
    for queue, may_wait in held:
        waits = (queue.state == QUEUED, may_wait, queue.next_attempt_at > now)
        session.execute(update(queue).where(*waits).values(next_attempt_at=now))
