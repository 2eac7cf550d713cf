"""Writes of follows; an accepted follow of a channel or a space is a membership."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from app.db import row_count
from app.ids import new_id
from app.models import Actor, Follow
from app.queries.actors import ACCEPTED, find_follow


def put(session: Session, actor: Actor, target: Actor, *, state: str, activity_uri: str, now: datetime) -> bool:
    """Note that `actor` follows `target`; an accepted follow does not fall back to waiting.

    Whether the follow was accepted before.
    """
    known = find_follow(session, actor.id, target.id)
    if known is None:
        session.execute(
            insert(Follow).values(
                id=new_id("follow"),
                actor_id=actor.id,
                target_id=target.id,
                state=state,
                activity_uri=activity_uri,
                created_at=now,
            )
        )
        return False
    was_accepted = known.state == ACCEPTED  # Before the row, and with it `known`, changes.
    kept = ACCEPTED if was_accepted else state
    session.execute(update(Follow).where(Follow.id == known.id).values(state=kept, activity_uri=activity_uri))
    return was_accepted


def set_state(session: Session, follow: Follow, state: str) -> None:
    session.execute(update(Follow).where(Follow.id == follow.id).values(state=state))


def remove(session: Session, actor_id: str, target_id: str) -> bool:
    """Whether there was one."""
    found = session.execute(delete(Follow).where(Follow.actor_id == actor_id, Follow.target_id == target_id))
    return row_count(found) > 0
