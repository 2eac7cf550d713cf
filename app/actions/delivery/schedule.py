"""When to try again and how fast to catch up; pure functions (reliability.md, section 3.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

DAY_SECONDS: Final = 86400.0
WAITS_SECONDS: Final = (0, 10, 30, 120, 300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
JITTER: Final = (0.8, 1.2)

_BREAKER_FAILURES: Final = 5
_BREAKER_WINDOW: Final = timedelta(minutes=10)

_DRAIN_FIRST_PER_SECOND: Final = 5.0
_DRAIN_FULL_PER_SECOND: Final = 50.0
_DRAIN_DOUBLES_EACH_SECONDS: Final = 10.0


def wait_seconds(failures: int, *, jitter: float) -> float:
    """The pause after that many failures in a row, never more than a day; `jitter` is drawn from JITTER."""
    return min(WAITS_SECONDS[min(failures, len(WAITS_SECONDS) - 1)] * jitter, DAY_SECONDS)


def opens_breaker(*, failures: int, first_failure_at: datetime, now: datetime) -> bool:
    return failures >= _BREAKER_FAILURES and now - first_failure_at <= _BREAKER_WINDOW


def needs_drain(failures: int) -> bool:
    """Whether a host that failed so often is given its queue slowly once it answers: it may have only just started."""
    return failures >= _BREAKER_FAILURES


def drain_rate(elapsed_seconds: float) -> float:
    """Requests a second for a host that came back so long ago: 5, doubled every 10 seconds, up to 50."""
    doublings = max(elapsed_seconds, 0.0) // _DRAIN_DOUBLES_EACH_SECONDS
    # A float has no room for the power of a host that has been draining for hours.
    return min(_DRAIN_FIRST_PER_SECOND * 2 ** min(doublings, 8.0), _DRAIN_FULL_PER_SECOND)
