"""Whom somebody is friends with, and whom they want nothing to do with."""

from __future__ import annotations

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from app.models import Block, Follow
from app.queries.actors import ACCEPTED

MAX_LISTED = 1000


def list_friends(session: Session, actor_id: str) -> list[str]:
    """Those who follow one another: each asked for it, and each said yes."""
    back = aliased(Follow)
    query = (
        select(Follow.target_id)
        .join(back, and_(back.actor_id == Follow.target_id, back.target_id == Follow.actor_id))
        .where(Follow.actor_id == actor_id, Follow.state == ACCEPTED, back.state == ACCEPTED)
        .order_by(Follow.id)
        .limit(MAX_LISTED)
    )
    return list(session.scalars(query))


def list_blocked(session: Session, actor_id: str) -> list[str]:
    """The blocks of their own, not the bans that they said as a moderator."""
    query = select(Block.blocked_id).where(Block.actor_id == actor_id, Block.space_id.is_(None))
    return list(session.scalars(query.order_by(Block.id).limit(MAX_LISTED)))
