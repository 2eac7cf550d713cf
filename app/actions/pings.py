"""Pings: a short "are you there" to somebody here, and whether another server answers.

Nothing of it is federated, so it is no activity; it is told to sockets and kept for a month.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, update

from activitypub.errors import FetchError
from app.db import row_count, transaction
from app.effects.speaking import check_speaking
from app.errors import ConflictError, ForbiddenError, InvalidInputError, TooManyRequestsError
from app.ids import new_id
from app.models import Actor, Ping
from app.queries.actors import get_by_id, is_blocked
from app.queries.permissions import get_permissions
from app.queries.pings import SCOPE, PingView, count_waiting, get_ping, view_ping
from app.queries.viewers import Viewer
from app.sealing import seal_row
from app.services.remote import remote_client

MAX_MESSAGE: Final = 200  # Characters.
LIFE: Final = timedelta(minutes=5)
MAX_WAITING: Final = 20
_ANSWER_BYTES: Final = 64 * 1024
_ANSWER_SECONDS: Final = 5.0


def send_ping(viewer: Viewer, person: Actor, message: str | None) -> PingView:
    """Raises InvalidInputError for another server's person and for oneself, ForbiddenError for who blocks the viewer,
    and where the viewer may not send messages, TooManyRequestsError for who has too many without an answer."""
    if not person.is_local:
        raise InvalidInputError("Only people of this server can be pinged.")
    if person.id == viewer.actor_id:
        raise InvalidInputError("Nobody pings themselves.")
    now = datetime.now(UTC)
    ping_id = new_id("ping")
    with transaction() as session:
        check_speaking(get_permissions(session, get_by_id(session, viewer.actor_id)), now=now)
        if is_blocked(session, by=person.id, actor_id=viewer.actor_id):
            raise ForbiddenError("You are blocked by this person.")
        if count_waiting(session, viewer.actor_id, now=now) >= MAX_WAITING:
            raise TooManyRequestsError("Too many pings without an answer. Wait a moment.")
        sealed = seal_row(session, SCOPE, ping_id, message.encode()) if message else None
        values = {
            "id": ping_id,
            "type": "local",
            "sender_id": viewer.actor_id,
            "target_id": person.id,
            "sealed": sealed,
            "status": "delivered",
            "sent_at": now,
            "expires_at": now + LIFE,
        }
        session.execute(insert(Ping).values(values))
        return view_ping(session, session.get_one(Ping, ping_id), now=now)


def acknowledge(viewer: Viewer, ping_id: str) -> PingView:
    """Raises NotFoundError for a ping to somebody else, ConflictError for one that was answered or came to its end."""
    now = datetime.now(UTC)
    with transaction() as session:
        ping = get_ping(session, ping_id, viewer.actor_id)
        if ping.target_id != viewer.actor_id:
            raise ConflictError("This ping is your own.")
        latency = max(0, round((now - ping.sent_at).total_seconds() * 1000))
        acked = session.execute(
            update(Ping)
            .where(Ping.id == ping_id, Ping.status == "delivered", Ping.expires_at > now)
            .values(status="acked", acked_at=now, latency_ms=latency)
        )
        if row_count(acked) == 0:
            raise ConflictError("This ping was answered already, or has ended.")
        session.refresh(ping)
        return view_ping(session, ping, now=now)


def dismiss(viewer: Viewer, ping_id: str) -> None:
    """Forget a ping that the viewer sent or received. Raises NotFoundError."""
    with transaction() as session:
        get_ping(session, ping_id, viewer.actor_id)
        session.execute(delete(Ping).where(Ping.id == ping_id))


def ping_instance(viewer: Viewer, url: str) -> tuple[PingView, str, str | None]:
    """(the ping, the address that was asked, why there was no answer). Asks through the guarded client.

    Raises InvalidInputError for what is no address of a server.
    """
    health_url = f"{_origin(url)}/healthz"
    began, sent_at = time.monotonic(), datetime.now(UTC)
    status, failure = None, None
    try:
        status = remote_client().get(health_url, max_bytes=_ANSWER_BYTES, deadline_seconds=_ANSWER_SECONDS).status
    except FetchError as error:
        failure = error.public
    latency = round((time.monotonic() - began) * 1000)
    is_answered = status is not None and status < 500
    values = {
        "id": new_id("ping"),
        "type": "instance",
        "sender_id": viewer.actor_id,
        "target_url": _origin(url),
        "status": "acked" if is_answered else "failed",
        "http_status": status,
        "latency_ms": latency if is_answered else None,
        "sent_at": sent_at,
        "acked_at": datetime.now(UTC) if is_answered else None,
        "expires_at": sent_at + LIFE,
    }
    with transaction() as session:
        session.execute(insert(Ping).values(values))
        return view_ping(session, session.get_one(Ping, values["id"]), now=sent_at), health_url, failure


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInputError("target_instance_url: not the address of a server.") from error
    is_plain = parts.username is None and parts.path in {"", "/"} and not parts.query and not parts.fragment
    if parts.scheme not in {"http", "https"} or not host or not is_plain:
        raise InvalidInputError("target_instance_url: not the address of a server.")
    return f"{parts.scheme}://{parts.netloc}"
