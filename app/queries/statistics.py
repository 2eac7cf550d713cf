"""Counts about the whole server: what other servers are told, and what its staff sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.ids import first_id_at
from app.models import Account, Channel, Message
from app.queries.windows import HOUR, IS_LIVING_HERE, Counted, Window, count_in

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(minutes=1)
_DAY = timedelta(days=1)
_HALF_YEAR = timedelta(days=180)
_MONTH = timedelta(days=30)


class Usage(msgspec.Struct, frozen=True):
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


class People(msgspec.Struct, frozen=True):
    """Local accounts that are not banned: all of them, those who are here now, and those who were within a day."""

    total: int
    online: int
    away: int
    recent: int


class Places(msgspec.Struct, frozen=True):
    """Living channels of this server."""

    total: int
    public: int
    private: int


class Activity(msgspec.Struct, frozen=True):
    """What went on in the 24 hours before."""

    messages: int
    authors: int
    channels: int


def count_people(session: Session, now: datetime) -> People:
    status, seen_at = Account.status, Account.last_seen_at
    row = session.execute(
        select(
            func.count(),
            func.count().filter(status != "offline"),
            func.count().filter(status.in_(("idle", "afk"))),
            func.count().filter((status != "offline") | (seen_at > now - _DAY)),
        )
        .select_from(Account)
        .where(Account.banned_at.is_(None))
    ).one()
    return People(*row)


def count_places(session: Session) -> Places:
    is_private = func.count().filter(Channel.is_private)
    total, private = session.execute(select(func.count(), is_private).select_from(Channel).where(IS_LIVING_HERE)).one()
    return Places(total=total, public=total - private, private=private)


def count_activity(session: Session, now: datetime) -> Activity:
    """Authors are people of ours, and so are the channels; messages are all that came here."""
    since = Message.id >= first_id_at("msg", now - _DAY)
    author = select(func.count(Message.author_id.distinct())).join(Account, Account.actor_id == Message.author_id)
    place = select(func.count(Message.channel_id.distinct())).join(Channel, Channel.actor_id == Message.channel_id)
    messages, authors, channels = session.execute(
        select(
            select(func.count()).select_from(Message).where(since).scalar_subquery(),
            author.where(since).scalar_subquery(),
            place.where(since, IS_LIVING_HERE).scalar_subquery(),
        )
    ).one()
    return Activity(messages=messages, authors=authors, channels=channels)


def count_recent_messages(session: Session, now: datetime) -> tuple[int, int]:
    """Those of the last hour and of the last 24."""
    hour, day = count_in(session, "messages", [_since(now - HOUR, now), _since(now - _DAY, now)])
    return hour, day


def count_since(session: Session, counted: Counted, now: datetime, *days: int) -> list[int]:
    """How many there came in the last so many days each, to the full hour before; 0 days is since midnight."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    starts = [
        hour - timedelta(days=count) if count else now.replace(hour=0, minute=0, second=0, microsecond=0)
        for count in days
    ]
    return count_in(session, counted, [_since(start, now) for start in starts])


def count_all_messages(session: Session, now: datetime) -> int:
    return count_in(session, "messages", [_since(_BEGINNING, now)])[0]


def growth(session: Session, counted: Counted, now: datetime, *, days: int) -> float:
    """By how many per cent the last days had more than as many days before; 0 where those had none."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    middle, beginning = hour - timedelta(days=days), hour - timedelta(days=2 * days)
    before, lately = count_in(session, counted, [Window(beginning, middle), _since(middle, now)])
    return round(100 * (lately - before) / before, 1) if before else 0.0


def _since(start: datetime, now: datetime) -> Window:
    """To this moment, also on a machine whose clock is a little ahead of ours."""
    return Window(start, now + _CLOCKS_DIFFER)
