"""The schedule of reliability.md, section 3.2."""

from datetime import UTC, datetime, timedelta

import pytest

from app.actions.delivery.schedule import drain_rate, opens_breaker, wait_seconds

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WAITS = [0, 10, 30, 120, 300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400]


@pytest.mark.parametrize(("failures", "seconds"), [*enumerate(WAITS), (13, 86400), (500, 86400)])
def test_each_failure_waits_as_the_table_says(failures: int, seconds: int) -> None:
    assert wait_seconds(failures, jitter=1.0) == seconds


@pytest.mark.parametrize("jitter", [0.8, 0.93, 1.2])
def test_jitter_scales_the_wait_but_never_past_a_day(jitter: float) -> None:
    assert wait_seconds(5, jitter=jitter) == pytest.approx(900 * jitter)
    assert wait_seconds(12, jitter=jitter) == pytest.approx(min(86400 * jitter, 86400))


@pytest.mark.parametrize(
    ("failures", "minutes", "is_open"), [(4, 1, False), (5, 9, True), (5, 10, True), (5, 11, False), (6, 3, True)]
)
def test_the_breaker_opens_at_five_failures_in_ten_minutes(failures: int, minutes: int, is_open: bool) -> None:
    assert opens_breaker(failures=failures, first_failure_at=NOW - timedelta(minutes=minutes), now=NOW) is is_open


@pytest.mark.parametrize(
    ("elapsed", "rate"), [(-3, 5), (0, 5), (9.9, 5), (10, 10), (20, 20), (30, 40), (40, 50), (3600, 50), (1e9, 50)]
)
def test_a_host_that_came_back_is_caught_up_with_faster_and_faster(elapsed: float, rate: float) -> None:
    assert drain_rate(elapsed) == rate
