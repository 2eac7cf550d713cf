"""Writes of blocks and bans."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from app.ids import new_id
from app.models import Actor, Block
from app.projections.actors import hold
from app.queries.blocks import find_block


def add(
    session: Session, actor: Actor, blocked: Actor, *, space_id: str | None, activity_uri: str, now: datetime
) -> None:
    """Note it once: who says it again has said it under the newer activity, which is the one to undo."""
    by = actor.id if space_id is None else None
    hold(session, actor.id if space_id is None else blocked.id)
    known = find_block(session, by=by, actor_id=blocked.id, space_id=space_id)
    if known is not None:
        session.execute(update(Block).where(Block.id == known.id).values(activity_uri=activity_uri))
        return
    session.execute(
        insert(Block).values(
            id=new_id("block"),
            actor_id=actor.id,
            blocked_id=blocked.id,
            space_id=space_id,
            activity_uri=activity_uri,
            created_at=now,
        )
    )


def remove(session: Session, block: Block) -> None:
    session.execute(delete(Block).where(Block.id == block.id))
