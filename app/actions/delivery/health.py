"""How a host is doing: a value, and what each answer makes of it (reliability.md, section 3.4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, fields, replace

from app.actions.delivery.schedule import DAY_SECONDS, needs_drain, opens_breaker, wait_seconds
from app.queries.deliveries import DEAD, DORMANT, OPEN, UNREACHABLE, UP

_UNREACHABLE_DAYS: Final = 7
_DORMANT_AFTER: Final = timedelta(days=30)
_DEAD_AFTER: Final = timedelta(days=90)
_DEAD_PROBES: Final = 4
_PROBE_SECONDS: Final = {UNREACHABLE: DAY_SECONDS, DORMANT: 7 * DAY_SECONDS, DEAD: 7 * DAY_SECONDS}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of `hosts` that its answers change. `created_at` stands in for a success that never was."""

    state: str
    failures: int
    first_failure_at: datetime | None
    failing_days: int
    last_failing_day: str | None
    last_success_at: datetime | None
    absent_probes: int
    probe_at: datetime | None
    drain_since: datetime | None
    created_at: datetime

    @property
    def is_trusted(self) -> bool:
        """Whether it may be sent more than a probe."""
        return self.state == UP and self.failures == 0

    def to_columns(self) -> dict[str, Any]:
        return asdict(self)


COLUMNS: Final = tuple(field.name for field in fields(Health))


def after_answer(health: Health, now: datetime) -> Health:
    """Any answer that is not a failure shows that the host lives; one that was away is caught up with slowly."""
    return replace(_recovered(health, now), last_success_at=now, probe_at=None)


def after_inbound(health: Health, now: datetime) -> Health:
    """A host that speaks to us is probably there to be spoken to: its timer ends now."""
    return replace(_recovered(health, now), probe_at=now)


def after_wait(health: Health, now: datetime, *, seconds: float) -> Health:
    """It asked for time, which is no failure."""
    return replace(health, probe_at=now + timedelta(seconds=seconds))


def after_failure(health: Health, now: datetime, *, is_absent: bool, jitter: float) -> Health:
    """`is_absent`: it failed as a host does that is no more (no name, no connection, another's certificate)."""
    today = now.date().isoformat()
    failing = replace(
        health,
        failures=health.failures + 1,
        first_failure_at=health.first_failure_at or now,
        failing_days=health.failing_days + (health.last_failing_day != today),
        last_failing_day=today,
        absent_probes=health.absent_probes + (is_absent and health.state == DORMANT),
        drain_since=None,
    )
    state = _failing_state(failing, now)
    wait = _PROBE_SECONDS.get(state) or wait_seconds(failing.failures, jitter=jitter)
    return replace(failing, state=state, probe_at=now + timedelta(seconds=wait))


def _recovered(health: Health, now: datetime) -> Health:
    was_away = health.state != UP or needs_drain(health.failures)
    return replace(
        health,
        state=UP,
        failures=0,
        first_failure_at=None,
        failing_days=0,
        last_failing_day=None,
        absent_probes=0,
        drain_since=now if was_away else health.drain_since,
    )


def _failing_state(health: Health, now: datetime) -> str:
    silence = now - (health.last_success_at or health.created_at)
    if health.state == DEAD or (silence >= _DEAD_AFTER and health.absent_probes >= _DEAD_PROBES):
        return DEAD
    if health.failing_days >= _UNREACHABLE_DAYS:
        return DORMANT if silence >= _DORMANT_AFTER else UNREACHABLE
    if health.state == OPEN:
        return OPEN
    return _state_of_breaker(health, now)


def _state_of_breaker(health: Health, now: datetime) -> str:
    first = health.first_failure_at or now
    return OPEN if opens_breaker(failures=health.failures, first_failure_at=first, now=now) else UP
