"""The life cycle of a host of reliability.md, section 3.4."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from app.actions.delivery.health import Health, after_answer, after_failure, after_inbound, after_wait

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HEALTHY = Health(
    state="up",
    failures=0,
    first_failure_at=None,
    failing_days=0,
    last_failing_day=None,
    last_success_at=NOW - timedelta(minutes=1),
    absent_probes=0,
    probe_at=None,
    drain_since=None,
    created_at=NOW - timedelta(days=400),
)


def fail(
    health: Health, times: int, *, every: timedelta = timedelta(0), is_absent: bool = False
) -> tuple[Health, datetime]:
    """The health after failing so often, each time when its timer ended or after `every`, and the time then."""
    now = NOW
    for _ in range(times):
        health = after_failure(health, now, is_absent=is_absent, jitter=1.0)
        assert health.probe_at is not None
        now = max(health.probe_at, now + every)
    return health, now


def test_a_failure_holds_the_host_back_as_the_table_says() -> None:
    once = after_failure(HEALTHY, NOW, is_absent=False, jitter=1.0)
    twice = after_failure(once, NOW + timedelta(seconds=10), is_absent=False, jitter=1.2)

    assert once.probe_at == NOW + timedelta(seconds=10)
    assert twice.probe_at == NOW + timedelta(seconds=10 + 36)
    assert (twice.state, twice.failures, twice.first_failure_at) == ("up", 2, NOW)


def test_five_failures_on_the_schedule_open_the_breaker() -> None:
    four, _ = fail(HEALTHY, 4)
    five, _ = fail(HEALTHY, 5)

    assert (four.state, five.state) == ("up", "open")


def test_an_open_breaker_stays_open_until_the_host_answers() -> None:
    health, now = fail(HEALTHY, 8)

    assert health.state == "open"
    assert after_answer(health, now).state == "up"


def test_an_answer_forgets_every_failure_and_begins_to_drain() -> None:
    health, now = fail(HEALTHY, 8)

    answered = after_answer(health, now)

    assert answered == replace(HEALTHY, last_success_at=now, drain_since=now)


def test_an_answer_after_one_failure_does_not_slow_the_host_down() -> None:
    health, now = fail(HEALTHY, 1)

    assert after_answer(health, now).drain_since is None


def test_a_drain_begins_once_and_ends_at_the_next_failure() -> None:
    health, now = fail(HEALTHY, 6)
    draining = after_answer(health, now)

    assert after_answer(draining, now + timedelta(seconds=9)).drain_since == now
    assert after_failure(draining, now, is_absent=False, jitter=1.0).drain_since is None


def test_seven_failing_days_make_a_host_unreachable_and_probed_daily() -> None:
    health, now = fail(HEALTHY, 12 + 6, every=timedelta(hours=3))
    while health.failing_days < 7:
        health = after_failure(health, now, is_absent=False, jitter=1.0)
        now = health.probe_at or now

    assert health.state == "unreachable"
    assert after_failure(health, now, is_absent=False, jitter=0.8).probe_at == now + timedelta(days=1)


def test_many_failures_of_one_day_count_as_one_day() -> None:
    health, _ = fail(HEALTHY, 5)

    assert health.failing_days == 1


def test_thirty_silent_days_make_an_unreachable_host_dormant_and_probed_weekly() -> None:
    unreachable = replace(
        HEALTHY, state="unreachable", failing_days=29, failures=40, last_success_at=NOW - timedelta(days=30)
    )

    health = after_failure(unreachable, NOW, is_absent=True, jitter=1.0)

    assert health.state == "dormant"
    assert health.probe_at == NOW + timedelta(days=7)


def test_a_quiet_host_is_not_dormant_for_its_first_failure() -> None:
    quiet = replace(HEALTHY, last_success_at=NOW - timedelta(days=200))

    assert after_failure(quiet, NOW, is_absent=True, jitter=1.0).state == "up"


@pytest.mark.parametrize(("is_absent", "state"), [(True, "dead"), (False, "dormant")])
def test_ninety_silent_days_and_four_absent_probes_make_a_host_dead(is_absent: bool, state: str) -> None:
    dormant = replace(HEALTHY, state="dormant", failing_days=80, failures=60, last_success_at=NOW - timedelta(days=85))

    health, _ = fail(dormant, 4, is_absent=is_absent)

    assert health.state == state


def test_three_absent_probes_are_not_enough_to_be_dead() -> None:
    dormant = replace(HEALTHY, state="dormant", failing_days=80, failures=60, last_success_at=NOW - timedelta(days=200))

    assert fail(dormant, 3, is_absent=True)[0].state == "dormant"


@pytest.mark.parametrize("state", ["up", "open", "unreachable", "dormant", "dead"])
def test_a_host_that_answers_or_speaks_is_up(state: str) -> None:
    away = replace(HEALTHY, state=state, failures=9, failing_days=9, absent_probes=2, probe_at=NOW + timedelta(days=1))

    assert after_answer(away, NOW).state == "up"
    assert after_inbound(away, NOW) == replace(HEALTHY, probe_at=NOW, drain_since=NOW)


def test_a_host_that_asks_for_time_has_not_failed() -> None:
    assert after_wait(HEALTHY, NOW, seconds=90) == replace(HEALTHY, probe_at=NOW + timedelta(seconds=90))
