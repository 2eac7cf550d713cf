"""Presence: what people say they are doing. It is told to sockets, kept for lists, and sent to no other server."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, update

from app.db import reading, row_count, transaction
from app.errors import InvalidInputError
from app.models import Account

STATUSES = ("online", "idle", "afk", "dnd", "offline")
_ALIASES = {"away": "afk", "inactive": "offline", "invisible": "offline"}
# What somebody chose stays when they open or close a client.
_CHOSEN = ("afk", "dnd", "idle")


def normalise_status(text: str) -> str:
    """Raises InvalidInputError."""
    status = text.strip().lower()
    status = _ALIASES.get(status, status)
    if status not in STATUSES:
        raise InvalidInputError(f"Unsupported status. Supported values: {', '.join(STATUSES)}")
    return status


def set_status(actor_id: str, text: str) -> str:
    """What the person chose; returns it in its one spelling. Raises InvalidInputError."""
    status = normalise_status(text)
    with transaction() as session:
        session.execute(
            update(Account).where(Account.actor_id == actor_id).values(status=status, last_seen_at=datetime.now(UTC))
        )
    return status


def come_online(actor_id: str) -> str | None:
    """The first socket is open; the new status, or None where it did not change."""
    with reading() as session:
        status = session.scalar(select(Account.status).where(Account.actor_id == actor_id))
    if status in (*_CHOSEN, "online"):
        return None
    return _change(actor_id, "online", ("offline",))


def go_offline(actor_id: str) -> str | None:
    """The last socket is closed; the new status, or None where it did not change."""
    return _change(actor_id, "offline", ("online", "idle"))


def _change(actor_id: str, status: str, earlier: tuple[str, ...]) -> str | None:
    with transaction() as session:
        changed = session.execute(
            update(Account)
            .where(Account.actor_id == actor_id, Account.status.in_(earlier))
            .values(status=status, last_seen_at=datetime.now(UTC))
        )
    return status if row_count(changed) else None
