"""Reads of pings: everybody's own, sent and received."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.models import Ping
from app.sealing import open_row

SCOPE = "pings"
NO_SUCH_PING = "The provided ping_id does not exist or could not be found."
MAX_PENDING = 100

Direction = Literal["both", "sent", "received"]


class PingView(msgspec.Struct, frozen=True):
    """`status` is "timeout" for one that nobody answered in time. Latencies are milliseconds."""

    id: str
    type: str
    sender_id: str
    target_id: str | None
    target_url: str | None
    status: str
    http_status: int | None
    latency_ms: int | None
    message: str | None
    sent_at: datetime
    acked_at: datetime | None
    expires_at: datetime


class PingCounts(msgspec.Struct, frozen=True):
    sent: int
    received: int
    acked: int
    timed_out: int
    average_latency_ms: float | None


def get_ping(session: Session, ping_id: str, viewer_id: str) -> Ping:
    """One that the viewer sent or received. Raises NotFoundError."""
    ping = session.get(Ping, ping_id)
    if ping is None or viewer_id not in (ping.sender_id, ping.target_id):
        raise NotFoundError(NO_SUCH_PING)
    return ping


def list_pings(
    session: Session, viewer_id: str, *, direction: Direction, page: int, size: int, now: datetime
) -> list[PingView]:
    """The newest first."""
    concerned = {
        "sent": Ping.sender_id == viewer_id,
        "received": Ping.target_id == viewer_id,
        "both": or_(Ping.sender_id == viewer_id, Ping.target_id == viewer_id),
    }[direction]
    query = select(Ping).where(concerned).order_by(Ping.id.desc()).limit(size).offset((page - 1) * size)
    return [view_ping(session, ping, now=now) for ping in session.scalars(query)]


def list_pending(session: Session, viewer_id: str, *, now: datetime) -> list[PingView]:
    """Those that wait for the viewer, the newest first."""
    query = select(Ping).where(Ping.target_id == viewer_id, *_waits(now)).order_by(Ping.id.desc()).limit(MAX_PENDING)
    return [view_ping(session, ping, now=now) for ping in session.scalars(query)]


def count_waiting(session: Session, sender_id: str, *, now: datetime) -> int:
    return session.scalar(select(func.count()).where(Ping.sender_id == sender_id, *_waits(now))) or 0


def count_pings(session: Session, viewer_id: str, *, now: datetime) -> PingCounts:
    is_mine = Ping.sender_id == viewer_id
    missed = or_(Ping.status.in_(("failed", "expired")), (Ping.status == "delivered") & (Ping.expires_at <= now))
    row = session.execute(
        select(
            func.count().filter(is_mine),
            func.count().filter(Ping.target_id == viewer_id),
            func.count().filter(is_mine, Ping.status == "acked"),
            func.count().filter(is_mine, missed),
            func.avg(Ping.latency_ms).filter(is_mine, Ping.status == "acked"),
        ).where(or_(is_mine, Ping.target_id == viewer_id))
    ).one()
    sent, received, acked, timed_out, latency = row
    return PingCounts(sent, received, acked, timed_out, None if latency is None else round(float(latency), 1))


def view_ping(session: Session, ping: Ping, *, now: datetime) -> PingView:
    text = open_row(session, SCOPE, ping.id, ping.sealed)
    is_late = ping.status == "delivered" and ping.expires_at <= now
    return PingView(
        id=ping.id,
        type=ping.type,
        sender_id=ping.sender_id,
        target_id=ping.target_id,
        target_url=ping.target_url,
        status="timeout" if is_late or ping.status == "expired" else ping.status,
        http_status=ping.http_status,
        latency_ms=ping.latency_ms,
        message=None if text is None else text.decode(),
        sent_at=ping.sent_at,
        acked_at=ping.acked_at,
        expires_at=ping.expires_at,
    )


def _waits(now: datetime) -> tuple[ColumnElement[Any], ...]:
    return Ping.status == "delivered", Ping.expires_at > now
