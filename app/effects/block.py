"""Block: an actor wants nothing to do with another; with a space as target, a moderator's ban from it."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects.spaces import expulsion
from app.errors import ForbiddenError, InvalidInputError
from app.models import Actor
from app.projections import accounts, actors, audit, blocks, follows, spaces
from app.queries.actors import find_actor, get_actor
from app.queries.channels import get_home_space, list_space_channel_ids
from app.queries.permissions import get_permissions, require_rank_over


def authorise(act: Act) -> None:
    blocked = get_actor(act.session, act.activity.object_id)
    if blocked.id == act.actor.id:
        raise InvalidInputError("Nobody blocks themselves.")
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
