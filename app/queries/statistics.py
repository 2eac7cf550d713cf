"""Counts about the whole server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Account, Channel

_HALF_YEAR = timedelta(days=180)
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Usage:
    """Local accounts that are not banned, and the messages that our public channels ever held."""

    users: int
    active_half_year: int
    active_month: int
    messages: int


def count_usage(session: Session, *, now: datetime) -> Usage:
    """Messages are counted by the channels' heads: counting the rows would read them all."""
    seen_at = Account.last_seen_at
    heads = select(func.sum(Channel.head)).where(Channel.space_id.is_not(None), Channel.is_private.is_(False))
    row = session.execute(
        select(
            func.count(),
            func.count().filter(seen_at > now - _HALF_YEAR),
            func.count().filter(seen_at > now - _MONTH),
            heads.scalar_subquery(),
        )
        .select_from(Account)
        .where(Account.banned_at.is_(None))
    ).one()
    return Usage(users=row[0], active_half_year=row[1], active_month=row[2], messages=int(row[3] or 0))
