"""Writes of accounts and roles."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.db import row_count
from app.models import Account, Actor, RoleGrant, Space


def add(session: Session, actor: Actor, *, username: str, password_hash: str, now: datetime) -> None:
    session.execute(
        insert(Account).values(
            actor_id=actor.id,
            username=username,
            password_hash=password_hash,
            about=None,
            status="offline",
            last_seen_at=now,
        )
    )


def ban(session: Session, actor_id: str, *, now: datetime) -> None:
    """Who has no account here stays as it is."""
    session.execute(update(Account).where(Account.actor_id == actor_id).values(banned_at=now))


def lift_ban(session: Session, actor_id: str) -> None:
    session.execute(update(Account).where(Account.actor_id == actor_id).values(banned_at=None, ban_reason=None))


def claim_ownership(session: Session, actor: Actor, space: Space) -> bool:
    """Make the actor the owner of a space that has none; of two at once only one gets a True."""
    claimed = session.execute(
        update(Space).where(Space.actor_id == space.actor_id, Space.owner_id.is_(None)).values(owner_id=actor.id)
    )
    if row_count(claimed) == 0:
        return False
    grant_role(session, actor, space, "owner")
    return True


def grant_role(session: Session, actor: Actor, space: Space, role: str) -> None:
    session.execute(insert(RoleGrant).values(actor_id=actor.id, space_id=space.actor_id, role=role))
