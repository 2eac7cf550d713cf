"""Delete: a message, a channel or an actor is gone, and what comes late under its URI stays so."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from activitypub import build
from activitypub.documents import Activity
from activitypub.uris import same_origin
from app.act import Act, LiveEvent
from app.effects import roles, spaces
from app.effects.access import is_passed_on
from app.effects.relaying import relay, withdraw
from app.errors import ForbiddenError, NotFoundError
from app.models import Activity as Logged
from app.models import Actor, Channel, Message
from app.projections import accounts, activities, actors, audit, channels, conversations, files, messages, tombstones
from app.projections import spaces as memberships
from app.queries.actors import find_actor
from app.queries.bits import Bit
from app.queries.channels import find_channel, find_channel_with_actor, find_heard_channel, list_members
from app.queries.deliveries import list_acquainted
from app.queries.hearers import list_follower_inboxes
from app.queries.messages import NO_SUCH_MESSAGE, find_by_uri, scope_of
from app.queries.permissions import Permissions, get_permissions
from app.queries.standing import find_standing
from app.queries.visibility import may_actor_see, may_remove_unseen, place_of_channel, place_of_message


def authorise(act: Act) -> None:
    """Sets `target`: a Message, an Actor, or None for something of the sender's that never came here."""
    if (handler := spaces.handler_of(act)) is not None:
        handler.authorise_deletion(act)
        return
    if roles.is_about_role(act):
        roles.authorise_deletion(act)
        return
    if act.via is not None and act.via.id == act.actor.id and find_heard_channel(act.session, act.via.id) is None:
        raise ForbiddenError("only a channel tells by itself what is gone from it")
    uri = act.activity.object_id or ""
    # Whoever takes leave is an actor, whatever else was put under that URI before the actor was known.
    message = find_by_uri(act.session, uri) if uri != act.actor.uri else None
    actor = None if message else find_actor(act.session, uri)
    if message is not None:
        _authorise_message(act, message)
    elif actor is not None:
        _authorise_actor(act, actor)
    else:
        act.found["by"] = _deleters(act, uri)
    act.found["target"] = message or actor


def apply(act: Act) -> list[Activity]:
    if (handler := spaces.handler_of(act)) is not None:
        handler.delete(act)
        return []
    if roles.is_about_role(act):
        roles.delete(act)
        return []
    target = act.found.pop("target")
    if isinstance(target, Actor) and _is_channel_of_ours(act, target):
        return _delete_channel_of_ours(act, target)
    former_type = target.type if isinstance(target, Actor) else "Note"
    for deleter in act.found.pop("by", (act.actor,)):
        tombstones.put(
            act.session,
            act.activity.object_id or "",
            former_type=former_type,
            actor_id=deleter.id,
            signed_at=act.signed_at,
            now=act.now,
        )
    match target:
        case Message():
            return _delete_message(act, target)
        case Actor():
            _delete_actor(act, target)
        case _ if act.owns(act.activity.object_id or ""):
            _erase_documents(act, Logged.object_uri == act.activity.object_id)
    return []


def _deleters(act: Act, uri: str) -> list[Actor]:
    """Who is to be believed that something is gone which never came here, or is on its way: somebody of its own server,
    and the channel that passes a moderator's word on. Raises NotFoundError."""
    by = [act.actor] if not act.is_local and same_origin(uri, act.actor.uri) else []
    if act.via is not None and find_heard_channel(act.session, act.via.id) is not None:
        by.append(act.via)
    if not by:
        raise NotFoundError("there is nothing to delete")
    return by


def _authorise_message(act: Act, message: Message) -> None:
    if message.deleted_at is not None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    act.scope = scope_of(message)
    act.audience = message.audience
    found = find_channel_with_actor(act.session, message.channel_id)
    if message.author_id == act.actor.id:
        if found is not None and (act.is_local or found[1].is_local):
            _authorise_own_in(act, found[0])
        return
    if not act.is_local:
        # A moderator of the channel's own server, or of another one whose word the channel has passed on.
        if found is None or not is_passed_on(act, found[1]):
            raise ForbiddenError("only its author or a moderator can delete a message")
        return
    permissions = get_permissions(act.session, act.actor)
    place = place_of_message(message, found[0] if found else None)
    if not (may_actor_see(act.session, act.actor, message) or may_remove_unseen(permissions.viewer, place)):
        raise NotFoundError(NO_SUCH_MESSAGE)
    if found is None or not found[1].is_local or not _may_moderate(act, permissions, found[0]):
        raise ForbiddenError("You are not authorized to delete this message")


def _may_moderate(act: Act, permissions: Permissions, channel: Channel) -> bool:
    if channel.has_bits:
        standing = find_standing(act.session, act.actor.id, channel.space_id or "", channel.actor_id)
        return standing.has(Bit.MODERATE) or may_remove_unseen(permissions.viewer, place_of_channel(channel))
    return permissions.viewer.has("delete_messages")


def _authorise_own_in(act: Act, channel: Channel) -> None:
    """Where bits decide, to take back one's own word is one of them, and to moderate is enough for it."""
    if not channel.has_bits:
        return
    standing = find_standing(act.session, act.actor.id, channel.space_id or "", channel.actor_id)
    if not standing.has(Bit.MODERATE):
        standing.require(Bit.OWN)


def _authorise_actor(act: Act, actor: Actor) -> None:
    if actor.id == act.actor.id:
        actors.hold(act.session, actor.id)  # What it says at this moment is there then, or is not said.
        return
    channel = find_channel(act.session, actor.id)
    if not act.is_local:
        # A moderator says so, and the channel itself has passed it on; else anybody of its server could end it.
        if channel is None or actor.is_local or act.via is None or act.via.id != actor.id:
            raise ForbiddenError("only the actor itself can be deleted by it")
        return
    if channel is None or not actor.is_local:
        raise ForbiddenError("only the actor itself can be deleted by it")
    get_permissions(act.session, act.actor).require("delete_channels")


def _erase_documents(act: Act, is_about: ColumnElement[bool]) -> None:
    activities.erase_documents(act.session, is_about, kept=_kept_document(act))


def _kept_document(act: Act) -> str | None:
    """Ours are kept, to be delivered: they hold a Tombstone. Others put the whole note into its Delete."""
    return act.id if act.is_local else None


def _delete_message(act: Act, message: Message) -> list[Activity]:
    messages.erase(act.session, message, now=act.now)
    _erase_documents(act, Logged.object_uri == message.uri)
    act.publish(
        LiveEvent(
            "message_deleted",
            channel_id=message.channel_id,
            conversation_id=message.conversation_id,
            message_id=message.id,
            actor_id=act.actor.id,
        )
    )
    found = find_channel_with_actor(act.session, message.channel_id)
    if found is None:
        return []
    # Its author's followers hear of it from one of ours; from anybody else, microblog servers do not take it.
    is_by_our_author = act.is_local and message.author_id == act.actor.id
    return relay(act, *found) + ([] if is_by_our_author else withdraw(act, found[1], message.uri))


def _is_channel_of_ours(act: Act, actor: Actor) -> bool:
    return actor.is_local and actor.id != act.actor.id


def _delete_channel_of_ours(act: Act, group: Actor) -> list[Activity]:
    """Other servers believe that an actor is deleted if it says so itself: the channel does, as its last word."""
    channel = find_channel(act.session, group.id)
    audit.note(act.session, "channel_deleted", actor_id=act.actor.id, target=group.id, now=act.now)
    if channel is not None:
        _publish_deletion(act, channel)
    tombstone = build.tombstone(id=group.uri, former_type=group.type, deleted=act.now)
    return [build.delete(actor=group.uri, object=tombstone, to=[group.followers or ""])]


def _delete_actor(act: Act, actor: Actor) -> None:
    channel: Channel | None = find_channel(act.session, actor.id)
    if act.is_local and channel is not None:
        act.inboxes += list_follower_inboxes(act.session, actor.id)
    elif act.is_local:
        act.inboxes += list_acquainted(act.session, actor.id)
        accounts.empty(act.session, actor.id)
    if channel is not None:
        _end_channel(act, channel)
    if channel is not None and act.is_local:
        return  # Those of ours say nothing themselves; elsewhere a forum may, and may have been a person before.
    messages.erase_all_by(act.session, actor, now=act.now, kept=_kept_document(act))
    # Whom many follow, very much is about.
    activities.erase_documents_about(act.session, [actor.uri], kept=_kept_document(act))
    files.remove_all_of(act.session, actor.id)
    actors.mark_deleted(act.session, actor, now=act.now)
    memberships.remove_from_all(act.session, actor.id)
    conversations.take_out_of_all(act.session, actor.id)
    if channel is None:
        act.publish(LiveEvent("member_removed", actor_id=actor.id))


def _end_channel(act: Act, channel: Channel) -> None:
    if not act.is_local:
        _publish_deletion(act, channel)
    channels.mark_deleted(act.session, channel, now=act.now)
    messages.erase_all_in(act.session, channel.actor_id, now=act.now)


def _publish_deletion(act: Act, channel: Channel) -> None:
    """The members of a channel that not everybody sees are named: when sockets are told, it has none any more."""
    is_open = channel.space_id is not None and not channel.is_private
    members = {} if is_open else list_members(act.session, [channel.actor_id])
    act.publish(
        LiveEvent(
            "channel_deleted",
            channel_id=channel.actor_id,
            actor_id=act.actor.id,
            data={"member_ids": members.get(channel.actor_id, [])},
        )
    )
