"""Reads of follow requests, for those that answer or undo them."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.errors import NotFoundError
from app.models import Actor, Follow
from app.queries.actors import PENDING, find_actor, find_follow

_NO_SUCH_FOLLOW = "there is no such follow"


def find_by_activity(session: Session, uri: str | None) -> Follow | None:
    return session.scalar(select(Follow).where(Follow.activity_uri == uri)) if uri else None


def get_answered(session: Session, answer: Activity, answerer: Actor) -> Follow:
    """The follow that an Accept or Reject answers: found by the URI we stored, or by the two actors where the peer
    repeats them.

    Raises NotFoundError unless the one who answers is the one who was asked (hostile case ORI-13).
    """
    named = answer.object
    follow = find_by_activity(session, named.id)
    if follow is None and isinstance(named, Activity) and named.type in {"Follow", "Join"}:
        asker = find_actor(session, named.actor)
        follow = find_follow(session, asker.id, answerer.id) if asker else None
    if follow is None or follow.target_id != answerer.id:
        raise NotFoundError(_NO_SUCH_FOLLOW)
    return follow


def find_undone(session: Session, undo: Activity, undoer: Actor) -> Follow | None:
    """The follow that an Undo takes back, if the one who undoes it made it."""
    named = undo.object
    follow = find_by_activity(session, named.id)
    if follow is None and isinstance(named, Activity):
        target = find_actor(session, named.object_id)
        follow = find_follow(session, undoer.id, target.id) if target else None
    return follow if follow is not None and follow.actor_id == undoer.id else None


def count_waiting_for(session: Session, target_id: str) -> int:
    """How many follows wait for the actor to accept them."""
    waiting = select(func.count()).where(Follow.target_id == target_id, Follow.state == PENDING)
    return session.scalar(waiting) or 0


def count_unanswered_of(session: Session, actor_id: str) -> int:
    """How many follows of the actor's own nobody has answered yet."""
    unanswered = select(func.count()).where(Follow.actor_id == actor_id, Follow.state == PENDING)
    return session.scalar(unanswered) or 0
