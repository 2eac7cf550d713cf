"""Reads of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Account, Actor, AuditEntry


@dataclass(frozen=True, slots=True)
class AuditView:
    """What was done, by whom if anybody did it, to what: `target` is an id, an address or a name."""

    id: str
    type: str
    actor_id: str | None
    username: str | None
    avatar_url: str | None
    target: str | None
    data: Mapping[str, Any]
    created_at: datetime


def list_audited(session: Session, *, limit: int) -> list[AuditView]:
    """The newest first."""
    query = (
        select(AuditEntry, Account.username, Actor.icon_url)
        .outerjoin(Actor, Actor.id == AuditEntry.actor_id)
        .outerjoin(Account, Account.actor_id == AuditEntry.actor_id)
        .order_by(AuditEntry.position.desc())
        .limit(limit)
    )
    return [
        AuditView(
            id=str(entry.position),
            type=entry.type,
            actor_id=entry.actor_id,
            username=username,
            avatar_url=avatar_url,
            target=entry.target,
            data=entry.data,
            created_at=entry.created_at,
        )
        for entry, username, avatar_url in session.execute(query)
    ]
