"""A space itself: whoever makes one owns it."""

from __future__ import annotations

from app.act import Act
from app.effects.spaces.rules import (
    check_bits,
    check_name,
    check_said,
    get_space,
    require,
    standing_of,
    tell,
    values_of,
)
from app.errors import ConflictError, ForbiddenError
from app.projections import channels, messages, spaces
from app.queries.bits import Bit
from app.queries.permissions import get_permissions
from app.queries.spaces import (
    SpaceView,
    count_owned,
    find_member_of,
    hold_owner,
    list_channels_of,
    list_members_of_space,
    may_own,
)

MAX_OWNED = 100
_OF_THE_OWNER = frozenset({"owner_id", "is_listed"})


def authorise_making(act: Act) -> None:
    get_permissions(act.session, act.actor)
    _check(act)
    if count_owned(act.session, act.actor.id) >= MAX_OWNED:
        raise ConflictError(f"Nobody owns more than {MAX_OWNED} conferences.")


def make(act: Act) -> None:
    space_id = act.uris.local_id(act.activity.object_id or "") or ""
    spaces.add(act.session, act.uris, id=space_id, owner_id=act.actor.id, values=values_of(act), now=act.now)
    spaces.add_member(act.session, space_id, act.actor.id, now=act.now)
    act.found["space_id"] = space_id
    tell(act, "member_added", space_id)


def authorise_change(act: Act) -> None:
    space_id = act.uris.local_id(act.activity.object_id or "")
    space = get_space(act, space_id)
    values = values_of(act)
    if "owner_id" in values:
        hold_owner(act.session, space.id)
    standing = require(act, space.id, Bit.SPACE)
    if values.keys() & _OF_THE_OWNER and not standing.is_owner:
        raise ForbiddenError("Only the owner may change this.")
    if "permissions" in values:
        standing.require_reach(values["permissions"] ^ space.permissions)
    _check(act)
    if "owner_id" in values:
        member = find_member_of(act.session, space.id, values["owner_id"])
        if member is None or member.banned_at is not None or not may_own(act.session, member.actor_id):
            raise ForbiddenError("The new owner must be a member, and a person of this server.")
        if count_owned(act.session, member.actor_id) >= MAX_OWNED:
            raise ForbiddenError(f"Nobody owns more than {MAX_OWNED} conferences.")
    act.found["space_id"] = space.id


def change(act: Act) -> None:
    space_id = act.found["space_id"]
    spaces.change(act.session, space_id, values_of(act), now=act.now)
    tell(act, "space_changed", space_id)


def authorise_deletion(act: Act) -> None:
    space = get_space(act, act.uris.local_id(act.activity.object_id or ""))
    if not (standing_of(act, space.id).is_owner or _is_left_behind(act, space)):
        raise ForbiddenError("Only the owner may delete a conference.")
    act.found["space_id"] = space.id


def _is_left_behind(act: Act, space: SpaceView) -> bool:
    """Its owner's account is gone: then whoever administers the server may clear it away."""
    is_owned = space.owner_id is not None and may_own(act.session, space.owner_id)
    return not is_owned and get_permissions(act.session, act.actor).viewer.has("manage_server_settings")


def delete(act: Act) -> None:
    space_id = act.found["space_id"]
    members = [member.actor_id for member in list_members_of_space(act.session, space_id)]
    for channel in list_channels_of(act.session, space_id):
        channels.mark_deleted(act.session, channel, now=act.now)
        messages.erase_all_in(act.session, channel.actor_id, now=act.now)
    spaces.mark_deleted(act.session, space_id, now=act.now)
    tell(act, "space_deleted", space_id, member_ids=members)


def _check(act: Act) -> None:
    values = values_of(act)
    if "name" in values:
        check_name(values["name"], what="A conference's name")
    check_said(act)
    check_bits(values.get("permissions"))
