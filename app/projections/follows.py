"""Writes of follows; an accepted follow of a channel or a space is a membership."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from activitypub.uris import domain_of
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
                **_told_at(actor),
            )
        )
        return False
    was_accepted = known.state == ACCEPTED  # Before the row, and with it `known`, changes.
    kept = ACCEPTED if was_accepted else state
    session.execute(update(Follow).where(Follow.id == known.id).values(state=kept, activity_uri=activity_uri))
    return was_accepted


def move(session: Session, actor: Actor) -> None:
    """Have another server's actor be told at the inbox that it has now."""
    moved = update(Follow).where(Follow.actor_id == actor.id).values(_told_at(actor))
    session.execute(moved, execution_options={"synchronize_session": False})


def _told_at(actor: Actor) -> dict[str, Any]:
    """Nothing, of one of ours, and of somebody who was met over Punctum alone."""
    inbox = actor.shared_inbox or actor.inbox
    if actor.host is None or not inbox:
        return {}
    return {"domain": domain_of(actor.host), "inbox": inbox, "is_shared": actor.shared_inbox is not None}


def set_state(session: Session, follow: Follow, state: str) -> None:
    session.execute(update(Follow).where(Follow.id == follow.id).values(state=state))


def remove(session: Session, actor_id: str, target_id: str) -> bool:
    """Whether there was one."""
    found = session.execute(delete(Follow).where(Follow.actor_id == actor_id, Follow.target_id == target_id))
    return row_count(found) > 0
