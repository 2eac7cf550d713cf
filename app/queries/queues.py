"""Reads of what waits for workers: hosts with a queue, in or out, and actors without a key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import CTE, func, or_, select
from sqlalchemy.orm import Session

from app.models import Actor, ActorKey, Delivery, Host, InboxItem
from app.queries.deliveries import AWAY, GONE, IS_DUE, IS_READY, QUEUED, at_time

INBOX_LEASE: Final = timedelta(seconds=60)
# What could not be fetched for an inbox item is asked for again after these; then it is given up.
INBOX_RETRY_SECONDS: Final = (10, 60, 300, 1800, 7200)

# The most that waits for one server, or of one domain (reliability.md, section 3.2; hostile case FED-03).
QUEUE_MAX: Final = 100_000
QUEUE_BYTES_MAX: Final = 256 * 1024 * 1024


def list_delivery_hosts(session: Session, now: datetime) -> Sequence[str]:
    """Every host with a delivery due whose own timer does not hold it back."""
    hosts = _queued_hosts(Delivery)
    return session.scalars(
        select(hosts.c.host)
        .outerjoin(Host, Host.host == hosts.c.host)
        .where(
            hosts.c.host.is_not(None),
            or_(Host.host.is_(None), (Host.state != GONE) & IS_READY),
            select(Delivery.position).where(Delivery.host == hosts.c.host, IS_DUE).exists(),
        ),
        at_time(now),
    ).all()


def list_probe_hosts(session: Session, now: datetime) -> Sequence[str]:
    """Hosts that are away and due to be asked whether they are back, with or without a queue."""
    return session.scalars(select(Host.host).where(Host.state.in_(AWAY), IS_READY), at_time(now)).all()


def list_inbox_hosts(session: Session, now: datetime) -> Sequence[str]:
    """Every host with an inbox item due that no worker is at."""
    hosts = _queued_hosts(InboxItem)
    # Times later than any we set were set before the clock was put back (fault F17); what was not tried yet is due.
    far = now + 2 * timedelta(seconds=INBOX_RETRY_SECONDS[-1])
    is_item_due = or_(InboxItem.attempts == 0, InboxItem.next_attempt_at <= now, InboxItem.next_attempt_at > far)
    is_free = or_(
        Host.inbox_lease.is_(None), Host.inbox_lease_until < now, Host.inbox_lease_until > now + 2 * INBOX_LEASE
    )
    return session.scalars(
        select(hosts.c.host)
        .outerjoin(Host, Host.host == hosts.c.host)
        .where(
            hosts.c.host.is_not(None),
            is_free,
            select(InboxItem.position)
            .where(InboxItem.state == QUEUED, InboxItem.host == hosts.c.host, is_item_due)
            .exists(),
        )
    ).all()


def measure_inbox(session: Session, domain: str) -> tuple[int, int]:
    """How many requests of the domain's servers wait for a worker, and their bytes; counted are no more than may be
    there."""
    hosts = _queued_hosts(InboxItem)
    of_domain = or_(hosts.c.host == domain, hosts.c.host.endswith(f".{domain}", autoescape=True))
    waiting = (
        select(func.length(InboxItem.sealed).label("size"))
        .where(InboxItem.state == QUEUED, InboxItem.host.in_(select(hosts.c.host).where(of_domain)))
        .limit(QUEUE_MAX)
        .subquery()
    )
    rows, size = session.execute(select(func.count(), func.sum(waiting.c.size)).select_from(waiting)).one()
    return rows, int(size or 0)


def list_without_rsa_key(session: Session, *, limit: int) -> Sequence[str]:
    """Ids of actors of ours that cannot sign a request yet."""
    has_key = select(ActorKey.id).where(ActorKey.actor_id == Actor.id, ActorKey.kind == "rsa").exists()
    return session.scalars(
        select(Actor.id).where(Actor.host.is_(None), Actor.deleted_at.is_(None), ~has_key).limit(limit)
    ).all()


def _queued_hosts(queue: type[Delivery] | type[InboxItem]) -> CTE:
    """Each host with a queue, by jumping from one to the next in the index: the length of the queues costs nothing."""
    first = select(func.min(queue.host).label("host")).where(queue.state == QUEUED)
    hosts = first.cte("queued_hosts", recursive=True)
    following = (
        select(func.min(queue.host))
        .where(queue.state == QUEUED, queue.host > hosts.c.host)
        .correlate(hosts)
        .scalar_subquery()
    )
    return hosts.union_all(select(following).where(hosts.c.host.is_not(None)))
