"""The lease of a host: one worker at a time speaks to it, and one that died is replaced within a minute."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from app.actions.delivery.health import COLUMNS, Health
from app.db import transaction
from app.models import Delivery, Host
from app.projections.hosts import ensure_host
from app.queries.deliveries import AWAY, GONE, IS_DUE, IS_READY, NOW, QUEUED, DueDelivery, at_time, list_due

LEASE: Final = timedelta(seconds=60)
_BATCH: Final = 20

_hosts: Any = Host.__table__
_deliveries: Any = Delivery.__table__
# A lease that ends later than any we give was given before the clock was put back.
_IS_FREE: Final = or_(
    _hosts.c.delivery_lease.is_(None),
    _hosts.c.delivery_lease_until < NOW,
    _hosts.c.delivery_lease_until > bindparam("no_lease_so_late"),
)
_CLAIM: Final = (
    update(_hosts)
    .where(
        _hosts.c.host == bindparam("at_host"),
        _hosts.c.state != GONE,
        _IS_FREE,
        IS_READY,
        or_(
            exists().where(_deliveries.c.host == bindparam("at_host"), IS_DUE),
            _hosts.c.state.in_(AWAY),
        ),
    )
    .returning(_hosts.c.scheme, *(_hosts.c[name] for name in COLUMNS))
)


class Lease(msgspec.Struct, frozen=True):
    """The right to speak to a host until then, what is known of it, and what it is to hear next."""

    host: str
    token: str
    until: datetime
    health: Health
    scheme: str | None
    rows: Sequence[DueDelivery]


def claim(host: str, now: datetime) -> Lease | None:
    """Take the lease if it is free, the host's timer has run out, and it has something to hear or is to be probed."""
    with transaction() as session:
        found = _take(session, host, now)
        if found is None and _add_host(session, host, now):
            found = _take(session, host, now)
        return found


def next_rows(session: Session, host: str, health: Health, now: datetime) -> Sequence[DueDelivery]:
    """A batch for a host in good health, the one oldest row as a probe for any other."""
    return list_due(session, host, now, limit=_BATCH if health.is_trusted else 1)


def _take(session: Session, host: str, now: datetime) -> Lease | None:
    token = secrets.token_hex(8)
    until = now + LEASE
    claimed = {"delivery_lease": token, "delivery_lease_until": until}
    row = (
        session.connection()
        .execute(_CLAIM, {"at_host": host, "no_lease_so_late": now + 2 * LEASE, **at_time(now), **claimed})
        .one_or_none()
    )
    if row is None:
        return None
    scheme, *columns = row
    health = Health(**dict(zip(COLUMNS, columns, strict=True)))
    return Lease(host, token, until, health, scheme, next_rows(session, host, health, now))


def _add_host(session: Session, host: str, now: datetime) -> bool:
    """Whether this made the row of a host that has a queue and was not known."""
    if session.scalar(select(Host.host).where(Host.host == host)) is not None:
        return False
    queued = select(Delivery.position).where(Delivery.host == host, Delivery.state == QUEUED).limit(1)
    if session.scalar(queued) is None:
        return False
    ensure_host(session, host, now=now)
    return True
