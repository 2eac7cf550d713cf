"""Figures that are kept because they cost too much to find for each who asks, or cannot be found afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from app.db import reading, transaction, upsert
from app.ids import first_id_at, made_at
from app.models import Message, Sample, Setting
from app.queries.snapshots import ACTIVITY, STATISTICS
from app.queries.statistics import People, count_activity, count_all_messages, count_people, count_places, count_since
from app.queries.windows import HOUR, MESSAGES, ONLINE, find_counted_until

# A message has its id before it is committed; by then it is.
_SETTLED: Final = timedelta(minutes=10)
_HOURS_A_TRANSACTION: Final = 200
_SAMPLE_MEMORY: Final = timedelta(days=400)

_IS_BETWEEN = (Message.id >= bindparam("start")) & (Message.id < bindparam("end"))
_FIRST_BETWEEN = select(func.min(Message.id)).where(_IS_BETWEEN)
_COUNT_BETWEEN = select(func.count()).where(_IS_BETWEEN)


def update_statistics(now: datetime) -> None:
    """What the server tells everybody of itself, and a sample of how many people are here."""
    with reading() as session:
        people = count_people(session, now)
        statistics = _statistics(session, people, now)
    with transaction() as session:
        keep_snapshot(session, STATISTICS, statistics, now)
        row = {"name": ONLINE, "taken_at": now, "value": people.online}
        session.execute(upsert(session, Sample).values(row).on_conflict_do_nothing())
        session.execute(delete(Sample).where(Sample.name == ONLINE, Sample.taken_at < now - _SAMPLE_MEMORY))


def update_activity(now: datetime) -> None:
    """Who and what was busy within a day."""
    with reading() as session:
        activity = count_activity(session, now)
    figures = {"messages": activity.messages, "authors": activity.authors, "channels": activity.channels}
    with transaction() as session:
        keep_snapshot(session, ACTIVITY, figures, now)


def count_hours(now: datetime) -> None:
    """Count the messages of each hour that is over and was not counted yet.

    Hours without messages get no row, but for the last one, which says how far the counting has come. Those that are
    not over were counted by a clock that was put back since, and are counted again when they are.
    """
    end = _hour_of(now - _SETTLED)
    with transaction() as session:
        session.execute(delete(Sample).where(Sample.name == MESSAGES, Sample.taken_at >= end))
    is_complete = False
    while not is_complete:
        with reading() as session:
            counts = dict(islice(_busy_hours(session, find_counted_until(session), end), _HOURS_A_TRANSACTION))
        is_complete = len(counts) < _HOURS_A_TRANSACTION
        if is_complete:
            counts.setdefault(end - HOUR, 0)
        rows = [{"name": MESSAGES, "taken_at": hour, "value": count} for hour, count in counts.items()]
        with transaction() as session:
            session.execute(upsert(session, Sample).values(rows).on_conflict_do_nothing())


def _busy_hours(session: Session, start: datetime | None, end: datetime) -> Iterator[tuple[datetime, int]]:
    """(hour, number of messages) for each from `start` to `end` that has any."""
    bound = "" if start is None else first_id_at("msg", start)
    last = first_id_at("msg", end)
    while first := session.scalar(_FIRST_BETWEEN, {"start": bound, "end": last}):
        hour = _hour_of(made_at(first))
        bound = first_id_at("msg", hour + HOUR)
        yield hour, session.execute(_COUNT_BETWEEN, {"start": first, "end": bound}).scalar_one()


def _statistics(session: Session, people: People, now: datetime) -> dict[str, Any]:
    places = count_places(session)
    users_week, users_month = count_since(session, "users", now, 7, 30)
    channels_week, channels_month = count_since(session, "channels", now, 7, 30)
    day, week, month, quarter, year = count_since(session, "messages", now, 1, 7, 30, 90, 365)
    return {
        "users": {
            "total": people.total,
            "online": people.online,
            "recently_active": people.recent,
            "new_this_week": users_week,
            "new_this_month": users_month,
        },
        "channels": {
            "total": places.total,
            "public": places.public,
            "private": places.private,
            "new_this_week": channels_week,
            "new_this_month": channels_month,
        },
        "messages": {
            "total": count_all_messages(session, now),
            "past_24h": day,
            "past_week": week,
            "past_month": month,
            "past_quarter": quarter,
            "past_year": year,
        },
    }


def keep_snapshot(session: Session, name: str, figures: Mapping[str, Any], now: datetime) -> None:
    """In place of the one before."""
    value = {"taken_at": now.isoformat(), "figures": dict(figures)}
    statement = upsert(session, Setting).values(name=name, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
