"""The queue of what was accepted: whose turn it is, and what became of each item."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, case, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session

from app.db import reading, row_count, transaction, upsert
from app.models import Host, InboxItem
from app.queries.deliveries import QUEUED
from app.queries.queues import INBOX_LEASE, INBOX_RETRY_SECONDS
from app.sealing import INBOX_SCOPE, unseal_row

LEASE: Final = INBOX_LEASE
BATCH: Final = 50
RETRY_SECONDS: Final = INBOX_RETRY_SECONDS
_LONGEST_WAIT: Final = timedelta(seconds=RETRY_SECONDS[-1])
# While an item waits for one of its first attempts, so does what its author said later.
HELD_ATTEMPTS: Final = 2
MAX_ATTEMPTS: Final = len(RETRY_SECONDS) + 1
# What we ourselves fail at, without knowing why, is put aside after this many attempts (fault F32).
POISON_ATTEMPTS: Final = 3
# The outcome of an attempt that was counted before it began, and of which no end was noted.
UNENDED: Final = "the worker came to no end with it"
_INHERITED: Final = "inherited-"

# Built once, because building a statement takes longer than running it.
_hosts: Any = Host.__table__
_items: Any = InboxItem.__table__
_earlier: Any = InboxItem.__table__.alias("earlier")
_CLAIM = (
    update(_hosts)
    .where(
        _hosts.c.host == bindparam("of_host"),
        # A lease that ends later than any we give was given before the clock was put back.
        or_(
            _hosts.c.inbox_lease.is_(None),
            _hosts.c.inbox_lease_until < bindparam("now"),
            _hosts.c.inbox_lease_until > bindparam("far"),
        ),
    )
    .values(
        # Only here is it seen whether there was another.
        inbox_lease=case((_hosts.c.inbox_lease.is_(None), bindparam("token")), else_=bindparam("inherited")),
        inbox_lease_until=bindparam("until"),
    )
    .returning(_hosts.c.inbox_lease)
)
# What was not tried yet is due, whatever the clock was when it came; and a time later than any we set was set before
# the clock was put back.
_DUE = (
    select(
        _items.c.position,
        _items.c.host,
        _items.c.signer_uri,
        _items.c.author_uri,
        _items.c.activity_uri,
        _items.c.seen_key,
        _items.c.sealed,
        _items.c.attempts,
        _items.c.outcome,
        _items.c.signed_at,
    )
    .where(
        _items.c.host == bindparam("of_host"),
        _items.c.state == QUEUED,
        _items.c.sealed.is_not(None),
        or_(
            _items.c.attempts == 0,
            _items.c.next_attempt_at <= bindparam("now"),
            _items.c.next_attempt_at > bindparam("far"),
        ),
        # What somebody said is not heard before what they said earlier, unless that keeps failing.
        ~exists().where(
            _earlier.c.host == bindparam("of_host"),
            # As its index has it: many may have failed, and this is asked for each that is due.
            _earlier.c.state == literal_column(f"'{QUEUED}'"),
            _earlier.c.attempts > literal_column("0"),
            _earlier.c.author_uri == _items.c.author_uri,
            _earlier.c.position < _items.c.position,
            _earlier.c.attempts <= HELD_ATTEMPTS,
            _earlier.c.next_attempt_at.between(bindparam("now"), bindparam("far")),
        ),
    )
    .order_by(_items.c.position)
    .limit(BATCH)
)


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """An accepted request, its body still sealed for `seen_key`."""

    position: int
    host: str
    signer_uri: str
    author_uri: str | None
    activity_uri: str
    seen_key: str
    sealed: bytes = field(repr=False)
    attempts: int
    outcome: str | None
    signed_at: datetime

    @property
    def is_last_attempt(self) -> bool:
        return self.attempts + 1 >= MAX_ATTEMPTS


def claim(host: str, now: datetime) -> str | None:
    """Take the right to work on a host's items, for a minute; None where another worker has it.

    Most calls are in vain, because a host is hinted at all the while it is worked on: they write nothing.
    """
    token, until = secrets.token_hex(8), now + LEASE
    lease = {"token": token, "inherited": _INHERITED + token, "until": until}
    with transaction(is_one_statement=True) as session:
        taken = session.connection().execute(_CLAIM, {"of_host": host, "now": now, "far": now + 2 * LEASE, **lease})
        given: str | None = taken.scalar()
        return given or (token if _is_first(session, host, token, until, now) else None)


def is_inherited(token: str) -> bool:
    """Whether the worker before did not give the lease back: it died, perhaps of the item that it was at."""
    return token.startswith(_INHERITED)


def _is_first(session: Session, host: str, token: str, until: datetime, now: datetime) -> bool:
    """Whether the host was never heard of, and now is there with the lease."""
    insert = upsert(session, Host).values(host=host, created_at=now, inbox_lease=token, inbox_lease_until=until)
    return session.scalar(insert.on_conflict_do_nothing().returning(Host.host)) is not None


def extend(host: str, token: str, now: datetime) -> bool:
    """A minute from now on; False where the lease ran out and another worker has taken it."""
    with transaction(is_one_statement=True) as session:
        extended = session.execute(
            update(Host).where(Host.host == host, Host.inbox_lease == token).values(inbox_lease_until=now + LEASE)
        )
        return row_count(extended) > 0


def release(host: str, token: str) -> None:
    with transaction(is_one_statement=True) as session:
        session.execute(
            update(Host)
            .where(Host.host == host, Host.inbox_lease == token)
            .values(inbox_lease=None, inbox_lease_until=None)
        )


def list_due(host: str, now: datetime) -> list[QueuedItem]:
    with reading() as session:
        found = session.execute(_DUE, {"of_host": host, "now": now, "far": now + 2 * _LONGEST_WAIT})
        return [QueuedItem(*tuple(row)) for row in found]


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
    with transaction(is_one_statement=True) as session:
        session.execute(update(InboxItem).where(*_is_waiting(position)).values(**values))


def postpone(item: QueuedItem, *, reason: str, now: datetime, seconds: float) -> None:
    """Like `finish`, only where nobody else has come to an end with the item."""
    with transaction(is_one_statement=True) as session:
        session.execute(
            update(InboxItem)
            .where(*_is_waiting(item.position))
            .values(
                attempts=item.attempts + 1,
                outcome=reason[:500],
                next_attempt_at=now + timedelta(seconds=seconds),
            )
        )


def note_beginning(item: QueuedItem, now: datetime) -> None:
    """Note that an attempt begins, which is then what it was if nothing else is noted of it: the item waits for the
    next one, and those behind it do not wait for it."""
    postpone(item, reason=UNENDED, now=now, seconds=RETRY_SECONDS[min(item.attempts, len(RETRY_SECONDS) - 1)])


def _is_waiting(position: int) -> tuple[ColumnElement[bool], ...]:
    return InboxItem.position == position, InboxItem.state == QUEUED
