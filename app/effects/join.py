"""Join: an actor becomes a member of a space, by an invite or because the space is open to all.

Of anything else, a Join is a Follow.
"""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act
from app.effects import follow
from app.effects.spaces.rules import tell
from app.errors import ForbiddenError
from app.projections import spaces
from app.queries.actors import is_banned
from app.queries.bits import Bit
from app.queries.peers import find_home
from app.queries.permissions import get_permissions
from app.queries.spaces import SpaceView, find_invite, find_member_of, find_space
from app.queries.standing import find_standing


def authorise(act: Act) -> None:
    space = _space(act)
    if space is None or space.is_home:
        follow.authorise(act)
        return
    if not act.is_local and "invite_id" not in act.private:
        # By ActivityPub alone nobody is told what such a space is (docs/decisions.md, 41).
        raise ForbiddenError("this conference is for people of its own server")
    if act.is_local:
        get_permissions(act.session, act.actor)
        if find_home(act.session, space.id) is not None:
            raise ForbiddenError("This conference is another instance's. Join it by an invite.")
    member = find_member_of(act.session, space.id, act.actor.id)
    if (member is not None and member.banned_at is not None) or is_banned(act.session, act.actor.id, space.id):
        raise ForbiddenError("You are banned from this conference.")
    if member is None and not space.is_listed and not _is_invited(act, space):
        raise ForbiddenError("You need an invite to this conference.")


def _is_invited(act: Act, space: SpaceView) -> bool:
    """By an invite, or by a member who may make one."""
    invite = find_invite(act.session, act.private.get("invite_id", ""))
    if invite is not None:
        return invite.space_id == space.id
    return find_standing(act.session, act.private.get("invited_by", ""), space.id).has(Bit.INVITE)


def apply(act: Act) -> list[Activity]:
    space = _space(act)
    if space is None or (space.is_home and not act.is_local):
        return follow.apply(act)  # Whoever is elsewhere follows the home space; its members are ours.
    is_new = find_member_of(act.session, space.id, act.actor.id) is None
    if is_new:
        spaces.add_member(act.session, space.id, act.actor.id, now=act.now)
    if space.is_home:
        return follow.apply(act)  # Which tells of it.
    if is_new:
        member = find_member_of(act.session, space.id, act.actor.id)
        tell(act, "member_added", space.id, member_id=member.id if member else None)
    return []  # Whoever comes by Punctum is answered in the same request.


def _space(act: Act) -> SpaceView | None:
    """One of ours."""
    uri = act.activity.object_id or ""
    return find_space(act.session, act.uris.local_id(uri) or "") if act.uris.kind_of(uri) == "spaces" else None
