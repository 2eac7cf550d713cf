"""The queue of what was accepted: whose turn it is, and what became of each item."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, or_, select, update

from app.db import reading, row_count, transaction
from app.models import Host, InboxItem
from app.projections.hosts import ensure_host
from app.queries.deliveries import QUEUED
from app.sealing import INBOX_SCOPE, unseal_row

LEASE: Final = timedelta(seconds=60)
BATCH: Final = 50
# What could not be fetched is asked for again after these; then it is given up.
RETRY_SECONDS: Final = (10, 60, 300, 1800, 7200)
_LONGEST_WAIT: Final = timedelta(seconds=RETRY_SECONDS[-1])
# What we ourselves fail at, without knowing why, is put aside after this many attempts (fault F32).
POISON_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """An accepted request, its body still sealed for `seen_key`."""

    position: int
    host: str
    signer_uri: str
    activity_uri: str
    seen_key: str
    sealed: bytes = field(repr=False)
    attempts: int
    signed_at: datetime


def claim(host: str, now: datetime) -> str | None:
    """Take the right to work on a host's items, for a minute; None where another worker has it."""
    token = secrets.token_hex(8)
    with transaction() as session:
        ensure_host(session, host, now=now)
        taken = session.execute(
            update(Host)
            .where(
                Host.host == host,
                # A lease that ends later than any we give was given before the clock was put back.
                or_(
                    Host.inbox_lease.is_(None),
                    Host.inbox_lease_until < now,
                    Host.inbox_lease_until > now + 2 * LEASE,
                ),
            )
            .values(inbox_lease=token, inbox_lease_until=now + LEASE)
        )
        return token if row_count(taken) else None


def extend(host: str, token: str, now: datetime) -> bool:
    """A minute from now on; False where the lease ran out and another worker has taken it."""
    with transaction() as session:
        extended = session.execute(
            update(Host).where(Host.host == host, Host.inbox_lease == token).values(inbox_lease_until=now + LEASE)
        )
        return row_count(extended) > 0


def release(host: str, token: str) -> None:
    with transaction() as session:
        session.execute(
            update(Host)
            .where(Host.host == host, Host.inbox_lease == token)
            .values(inbox_lease=None, inbox_lease_until=None)
        )


def list_due(host: str, now: datetime) -> Sequence[QueuedItem]:
    with reading() as session:
        rows = session.scalars(
            select(InboxItem)
            .where(InboxItem.host == host, InboxItem.state == QUEUED, _is_due(now))
            .order_by(InboxItem.position)
            .limit(BATCH)
        ).all()
        return [
            QueuedItem(
                position=row.position,
                host=row.host,
                signer_uri=row.signer_uri,
                activity_uri=row.activity_uri,
                seen_key=row.seen_key,
                sealed=row.sealed,
                attempts=row.attempts,
                signed_at=row.signed_at,
            )
            for row in rows
            if row.sealed is not None
        ]


def open_body(item: QueuedItem) -> bytes:
    """What was sent. Raises WrongKeyError when the secret that sealed it is gone."""
    with reading() as session:
        return unseal_row(session, INBOX_SCOPE, item.seen_key, item.sealed)


def finish(position: int, *, state: str, outcome: str, keep_body: bool = False) -> None:
    """The row stays, emptied, as the memory that the id was seen.

    Nothing is done where another worker, that took over while this one was slow, has come to an end with the item.
    """
    values: dict[str, object] = {"state": state, "outcome": outcome[:500]}
    if not keep_body:
        values["sealed"] = None
    with transaction() as session:
        session.execute(update(InboxItem).where(*_is_waiting(position)).values(**values))


def postpone(item: QueuedItem, *, reason: str, now: datetime, seconds: float) -> None:
    """Like `finish`, only where nobody else has come to an end with the item."""
    with transaction() as session:
        session.execute(
            update(InboxItem)
            .where(*_is_waiting(item.position))
            .values(
                attempts=item.attempts + 1,
                outcome=reason[:500],
                next_attempt_at=now + timedelta(seconds=seconds),
            )
        )


def _is_waiting(position: int) -> tuple[ColumnElement[bool], ...]:
    return InboxItem.position == position, InboxItem.state == QUEUED


def _is_due(now: datetime) -> ColumnElement[bool]:
    """What was not tried yet is due, whatever the clock was when it came; and a time later than any we set was set
    before the clock was put back."""
    return or_(
        InboxItem.attempts == 0, InboxItem.next_attempt_at <= now, InboxItem.next_attempt_at > now + 2 * _LONGEST_WAIT
    )
