"""Times on the wire: RFC 3339 in UTC out, whatever can be understood in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
FUTURE_SLACK = timedelta(minutes=5)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?")


def write_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(value: object, *, now: datetime) -> datetime | None:
    """The time `value` names, or None where it names none between 1995 and five minutes from `now`."""
    time = parse_time(value)
    return time if time is not None and EARLIEST <= time <= now + FUTURE_SLACK else None


def parse_time(value: object) -> datetime | None:
    """The time `value` names, in UTC and however long ago or ahead, or None where it names none."""
    if not isinstance(value, str) or len(value) > 64 or not _SHAPE.fullmatch(value):
        return None
    try:
        time = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
