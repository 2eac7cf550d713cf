"""Accept: the one who was asked lets the follower in."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.models import Follow
from app.projections import follows
from app.queries.actors import ACCEPTED, find_by_id
from app.queries.follows import get_answered


def authorise(act: Act) -> None:
    act.found["follow"] = get_answered(act.session, act.activity, act.actor)


def apply(act: Act) -> list[Activity]:
    follow: Follow = act.found.pop("follow")
    if follow.state == ACCEPTED:
        return []
    follows.set_state(act.session, follow, ACCEPTED)
    target = find_by_id(act.session, follow.target_id)
    if target is not None and target.type == "Group":
        act.publish(LiveEvent("member_added", channel_id=target.id, actor_id=follow.actor_id))
    return []
