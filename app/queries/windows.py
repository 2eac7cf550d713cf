"""How much there was of something in each of several windows of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.ids import first_id_at
from app.models import Account, Channel, Message, Sample

Counted = Literal["users", "channels", "messages"]

ONLINE: Final = "online"
MESSAGES: Final = "messages"  # Of the hour that begins at `taken_at`, where there were any.
HOUR: Final = timedelta(hours=1)

IS_LIVING_HERE: Final = Channel.space_id.is_not(None) & Channel.deleted_at.is_(None)


class Window(msgspec.Struct, frozen=True):
    """From `start` on, and before `end`."""

    start: datetime
    end: datetime


class Level(msgspec.Struct, frozen=True):
    """What samples of one window say: how many they are, and their average and highest value."""

    samples: int
    average: float
    peak: int


def count_in(session: Session, counted: Counted, windows: Sequence[Window]) -> list[int]:
    """How many accounts or channels were made, or messages came here, in each window.

    Accounts that were banned and messages that were deleted since are counted; channels that were deleted are not.
    """
    match counted:
        case "users":
            # Ids are in the order of time, and have the only index that a count needs.
            bounds = [(first_id_at("user", window.start), first_id_at("user", window.end)) for window in windows]
            return _count_between(session, Account.actor_id, bounds)
        case "channels":
            times = [(window.start, window.end) for window in windows]
            return _count_between(session, Channel.created_at, times, IS_LIVING_HERE)
        case "messages":
            return _count_messages(session, windows)


def measure_online(session: Session, windows: Sequence[Window]) -> list[Level]:
    """How many people were here, by the samples taken in each window."""
    columns = [
        select(function)
        .where(Sample.name == ONLINE, Sample.taken_at >= window.start, Sample.taken_at < window.end)
        .scalar_subquery()
        for window in windows
        for function in (func.count(), func.avg(Sample.value), func.max(Sample.value))
    ]
    values = session.execute(select(*columns)).one()
    return [Level(values[at], float(values[at + 1] or 0), values[at + 2] or 0) for at in range(0, 3 * len(windows), 3)]


def find_counted_until(session: Session) -> datetime | None:
    """The end of the last hour whose messages were counted for good."""
    last = session.scalar(select(func.max(Sample.taken_at)).where(Sample.name == MESSAGES))
    return last + HOUR if last is not None else None


def _count_messages(session: Session, windows: Sequence[Window]) -> list[int]:
    """The hours that were counted are added up, and the messages of the rest counted."""
    until = find_counted_until(session)
    if until is None:
        return _count_rows(session, windows)
    rests = [_uncounted(window, until) for window in windows]
    summed = _sum_hours(session, windows, rests)
    found = iter(_count_rows(session, [rest for rest in rests if rest is not None]))
    return [known + (next(found) if rest is not None else 0) for known, rest in zip(summed, rests, strict=True)]


def _uncounted(window: Window, until: datetime) -> Window | None:
    """The part of a window that has to be counted: the whole of one that does not begin and end with an hour."""
    is_of_hours = _is_full_hour(window.start) and (_is_full_hour(window.end) or window.end > until)
    if not is_of_hours or window.start >= until:
        return window
    return Window(until, window.end) if window.end > until else None


def _is_full_hour(at: datetime) -> bool:
    return at.minute == at.second == at.microsecond == 0


def _sum_hours(session: Session, windows: Sequence[Window], rests: Sequence[Window | None]) -> list[int]:
    columns = [
        select(func.coalesce(func.sum(Sample.value), 0))
        .where(
            Sample.name == MESSAGES,
            Sample.taken_at >= window.start,
            Sample.taken_at < (rest.start if rest is not None else window.end),
        )
        .scalar_subquery()
        for window, rest in zip(windows, rests, strict=True)
    ]
    return [int(value) for value in session.execute(select(*columns)).one()]


def _count_rows(session: Session, windows: Sequence[Window]) -> list[int]:
    bounds = [(first_id_at("msg", window.start), first_id_at("msg", window.end)) for window in windows]
    return _count_between(session, Message.id, bounds)


def _count_between(
    session: Session,
    column: InstrumentedAttribute[Any],
    bounds: Sequence[tuple[Any, Any]],
    *conditions: ColumnElement[bool],
) -> list[int]:
    if not bounds:
        return []
    columns = [
        select(func.count()).where(column >= start, column < end, *conditions).scalar_subquery()
        for start, end in bounds
    ]
    return list(session.execute(select(*columns)).one())
