"""Writing down what came of a batch, and letting go of the host or taking its next rows, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from msgspec.structs import replace
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from app.actions.delivery.health import Health
from app.actions.delivery.lease import LEASE, Lease, next_rows
from app.actions.delivery.policy import Fate
from app.actions.delivery.recipients import drop_follows, fall_back
from app.db import transaction
from app.models import Delivery, Host
from app.queries.deliveries import DELIVERED, DROPPED, EXPIRED, FAILED, QUEUED, DueDelivery

Ending = Fate | Literal["dropped", "expired"]

_STATES: Final[dict[Ending, str]] = {
    "delivered": DELIVERED,
    "again": QUEUED,
    "later": QUEUED,
    "failed": FAILED,
    "fall_back": FAILED,
    "gone": FAILED,
    "dropped": DROPPED,
    "expired": EXPIRED,
}
_UNANSWERED: Final[frozenset[Ending]] = frozenset({"again", "dropped", "expired"})

# Built once, because building a statement takes longer than running it.
_deliveries: Any = Delivery.__table__
_hosts: Any = Host.__table__
_MARK: Final = (
    update(_deliveries)
    .where(_deliveries.c.position == bindparam("at"), _deliveries.c.state == QUEUED)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("state", "attempts", "next_attempt_at", "last_status", "last_error", "finished_at")
        }
    )
)
_WRITE_HOST: Final = update(_hosts).where(
    _hosts.c.host == bindparam("at_host"), _hosts.c.delivery_lease == bindparam("at_lease")
)
_WRITE_HELD_HOST: Final = update(_hosts).where(_hosts.c.host == bindparam("at_host"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row at that time; `body` is the document where there was one."""

    due: DueDelivery
    ending: Ending
    at: datetime
    status: int | None = None
    error: str | None = None
    wait_seconds: float = 0.0
    body: bytes = field(default=b"", repr=False)


def settle(
    lease: Lease, outcomes: Sequence[Outcome], health: Health, *, scheme: str | None, now: datetime, is_last: bool
) -> Lease | None:
    """Keep the outcomes and the host's health, and go on with its next rows; None once the host is let go of.

    It is let go of when nothing more is due, when this was the `last` batch, and when another worker has taken it
    over meanwhile: then its health is the other's to write, but what was delivered stays delivered.
    """
    with transaction() as session:
        _mark(session, lease.host, outcomes)
        if not _write_host(session, lease, health, scheme):
            return None
        if is_last:
            return None
        # Let go, look, and only then take again: a row committed before this look is seen here, and one committed
        # after it finds a free host, because whoever claims the host waits for this transaction.
        rows = next_rows(session, lease.host, health, now)
        if not rows:
            _end_drain(session, lease.host, health)
            return None
        until = now + LEASE
        _retake(session, lease, until)
        return replace(lease, until=until, health=health, scheme=scheme, rows=rows)


def _mark(session: Session, host: str, outcomes: Sequence[Outcome]) -> None:
    if outcomes:
        session.connection().execute(_MARK, [_columns(outcome) for outcome in outcomes])
    for outcome in outcomes:
        if outcome.ending == "fall_back":
            fall_back(session, host, outcome.due, outcome.body, outcome.at)
        elif outcome.ending == "gone":
            drop_follows(session, host, outcome.due.inbox, outcome.due.sender_id)


def _columns(outcome: Outcome) -> dict[str, Any]:
    state = _STATES[outcome.ending]
    return {
        "at": outcome.due.position,
        "new_state": state,
        "new_attempts": outcome.due.attempts + (outcome.ending not in _UNANSWERED),
        "new_next_attempt_at": outcome.at + timedelta(seconds=outcome.wait_seconds),
        "new_last_status": outcome.status,
        "new_last_error": outcome.error,
        "new_finished_at": None if state == QUEUED else outcome.at,
    }


def _write_host(session: Session, lease: Lease, health: Health, scheme: str | None) -> bool:
    """Whether the lease was still ours."""
    freed: dict[str, Any] = {"delivery_lease": None, "delivery_lease_until": None}
    if scheme != lease.scheme:  # Only what this turn learned: an inbound request may have taught us more meanwhile.
        freed["scheme"] = scheme
    written: Any = session.connection().execute(
        _WRITE_HOST, {"at_host": lease.host, "at_lease": lease.token, **health.to_columns(), **freed}
    )
    return bool(written.rowcount)


def _end_drain(session: Session, host: str, health: Health) -> None:
    """Caught up: from here on the host is written to as fast as it answers."""
    if health.drain_since is not None:
        session.execute(_WRITE_HELD_HOST, {"at_host": host, "drain_since": None})


def _retake(session: Session, lease: Lease, until: datetime) -> None:
    session.execute(
        _WRITE_HELD_HOST,
        {"at_host": lease.host, "delivery_lease": lease.token, "delivery_lease_until": until},
    )
