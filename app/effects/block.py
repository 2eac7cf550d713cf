"""Block: an actor wants nothing to do with another; with a space or a channel as target, a moderator's ban from it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, select

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects.spaces import expulsion
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor, Message
from app.projections import accounts, actors, audit, blocks, follows, messages, spaces
from app.queries.actors import find_actor, get_actor
from app.queries.channels import find_heard_channel, get_home_space, list_space_channel_ids
from app.queries.permissions import get_permissions, require_rank_over

_MOST_TOLD: Final = 100
"""Messages of which it is told that they are gone, the newest of who is banned from a channel elsewhere."""


def authorise(act: Act) -> None:
    blocked = get_actor(act.session, act.activity.object_id)
    if blocked.id == act.actor.id:
        raise InvalidInputError("Nobody blocks themselves.")
    if (elsewhere := _find_channel_elsewhere(act)) is not None:
        _authorise_elsewhere(act, elsewhere)
        return
    if not act.is_local and not blocked.is_local:
        raise ForbiddenError("neither is of this server")
    if (with_bits := expulsion.space_of(act, act.activity.target)) is not None:
        expulsion.authorise_ban(act, with_bits)
    elif act.activity.target is not None:
        _authorise_ban(act, blocked)


def apply(act: Act) -> list[Activity]:
    if (with_bits := expulsion.space_of(act, act.activity.target)) is not None:
        expulsion.ban(act, with_bits)
        return []
    blocked = get_actor(act.session, act.activity.object_id)
    if (elsewhere := _find_channel_elsewhere(act)) is not None:
        _put_out(act, blocked, elsewhere)
        return []
    actors.hold(act.session, blocked.id)  # A follow of theirs that comes at this moment is seen, or sees the block.
    space = find_actor(act.session, act.activity.target)
    blocks.add(
        act.session,
        act.actor,
        blocked,
        space_id=space.id if space else None,
        activity_uri=act.activity.id or "",
        now=act.now,
    )
    if space is None:
        follows.remove(act.session, act.actor.id, blocked.id)
        follows.remove(act.session, blocked.id, act.actor.id)
        tell_blocklist(act)
        return []
    # The home space is the whole server.
    spaces.ban_member(act.session, space.id, blocked.id, now=act.now, is_home=True)
    accounts.ban(act.session, blocked.id, now=act.now, reason=act.private.get("reason"))
    audit.note(act.session, "user_banned", actor_id=act.actor.id, target=blocked.id, now=act.now)
    for target_id in (space.id, *list_space_channel_ids(act.session, space.id)):
        follows.remove(act.session, blocked.id, target_id)
    act.publish(LiveEvent("member_removed", channel_id=space.id, actor_id=blocked.id))
    return []


def tell_blocklist(act: Act) -> None:
    """Whose it is, if that is one of ours, and nobody else."""
    if act.is_local:
        data = {"account_id": act.actor.id, "is_own": True}
        act.publish(LiveEvent("account_changed", actor_id=act.actor.id, data=data))


def _find_channel_elsewhere(act: Act) -> Actor | None:
    target = None if act.is_local else find_actor(act.session, act.activity.target)
    return target if target is not None and not target.is_local and target.type == "Group" else None


def _authorise_elsewhere(act: Act, group: Actor) -> None:
    """A moderator says so, who may be of any server, and the channel itself has passed it on. Raises AppError."""
    if (act.via or act.actor).id != group.id:
        raise ForbiddenError("the channel itself has not passed this on")
    if find_heard_channel(act.session, group.id) is None:
        raise NotFoundError("nobody here follows this")
    act.scope, act.audience = group.id, "members"


def _put_out(act: Act, banned: Actor, group: Actor) -> None:
    """Whoever is banned from a channel elsewhere is in it no more; with `removeData`, so is what they said there."""
    if follows.remove(act.session, banned.id, group.id):
        act.publish(LiveEvent("member_removed", channel_id=group.id, actor_id=banned.id))
    if act.activity.document.get("removeData") is not True:
        return
    said = and_(Message.author_id == banned.id, Message.channel_id == group.id)
    newest = select(Message.id).where(said, Message.deleted_at.is_(None)).order_by(Message.position.desc())
    for message_id in act.session.scalars(newest.limit(_MOST_TOLD)).all():
        deleted = LiveEvent("message_deleted", channel_id=group.id, message_id=message_id, actor_id=act.actor.id)
        act.publish(deleted)
    messages.erase_all_by_in(act.session, banned, group.id, now=act.now)


def _authorise_ban(act: Act, blocked: Actor) -> None:
    """The home space is ours, so only its own moderators ban from it; its owner cannot be banned."""
    space = get_home_space(act.session)
    target = get_actor(act.session, act.activity.target)
    if not act.is_local or target.id != space.actor_id:
        raise ForbiddenError("only the space's own moderators ban from it")
    permissions = get_permissions(act.session, act.actor)
    permissions.require("ban_users")
    if blocked.id == space.owner_id:
        raise ForbiddenError("The owner cannot be banned.")
    require_rank_over(act.session, permissions, blocked.id)
