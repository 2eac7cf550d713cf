"""What an answer to a delivery means for the row and for its host; a pure function (reliability.md, section 3.3)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

import msgspec

from app.actions.delivery.schedule import DAY_SECONDS, WAITS_SECONDS

# `again`: the same row goes when the host's timer ends. `later`: it waits by itself and lets the rows behind it pass.
Fate = Literal["delivered", "again", "later", "failed", "fall_back", "gone"]
HostFate = Literal["alive", "failing", "busy", "unknown"]

# A peer that has not fetched our key yet says 401, and caches that for hours; a day of it is an answer.
_REFUSED_WAITS: Final = (*WAITS_SECONDS[1:11], WAITS_SECONDS[10])
# Three tries in a day: a proxy in front of a restarting server says 404 too.
_MISSING_WAITS: Final = (DAY_SECONDS / 2, DAY_SECONDS / 2)
_BUSY_SECONDS: Final = 60.0
_TEMPORARY: Final = frozenset({408, 425})


class Answer(msgspec.Struct, frozen=True):
    """A status that came back; `retry_after` is the header as it was."""

    status: int
    retry_after: str | None = None


class NoAnswer(msgspec.Struct, frozen=True):
    """Nothing usable came back.

    `is_permanent`: this inbox can never be asked. `is_absent`: it failed as a host does that is no more.
    """

    detail: str
    is_permanent: bool = False
    is_absent: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """`wait_seconds` belongs to the row that goes later, or to the host that is busy."""

    fate: Fate
    host: HostFate
    wait_seconds: float = 0.0


def classify(result: Answer | NoAnswer, *, attempts: int, is_shared: bool, now: datetime) -> Verdict:
    """`attempts` is how often this inbox had answered this row before."""
    if isinstance(result, NoAnswer):
        return Verdict("failed", "unknown") if result.is_permanent else Verdict("again", "failing")
    status = result.status
    if 200 <= status < 300:
        return Verdict("delivered", "alive")
    if status == 429 or (status == 503 and result.retry_after is not None):
        return Verdict("again", "busy", retry_after_seconds(result.retry_after, now))
    if status < 400 or status >= 500 or status in _TEMPORARY:
        return Verdict("again", "failing")
    return _refusal(status, attempts, is_shared=is_shared)


def retry_after_seconds(header: str | None, now: datetime) -> float:
    """Retry-After (RFC 9110, section 10.2.3) between a second and a day; a minute where it says nothing we can read."""
    seconds = _read_retry_after((header or "").strip(), now)
    return _BUSY_SECONDS if seconds is None else min(max(seconds, 1.0), DAY_SECONDS)


def _refusal(status: int, attempts: int, *, is_shared: bool) -> Verdict:
    """The host lives and this row is unwelcome there."""
    if status in (401, 403):
        return _patience(_REFUSED_WAITS, attempts)
    if status in (404, 410) and is_shared:
        return Verdict("fall_back", "alive")
    if status == 404:
        return _patience(_MISSING_WAITS, attempts)
    return Verdict("gone" if status == 410 else "failed", "alive")


def _patience(waits: tuple[float, ...], attempts: int) -> Verdict:
    if attempts >= len(waits):
        return Verdict("failed", "alive")
    return Verdict("later", "alive", float(waits[attempts]))


def _read_retry_after(text: str, now: datetime) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return _read_date(text, now)
    return None if math.isnan(seconds) else seconds


def _read_date(text: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
