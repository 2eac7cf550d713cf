"""Counts about the whole server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from app.models import Account, Channel

_HALF_YEAR = timedelta(days=180)
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Usage:
    """Local accounts, and the messages that our public channels ever held."""

    users: int
    active_half_year: int
    active_month: int
    messages: int


def count_usage(session: Session, *, now: datetime) -> Usage:
    """Messages are counted by the channels' heads: counting the rows would read them all."""
    heads = select(func.sum(Channel.head)).where(Channel.space_id.is_not(None), Channel.is_private.is_(False))
    return Usage(
        users=_count_accounts(session, true()),
        active_half_year=_count_accounts(session, Account.last_seen_at > now - _HALF_YEAR),
        active_month=_count_accounts(session, Account.last_seen_at > now - _MONTH),
        messages=int(session.scalar(heads) or 0),
    )


def _count_accounts(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Account).where(condition)) or 0
