"""Reject: the one who was asked refuses, or puts out, a follower."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.errors import NotFoundError
from app.models import Follow
from app.projections import follows
from app.queries.actors import ACCEPTED, find_by_id
from app.queries.follows import get_answered


def authorise(act: Act) -> None:
    """Ours may refuse what was never noted: a follow that may not be is answered and not kept."""
    try:
        act.found["follow"] = get_answered(act.session, act.activity, act.actor)
    except NotFoundError:
        if not act.is_local:
            raise


def apply(act: Act) -> list[Activity]:
    follow: Follow | None = act.found.pop("follow", None)
    if follow is None:
        return []
    follows.remove(act.session, follow.actor_id, follow.target_id)
    target = find_by_id(act.session, follow.target_id)
    if follow.state == ACCEPTED and target is not None and target.type == "Group":
        act.publish(LiveEvent("member_removed", channel_id=target.id, actor_id=follow.actor_id))
    return []
