"""Reads of blocks, for those that lift them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.models import Activity as LoggedActivity
from app.models import Actor, Block
from app.queries.actors import find_actor


def find_block(session: Session, undo: Activity, logged: LoggedActivity | None) -> Block | None:
    """The block that an Undo lifts: the one its activity made, or the sender's own of the same actor."""
    if logged is not None:
        return session.scalar(select(Block).where(Block.activity_uri == logged.uri))
    named = undo.object
    blocker = find_actor(session, undo.actor)
    blocked: Actor | None = find_actor(session, named.object_id) if isinstance(named, Activity) else None
    if blocker is None or blocked is None:
        return None
    return session.scalar(
        select(Block).where(Block.actor_id == blocker.id, Block.blocked_id == blocked.id, Block.space_id.is_(None))
    )
