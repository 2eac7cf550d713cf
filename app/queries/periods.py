"""Periods of charts, cut into buckets: the words of the reference server's charts and those of the web client."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from app.queries.windows import Window

Step = Literal["five minutes", "hour", "day", "week", "month"]

PERIODS: Final[dict[str, tuple[Step, int]]] = {
    "1h": ("five minutes", 12),
    "24h": ("hour", 24),
    "7d": ("day", 7),
    "30d": ("day", 30),
    "90d": ("day", 90),
    "1y": ("month", 12),
    "hourly": ("hour", 24),
    "daily": ("day", 30),
    "weekly": ("week", 12),
    "monthly": ("month", 12),
}

_FIVE_MINUTES: Final = timedelta(minutes=5)
_LENGTHS: Final = {"five minutes": _FIVE_MINUTES, "hour": timedelta(hours=1), "day": timedelta(days=1)}
_KEYS: Final = {
    "five minutes": "%Y-%m-%d %H:%M",
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "week": "%G-W%V",
    "month": "%Y-%m",
}


class Bucket(msgspec.Struct, frozen=True):
    """`key` names it among all buckets of its kind, `label` among its neighbours."""

    key: str
    label: str
    window: Window


def buckets(period: str, now: datetime) -> list[Bucket]:
    """The buckets of the period that ends with the one `now` is in, oldest first; none for an unknown period.

    `now` is in UTC, and so are days.
    """
    if period not in PERIODS:
        return []
    step, count = PERIODS[period]
    ends = [_begin(step, now)]
    while len(ends) < count:
        ends.append(_begin(step, ends[-1] - timedelta(microseconds=1)))
    starts = ends[::-1]
    edges = [*starts, _next(step, starts[-1])]
    return [_bucket(step, Window(start, end)) for start, end in zip(starts, edges[1:], strict=True)]


def _bucket(step: Step, window: Window) -> Bucket:
    key = window.start.strftime(_KEYS[step])
    return Bucket(key, key[-5:] if step in {"five minutes", "hour"} else key, window)


def _begin(step: Step, at: datetime) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match step:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day + (at - day) // _LENGTHS[step] * _LENGTHS[step]


def _next(step: Step, start: datetime) -> datetime:
    match step:
        case "week":
            return start + timedelta(weeks=1)
        case "month":
            return _begin("month", start + timedelta(days=31))
        case _:
            return start + _LENGTHS[step]
