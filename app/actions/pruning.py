"""Pruning: rows that have served are let go of, in batches so small that nobody waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Delete, Update, delete, exists, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db import transaction
from app.models import Activity, Actor, Delivery, Event, Follow, Host, InboxItem, RefreshToken
from app.queries.deliveries import DROPPED, EXPIRED, GONE, QUEUED

QUEUE_MAX: Final = 100_000

_BATCH: Final = 500
_SECONDS: Final = 10.0
_INBOX_MEMORY: Final = timedelta(days=90)
_EVENT_LIFE: Final = timedelta(days=7)
_DELIVERY_MEMORY: Final = timedelta(days=30)
_HOST_MEMORY: Final = timedelta(days=7)

Step = Callable[[Session, datetime], int]


def prune(now: datetime) -> None:
    """Run every step until it finds no full batch, or its time is over: the next time goes on where it stopped."""
    for step in (
        _expire,
        _drop_surplus,
        _forget_deliveries,
        _forget_inbox,
        _forget_events,
        _forget_tokens,
        _forget_hosts,
    ):
        ends_at = time.monotonic() + _SECONDS
        while _run(step, now) >= _BATCH and time.monotonic() < ends_at:
            pass


def _run(step: Step, now: datetime) -> int:
    with transaction() as session:
        return step(session, now)


def _expire(session: Session, now: datetime) -> int:
    """Deliveries whose host did not come back in time."""
    return _end(session, Delivery.expires_at <= now, state=EXPIRED, error="it waited too long for the host", now=now)


def _drop_surplus(session: Session, now: datetime) -> int:
    """The oldest public messages of a queue that grew past its limit; never what was meant for somebody."""
    counted = func.count().label("rows")
    queues = session.execute(
        select(Delivery.host, counted)
        .where(Delivery.state == QUEUED)
        .group_by(Delivery.host)
        .having(counted > QUEUE_MAX)
    )
    dropped = 0
    for host, rows in queues.all():
        dropped += _drop_oldest(session, host, min(rows - QUEUE_MAX, _BATCH), now)
    return dropped


def _drop_oldest(session: Session, host: str, count: int, now: datetime) -> int:
    is_public = exists().where(
        Activity.id == Delivery.activity_id, Activity.audience == "public", Activity.type.not_in(["Delete", "Undo"])
    )
    dropped = _end(
        session,
        (Delivery.host == host) & is_public,
        state=DROPPED,
        error="the queue of the host is full",
        now=now,
        limit=count,
    )
    session.execute(update(Host).where(Host.host == host).values(dropped=Host.dropped + dropped))
    return dropped


def _forget_deliveries(session: Session, now: datetime) -> int:
    return _delete_oldest(
        session,
        Delivery.position,
        (Delivery.state != QUEUED) & (Delivery.created_at < now - _DELIVERY_MEMORY),
    )


def _forget_inbox(session: Session, now: datetime) -> int:
    """An id is remembered for 90 days, so that a replay stays a repeat for as long."""
    return _delete_oldest(
        session,
        InboxItem.position,
        (InboxItem.state != QUEUED) & (InboxItem.received_at < now - _INBOX_MEMORY),
    )


def _forget_events(session: Session, now: datetime) -> int:
    return _delete_oldest(session, Event.position, Event.created_at < now - _EVENT_LIFE)


def _forget_tokens(session: Session, now: datetime) -> int:
    expired = select(RefreshToken.id).where(RefreshToken.expires_at < now).limit(_BATCH)
    return _count(session, delete(RefreshToken).where(RefreshToken.id.in_(expired)))


def _forget_hosts(session: Session, now: datetime) -> int:
    """Hosts that nobody follows across, with nothing under way, not heard from in a week (FED-07)."""
    is_of_host = Actor.host == Host.host
    has_follower = exists().where(is_of_host, Follow.actor_id == Actor.id)
    has_followed = exists().where(is_of_host, Follow.target_id == Actor.id)
    idle = (
        select(Host.host)
        .where(
            Host.state != GONE,
            func.coalesce(Host.last_success_at, Host.created_at) < now - _HOST_MEMORY,
            ~exists().where(Delivery.host == Host.host, Delivery.state == QUEUED),
            ~exists().where(InboxItem.host == Host.host, InboxItem.state == QUEUED),
            ~has_follower,
            ~has_followed,
        )
        .limit(_BATCH)
    )
    return _count(session, delete(Host).where(Host.host.in_(idle)))


def _end(
    session: Session, condition: ColumnElement[bool], *, state: str, error: str, now: datetime, limit: int = _BATCH
) -> int:
    rows = select(Delivery.position).where(Delivery.state == QUEUED, condition).order_by(Delivery.position).limit(limit)
    ended = update(Delivery).where(Delivery.position.in_(rows)).values(state=state, last_error=error, finished_at=now)
    return _count(session, ended)


def _delete_oldest(session: Session, position: InstrumentedAttribute[int], condition: ColumnElement[bool]) -> int:
    """The rows among the oldest that fit the condition: positions grow with time, so the newer need no look."""
    table: Any = position.class_
    oldest = select(position.label("position")).order_by(position).limit(_BATCH).subquery()
    return _count(session, delete(table).where(position.in_(select(oldest.c.position)), condition))


def _count(session: Session, statement: Delete | Update) -> int:
    found: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(found.rowcount)
