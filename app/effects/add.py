"""Add: somebody is let into a channel's members or a group, or given a role, or a message is pinned."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects import roles
from app.effects.access import BLOCKED, is_passed_on
from app.effects.spaces import conversation
from app.effects.spaces import role as space_role
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor, Channel
from app.projections import follows, pins
from app.queries.actors import ACCEPTED, PEOPLE, find_actor, find_follow, get_actor, is_banned, is_blocking_any
from app.queries.bits import Bit
from app.queries.channels import NO_SUCH_CHANNEL, find_channel
from app.queries.messages import NO_SUCH_MESSAGE, find_by_uri
from app.queries.permissions import get_permissions
from app.queries.standing import find_standing
from app.queries.visibility import may_see, place_of_channel


def authorise(act: Act) -> None:
    """Sets `group` and `collection`, or what giving a role needs."""
    if space_role.is_for_role(act):
        space_role.authorise_grant(act)
        return
    if roles.is_for_role(act):
        roles.authorise_grant(act)
        return
    if conversation.is_about_group(act, act.activity.target):
        conversation.authorise_addition(act)
        return
    authorise_change(act)
    group: Actor = act.found["group"]
    if act.found["collection"] == "featured":
        authorise_pin(act, group)
    else:
        _authorise_member(act, group)


def apply(act: Act) -> list[Activity]:
    if space_role.is_for_role(act):
        space_role.give(act)
        return []
    if roles.is_for_role(act):
        roles.give(act)
        return []
    if "conversation" in act.found:
        return conversation.add(act)
    group: Actor = act.found.pop("group")
    if act.found.pop("collection") == "featured":
        pins.add(act.session, group.id, act.activity.object_id or "", now=act.now)
        tell_pinned(act)
        return []
    person = get_actor(act.session, act.activity.object_id)
    was_accepted = follows.put(
        act.session, person, group, state=ACCEPTED, activity_uri=act.activity.id or "", now=act.now
    )
    if not was_accepted:
        act.publish(LiveEvent("member_added", channel_id=group.id, actor_id=person.id))
    return []


def tell_pinned(act: Act) -> None:
    """Also that it is no longer pinned."""
    message = find_by_uri(act.session, act.activity.object_id)
    if message is not None:
        act.publish(
            LiveEvent("message_pinned", channel_id=message.channel_id, message_id=message.id, actor_id=act.actor.id)
        )


def authorise_change(act: Act) -> None:
    """Whether the actor may change the collection at all: let in and put out, pin and take down."""
    group, collection = _get_collection(act)
    channel = find_channel(act.session, group.id)
    if group.is_local and channel is not None:
        _authorise_here(act, channel, collection)
    elif not is_passed_on(act, group):
        raise ForbiddenError("a channel's collections are changed by its own server")
    act.found |= {"group": group, "collection": collection}
    act.scope = group.id
    act.audience = "members"


def _get_collection(act: Act) -> tuple[Actor, str]:
    """(the Group, "followers" or "featured") that an Add or Remove targets. Raises NotFoundError."""
    owner_uri, _, name = (act.activity.target or "").rpartition("/")
    group = find_actor(act.session, owner_uri)
    if group is None or group.type != "Group" or name not in {"followers", "featured"}:
        raise NotFoundError(NO_SUCH_CHANNEL)
    return group, name


def _authorise_here(act: Act, channel: Channel, collection: str) -> None:
    if not act.is_local:
        raise ForbiddenError("a channel's collections are changed by its own server")
    permissions = get_permissions(act.session, act.actor)
    if channel.has_bits:
        _authorise_by_bits(act, channel, collection)
        return
    permissions.require("manage_channel_users" if collection == "followers" else "edit_channels")
    if not may_see(act.session, permissions.viewer, place_of_channel(channel)):
        raise NotFoundError(NO_SUCH_CHANNEL)


def _authorise_by_bits(act: Act, channel: Channel, collection: str) -> None:
    if collection == "followers":
        raise ForbiddenError("The members of a conference are in its channels.")
    standing = find_standing(act.session, act.actor.id, channel.space_id or "", channel.actor_id)
    if not standing.has(Bit.READ):
        raise NotFoundError(NO_SUCH_CHANNEL)
    standing.require(Bit.MODERATE)


def _authorise_member(act: Act, group: Actor) -> None:
    person = get_actor(act.session, act.activity.object_id)
    if person.type not in PEOPLE:
        raise InvalidInputError("Only people are members of a channel.")
    channel = find_channel(act.session, group.id)
    if is_banned(act.session, person.id, channel.space_id if channel else None):
        raise ForbiddenError("this actor is banned from the channel")
    if is_blocking_any(act.session, by=person.id, actor_ids=_company(act, group, channel)):
        raise ForbiddenError(BLOCKED)
    if person.is_local and not group.is_local and find_follow(act.session, person.id, group.id) is None:
        # Another server decides who may be in its channels, not who of ours must.
        raise ForbiddenError("this person has not asked to be in the channel")


def _company(act: Act, group: Actor, channel: Channel | None) -> set[str]:
    """Into whose company somebody is let, by whichever of them (hostile case AUZ-13)."""
    creator_id = channel.creator_id if channel else None
    return {act.actor.id, group.id} | ({creator_id} if creator_id else set())


def authorise_pin(act: Act, group: Actor) -> None:
    """What is pinned in a channel, and taken down, stands in it. Raises NotFoundError."""
    message = find_by_uri(act.session, act.activity.object_id)
    if message is None or message.channel_id != group.id or message.deleted_at is not None:
        raise NotFoundError(NO_SUCH_MESSAGE)
