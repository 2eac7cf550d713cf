"""Leave: somebody goes from a group, or a member from a space, unless it is the owner, who would leave it to nobody.

Of what somebody elsewhere follows, which is all that a Join does for them, it is the end of that.
"""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act
from app.effects.following import unfollow
from app.effects.spaces import conversation
from app.effects.spaces.rules import NO_SUCH_SPACE, tell
from app.errors import ErrorCode, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Follow
from app.projections import spaces
from app.queries.actors import find_actor, find_follow
from app.queries.peers import find_home
from app.queries.spaces import SpaceView, find_member_of, find_space, hold_owner


class NotAMemberError(InvalidInputError):
    error_code = ErrorCode.NOT_PART_OF


def authorise(act: Act) -> None:
    if conversation.is_about_group(act, act.activity.object_id):
        conversation.authorise_leaving(act)
        return
    if (follow := _find_follow(act)) is not None:
        act.found["follow"] = follow
        return
    space = _space(act)
    member = find_member_of(act.session, space.id, act.actor.id)
    if member is None or member.banned_at is not None:
        raise NotAMemberError("You are not in this conference.")
    if hold_owner(act.session, space.id) == act.actor.id and find_home(act.session, space.id) is None:
        raise ForbiddenError("The owner cannot leave. Give the conference to another member first, or delete it.")
    if space.is_home:
        raise ForbiddenError("Everybody of this server is in its home conference.")


def apply(act: Act) -> list[Activity]:
    if "conversation" in act.found:
        return conversation.leave(act)
    if "follow" in act.found:
        unfollow(act, act.found.pop("follow"))
        return []
    space = _space(act)
    member = find_member_of(act.session, space.id, act.actor.id)
    spaces.remove_member(act.session, space.id, act.actor.id)
    tell(act, "member_removed", space.id, member_id=member.id if member else None)
    return []


def _find_follow(act: Act) -> Follow | None:
    if act.is_local:
        return None
    target = find_actor(act.session, act.activity.object_id)
    if target is None or target.type != "Group":
        return None
    return find_follow(act.session, act.actor.id, target.id)


def _space(act: Act) -> SpaceView:
    found = find_space(act.session, act.uris.local_id(act.activity.object_id or "") or "")
    if found is None:
        raise NotFoundError(NO_SUCH_SPACE)
    return found
