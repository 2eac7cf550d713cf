"""Reads of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, null, select
from sqlalchemy.orm import Session

from app.models import Account, Actor, AuditEntry, Channel
from app.queries.viewers import Viewer
from app.queries.visibility import channel_is_visible


class AuditView(msgspec.Struct, frozen=True):
    """What was done, by whom if anybody did it, to what: `target` is an id, an address or a name."""

    id: str
    type: str
    actor_id: str | None
    username: str | None
    avatar_url: str | None
    target: str | None
    data: Mapping[str, Any]
    created_at: datetime


def list_audited(session: Session, viewer: Viewer, *, limit: int) -> list[AuditView]:
    """The newest first; a private channel that the viewer does not see is not named."""
    query = (
        select(AuditEntry, Account.username, Actor.icon_url, _shown_target(viewer))
        .outerjoin(Actor, Actor.id == AuditEntry.actor_id)
        .outerjoin(Account, Account.actor_id == AuditEntry.actor_id)
        .outerjoin(Channel, Channel.actor_id == AuditEntry.target)
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
            target=target,
            data=entry.data,
            created_at=entry.created_at,
        )
        for entry, username, avatar_url, target in session.execute(query, {"viewer_id": viewer.actor_id})
    ]


def _shown_target(viewer: Viewer) -> SQLColumnExpression[str | None]:
    if viewer.has("view_private_channels"):
        return AuditEntry.target  # Also of a channel that is gone.
    is_hidden: ColumnElement[bool] = and_(Channel.is_private, ~channel_is_visible(viewer))
    return case((is_hidden, null()), else_=AuditEntry.target)
