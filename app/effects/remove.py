"""Remove: somebody is put out of a channel or loses a role, or a message is no longer pinned."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects import add, roles
from app.effects.spaces import expulsion
from app.effects.spaces import role as space_role
from app.models import Actor
from app.projections import follows, pins
from app.queries.actors import get_actor


def authorise(act: Act) -> None:
    if space_role.is_for_role(act):
        space_role.authorise_grant(act)
        return
    if (space := expulsion.space_of(act, act.activity.target)) is not None:
        expulsion.authorise_kick(act, space)
        return
    if roles.is_for_role(act):
        roles.authorise_grant(act)
        return
    add.authorise_change(act)  # Whoever may let in may put out.
    if act.found["collection"] == "featured":
        add.authorise_pin(act, act.found["group"])


def apply(act: Act) -> list[Activity]:
    if space_role.is_for_role(act):
        space_role.take(act)
        return []
    if (space := expulsion.space_of(act, act.activity.target)) is not None:
        expulsion.kick(act, space)
        return []
    if roles.is_for_role(act):
        roles.take(act)
        return []
    group: Actor = act.found.pop("group")
    if act.found.pop("collection") == "featured":
        if pins.remove(act.session, group.id, act.activity.object_id or ""):
            add.tell_pinned(act)
        return []
    person = get_actor(act.session, act.activity.object_id)
    if follows.remove(act.session, person.id, group.id):
        act.publish(LiveEvent("member_removed", channel_id=group.id, actor_id=person.id))
    return []
