"""Reads of the events that sockets are told of, in the order of the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from app.models import Event


class RecordedEvent(msgspec.Struct, frozen=True):
    """An `app.act.LiveEvent` as it was committed; `position` is its place in the log."""

    position: int
    type: str
    channel_id: str | None
    conversation_id: str | None
    message_id: str | None
    actor_id: str | None
    data: Mapping[str, Any]
    created_at: datetime


_RECORDED: Final = select(
    Event.position,
    Event.type,
    Event.channel_id,
    Event.conversation_id,
    Event.message_id,
    Event.actor_id,
    Event.data,
    Event.created_at,
).order_by(Event.position)


def head(session: Session) -> int:
    """The highest position that is committed; 0 before the first."""
    return session.scalar(select(func.max(Event.position))) or 0


def tail(session: Session) -> int:
    """The lowest position that is still kept; 0 while there is none."""
    return session.scalar(select(func.min(Event.position))) or 0


def count_after(session: Session, position: int, *, limit: int) -> int:
    """How many follow, counted to `limit` at most."""
    return (
        session.scalar(
            select(func.count()).select_from(
                select(Event.position).where(Event.position > position).limit(limit).subquery()
            )
        )
        or 0
    )


def list_after(session: Session, position: int, *, limit: int) -> list[RecordedEvent]:
    """The next events in order, as far as they are committed: a lower position may still appear between them."""
    rows = session.execute(_RECORDED.where(Event.position > position).limit(limit))
    return [RecordedEvent(*row) for row in rows]


def list_at(session: Session, positions: Collection[int]) -> list[RecordedEvent]:
    """Those of the positions that are committed, in order."""
    rows = session.execute(_RECORDED.where(Event.position.in_(positions)))
    return [RecordedEvent(*row) for row in rows]


def list_missing(session: Session, after: int, until: int) -> list[int]:
    """The positions behind `after`, up to `until`, which is there, that are not committed."""
    before = func.lag(Event.position).over(order_by=Event.position).label("before")
    log = select(Event.position, before).where(Event.position > after, Event.position <= until).subquery()
    first = or_(log.c.before.is_(None), log.c.before < log.c.position - 1)
    gaps = session.execute(select(log.c.before, log.c.position).where(first))
    floor = max(after, 0)
    return [position for start, end in gaps for position in range((start or floor) + 1, end)]


class Writers(msgspec.Struct, frozen=True):
    """PostgreSQL's transaction numbers: no writer below `oldest` is at work, none at or above `next` has begun."""

    oldest: int
    next: int


def writers(session: Session) -> Writers:
    """Who may still commit.

    PostgreSQL hands out positions before the commit, so a lower one may be committed after a higher one. SQLite has
    one writer and hands out positions in the order of commits: there nobody is ever at work behind us.
    """
    if session.get_bind().dialect.name != "postgresql":
        return Writers(oldest=1, next=1)
    row = session.execute(
        text(
            "SELECT pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint"
            " FROM pg_current_snapshot() AS snapshot"
        )
    ).one()
    return Writers(oldest=row[0], next=row[1])
