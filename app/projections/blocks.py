"""Writes of blocks and bans."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.ids import new_id
from app.models import Actor, Block


def add(
    session: Session, actor: Actor, blocked: Actor, *, space_id: str | None, activity_uri: str, now: datetime
) -> None:
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
