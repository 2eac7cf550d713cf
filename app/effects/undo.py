"""Undo: an actor takes back what it did itself: a follow, a reaction, a share, a block."""

from __future__ import annotations

from activitypub import build
from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects.block import tell_blocklist
from app.effects.following import unfollow
from app.effects.relaying import relay
from app.effects.spaces import expulsion
from app.errors import ForbiddenError, NotFoundError
from app.models import Activity as LoggedActivity
from app.models import Message, Reaction
from app.projections import accounts, activities, audit, blocks, messages, spaces, tombstones
from app.queries.activities import find_by_uri
from app.queries.actors import get_by_id
from app.queries.blocks import find_undone as find_undone_block
from app.queries.channels import find_channel_with_actor, get_home_space
from app.queries.follows import find_undone
from app.queries.messages import find_by_id as find_message
from app.queries.messages import scope_of
from app.queries.permissions import get_permissions, require_rank_over
from app.queries.reactions import find_reaction

UNDOABLE = frozenset({"Announce", "Block", "EmojiReact", "Follow", "Join", "Like"})
REACTIONS = frozenset({"EmojiReact", "Like"})


def authorise(act: Act) -> None:
    """Sets `type` and `uri` of what is undone; nobody takes back what another did (hostile case ORI-06)."""
    named = act.activity.object
    logged = find_by_uri(act.session, named.id) if named.id else None
    if logged is not None and _is_our_ban(act, logged):
        _authorise_lift(act, logged)
    elif _is_anothers(act, logged):
        raise ForbiddenError("only its own actor can undo an activity")
    type_ = logged.type if logged else named.type
    if type_ not in UNDOABLE and not (logged is None and _is_early(act)):
        raise NotFoundError("there is nothing to undo")
    act.found |= {"type": type_, "uri": logged.uri if logged else named.id, "logged": logged}
    if type_ in REACTIONS:
        _find_reaction(act)


def apply(act: Act) -> list[Activity]:
    type_, uri, logged = act.found.pop("type"), act.found.pop("uri"), act.found.pop("logged")
    answers = _take_back(act, type_, logged)
    if logged is not None:
        activities.mark_undone(act.session, logged, now=act.now)
    if uri is not None and not act.is_local:
        # An Undo may come before what it undoes; the tombstone keeps that from happening afterwards.
        tombstones.put(
            act.session,
            uri,
            former_type=type_ or "Activity",
            actor_id=act.actor.id,
            signed_at=act.signed_at,
            now=act.now,
        )
    return answers


def _take_back(act: Act, type_: str | None, logged: LoggedActivity | None) -> list[Activity]:
    match type_:
        case "Follow" | "Join":
            unfollow(act, find_undone(act.session, act.activity, act.actor))
        case "Like" | "EmojiReact":
            return _unreact(act)
        case "Announce":
            messages.take_back_share(act.session, act.actor, act.activity.object_id or "")
        case "Block":
            return _unblock(act, logged)
    return []


def _is_early(act: Act) -> bool:
    """It names nothing but a URI of the sender's own server, which may be on its way to us."""
    named = act.activity.object
    return not act.is_local and named.id is not None and named.type is None and act.owns(named.id)


def _find_reaction(act: Act) -> None:
    """Whoever heard of a reaction hears that it is gone, so the Undo has the reach of the message."""
    reaction = find_reaction(act.session, act.activity, act.actor)
    message = find_message(act.session, reaction.message_id) if reaction else None
    act.found |= {"reaction": reaction, "message": message}
    if message is not None:
        act.scope = scope_of(message)
        act.audience = message.audience


def _unreact(act: Act) -> list[Activity]:
    reaction: Reaction | None = act.found.pop("reaction")
    message: Message | None = act.found.pop("message")
    if reaction is None or message is None:
        return []
    messages.take_back_reaction(act.session, reaction)
    act.publish(
        LiveEvent(
            "message_reaction_removed",
            channel_id=message.channel_id,
            conversation_id=message.conversation_id,
            message_id=message.id,
            actor_id=act.actor.id,
            data={"emoji": reaction.emoji},
        )
    )
    found = find_channel_with_actor(act.session, message.channel_id)
    return relay(act, *found) if found else []


def _unblock(act: Act, logged: LoggedActivity | None) -> list[Activity]:
    """Whoever of ours may come back to a space is back in it: nobody else here joins the home space by hand."""
    block = find_undone_block(act.session, act.activity, logged)
    if block is None:
        return []
    blocks.remove(act.session, block)
    if block.space_id is None:
        tell_blocklist(act)
        return []
    if block.space_id != get_home_space(act.session).actor_id:
        expulsion.lift(act, block.space_id, block.blocked_id)
        return []
    accounts.lift_ban(act.session, block.blocked_id)
    audit.note(act.session, "user_unbanned", actor_id=act.actor.id, target=block.blocked_id, now=act.now)
    person, space = get_by_id(act.session, block.blocked_id), get_by_id(act.session, block.space_id)
    spaces.lift_ban(act.session, space.id, person.id, stays=person.is_local)
    return [build.join(actor=person.uri, object=space.uri)] if person.is_local else []


def _is_anothers(act: Act, logged: LoggedActivity | None) -> bool:
    """What is not in the log is whose it says that it is, if it says anything."""
    if logged is not None:
        return logged.actor_id != act.actor.id
    named = act.activity.object
    return isinstance(named, Activity) and named.actor != act.actor.uri


def _is_our_ban(act: Act, logged: LoggedActivity) -> bool:
    return act.is_local and logged.type == "Block" and logged.target_uri is not None


def _authorise_lift(act: Act, logged: LoggedActivity) -> None:
    """A ban is the space's, so whoever might ban the same person from it may lift it, whichever moderator said it.

    Who is banned from a space with bits has no rank in it any more.
    """
    if (space := expulsion.space_of(act, logged.target_uri)) is not None:
        expulsion.authorise_lift(act, space)
        return
    permissions = get_permissions(act.session, act.actor)
    permissions.require("ban_users")
    block = find_undone_block(act.session, act.activity, logged)
    if block is not None:
        require_rank_over(act.session, permissions, block.blocked_id)
