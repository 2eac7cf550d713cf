"""The end of a follow, by an Undo or a Leave."""

from __future__ import annotations

from app.act import Act, LiveEvent
from app.models import Follow
from app.projections import follows
from app.queries.activities import find_by_uri
from app.queries.actors import find_by_id


def unfollow(act: Act, follow: Follow | None) -> None:
    """A follow that was made anew, under another id, after the Undo of the old one was signed stays."""
    if follow is None or _is_made_anew(act, follow):
        return
    target = find_by_id(act.session, follow.target_id)
    follows.remove(act.session, follow.actor_id, follow.target_id)
    if target is not None and target.type == "Group":
        act.publish(LiveEvent("member_removed", channel_id=target.id, actor_id=act.actor.id))


def _is_made_anew(act: Act, follow: Follow) -> bool:
    """By the clock of its server alone: an Undo of this very follow is later, whatever its date."""
    if follow.activity_uri == act.activity.object_id:
        return False
    made = find_by_uri(act.session, follow.activity_uri)
    return made is not None and made.signed_at > act.signed_at
