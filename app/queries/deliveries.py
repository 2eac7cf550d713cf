"""Reads of the outgoing queue of a host: what is due, when, and whether a row is worth making at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.models import ActivityDocument, Delivery, Host

QUEUED: Final = "queued"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
EXPIRED: Final = "expired"
DROPPED: Final = "dropped"

UP: Final = "up"
OPEN: Final = "open"
UNREACHABLE: Final = "unreachable"
DORMANT: Final = "dormant"
DEAD: Final = "dead"
GONE: Final = "gone"

# What must reach a server that was away for a week, because it changes who may see what.
_LASTING_TYPES: Final = frozenset({"Accept", "Block", "Delete", "Flag", "Follow", "Undo"})
_SOON: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A row whose time has come, with its document as it lies in the log: sealed, or None if it was erased.

    `attempts` counts the answers of this inbox to this row; failures of the whole host are counted there.
    """

    position: int
    activity_id: str
    sender_id: str
    inbox: str
    is_shared: bool
    attempts: int
    created_at: datetime
    expires_at: datetime
    scope: str | None
    sealed: bytes | None = field(repr=False)


def is_deliverable(host_state: str, activity_type: str) -> bool:
    """Whether an activity of that type is worth a row for a host in that state (reliability.md, section 3.4)."""
    if host_state in (UP, OPEN):
        return True
    return host_state in (UNREACHABLE, DORMANT) and activity_type in _LASTING_TYPES


def is_due(now: datetime) -> ColumnElement[bool]:
    """A row made in the future was made before the clock was set back, and would wait for the clock to come again."""
    return (Delivery.state == QUEUED) & or_(Delivery.next_attempt_at <= now, Delivery.created_at > now)


def list_due(session: Session, host: str, now: datetime, *, limit: int) -> Sequence[DueDelivery]:
    """The oldest rows of the host that are due, in the order in which it must hear of them."""
    rows = session.execute(
        select(
            Delivery.position,
            Delivery.activity_id,
            Delivery.sender_id,
            Delivery.inbox,
            Delivery.is_shared,
            Delivery.attempts,
            Delivery.created_at,
            Delivery.expires_at,
            ActivityDocument.scope,
            ActivityDocument.sealed,
        )
        .outerjoin(ActivityDocument, ActivityDocument.activity_id == Delivery.activity_id)
        .where(is_due(now), Delivery.host == host)
        .order_by(Delivery.position)
        .limit(limit)
    )
    return [DueDelivery(**row) for row in rows.mappings()]


def find_next_attempt(session: Session, host: str, now: datetime) -> datetime | None:
    """When the host has something to hear within a minute, or None; later ones are the sweep's business."""
    probe_at = session.scalar(select(Host.probe_at).where(Host.host == host))
    if probe_at is not None and probe_at > now:
        return probe_at if probe_at <= now + _SOON else None
    return session.scalar(
        select(func.min(Delivery.next_attempt_at)).where(
            Delivery.state == QUEUED, Delivery.host == host, Delivery.next_attempt_at <= now + _SOON
        )
    )


def is_ready(now: datetime) -> ColumnElement[bool]:
    """The host's timer has run out, or was set before the clock was put back by more than any wait we make."""
    return or_(Host.probe_at.is_(None), Host.probe_at <= now, Host.probe_at > now + timedelta(days=9))
