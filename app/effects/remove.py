"""Remove: somebody is put out of a channel, or a message is no longer pinned in it."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects import add
from app.models import Actor
from app.projections import follows, pins
from app.queries.actors import get_actor


def authorise(act: Act) -> None:
    add.authorise_change(act)  # Whoever may let in may put out.


def apply(act: Act) -> list[Activity]:
    group: Actor = act.found.pop("group")
    if act.found.pop("collection") == "featured":
        pins.remove(act.session, group.id, act.activity.object_id or "")
        return []
    person = get_actor(act.session, act.activity.object_id)
    if follows.remove(act.session, person.id, group.id):
        act.publish(LiveEvent("member_removed", channel_id=group.id, actor_id=person.id))
    return []
