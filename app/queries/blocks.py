"""Reads of blocks, for those that lift them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.models import Activity as LoggedActivity
from app.models import Actor, Block
from app.queries.actors import find_actor


def find_undone(session: Session, undo: Activity, logged: LoggedActivity | None) -> Block | None:
    """The block that an Undo lifts: the one its activity made, or the sender's own of the same actor."""
    if logged is not None:
        return session.scalar(select(Block).where(Block.activity_uri == logged.uri))
    named = undo.object
    blocker = find_actor(session, undo.actor)
    blocked: Actor | None = find_actor(session, named.object_id) if isinstance(named, Activity) else None
    if blocker is None or blocked is None:
        return None
    return find_block(session, by=blocker.id, actor_id=blocked.id, space_id=None)


def find_block(session: Session, *, by: str | None, actor_id: str, space_id: str | None) -> Block | None:
    """A ban from a space stands once, whoever of its moderators said it: ask for it with `by` None."""
    query = select(Block).where(Block.blocked_id == actor_id, Block.space_id.is_not_distinct_from(space_id))
    return session.scalar(query if by is None else query.where(Block.actor_id == by))
