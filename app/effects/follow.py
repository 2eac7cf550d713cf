"""Follow and Join: an actor asks to hear from another, or to be a member of a channel or a space."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from activitypub import build
from activitypub.documents import Activity
from app.act import Act, LiveEvent, RefusedError
from app.effects.access import BANNED, BLOCKED
from app.effects.spaces import expulsion
from app.errors import ForbiddenError, InvalidInputError, TooManyRequestsError
from app.models import Actor, Channel
from app.projections import channels, follows
from app.queries.actors import ACCEPTED, PENDING, find_follow, get_actor, is_banned, is_blocked
from app.queries.channels import find_channel, get_home_space
from app.queries.follows import count_unanswered_of, count_waiting_for
from app.queries.viewers import remote_viewer
from app.queries.visibility import may_see, place_of_channel

# Follows that wait for one actor's answer, and those of ours that one actor waits for (hostile case FED-01).
WAITING_MAX: Final = 1000


def authorise(act: Act) -> None:
    target = get_actor(act.session, act.activity.object_id)
    if target.id == act.actor.id:
        raise InvalidInputError("Nobody follows themselves.")
    if target.is_local:
        _authorise_here(act, target)
    elif not act.is_local:
        raise ForbiddenError("this actor is not of this server")
    elif _is_new(act, target) and count_unanswered_of(act.session, act.actor.id) >= WAITING_MAX:
        raise TooManyRequestsError(f"You wait for the answers to {WAITING_MAX} follows. Take some back first.")


def apply(act: Act) -> list[Activity]:
    """An open actor of ours answers at once, a closed one waits for its owner; elsewhere we wait for the answer."""
    target = get_actor(act.session, act.activity.object_id)
    is_open = target.is_local and not target.manually_approves
    was_accepted = follows.put(
        act.session,
        act.actor,
        target,
        state=ACCEPTED if is_open else PENDING,
        activity_uri=act.activity.id or "",
        now=act.now,
    )
    if not target.is_local and target.type == "Group":
        channels.ensure_remote(act.session, target, now=act.now)
    act.found["target_inbox"] = target.inbox
    # Whoever was let in before, by an Add or an earlier Follow, has its answer from that.
    if not target.is_local or not (is_open or was_accepted):
        return []
    if target.type == "Group" and not was_accepted:
        act.publish(LiveEvent("member_added", channel_id=target.id, actor_id=act.actor.id))
    # Ours need no answer: they see what came of it.
    return [] if act.is_local else [build.accept(actor=target.uri, object=act.activity)]


def _authorise_here(act: Act, target: Actor) -> None:
    if expulsion.space_of(act, target.uri) is not None:
        # It is joined, and to others it is not there by ActivityPub alone (docs/decisions.md, 41).
        raise ForbiddenError("a conference is joined, not followed")
    channel = find_channel(act.session, target.id)
    reason = _reason_against(act, target, channel)
    if reason is None:
        return
    if act.is_local or not _is_known_there(act, channel):
        raise ForbiddenError(reason)
    raise RefusedError(reason, answer=build.reject(actor=target.uri, object=act.activity))


def _reason_against(act: Act, target: Actor, channel: Channel | None) -> str | None:
    if target.uri == act.uris.instance:
        return "the instance has no followers"
    if is_blocked(act.session, by=target.id, actor_id=act.actor.id):
        return BLOCKED
    if is_banned(act.session, act.actor.id, channel.space_id if channel else get_home_space(act.session).actor_id):
        return BANNED if channel else "you are banned from this server"
    # Nobody is asked in to a private channel by asking; its members are let in by Add.
    if channel is not None and not may_see(act.session, remote_viewer(act.actor), place_of_channel(channel)):
        return "the channel is closed"
    is_one_more = target.manually_approves and _is_new(act, target)
    if is_one_more and count_waiting_for(act.session, target.id) >= WAITING_MAX:
        return "too many wait for this actor's answer"
    return None


def _is_new(act: Act, target: Actor) -> bool:
    return find_follow(act.session, act.actor.id, target.id) is None


def _is_known_there(act: Act, channel: Channel | None) -> bool:
    """To a server without a member in it, a private channel is not there: it hears no more than of one that never was,
    and could not have the channel's key to believe the answer by."""
    if channel is None:
        return True
    server = replace(remote_viewer(act.actor), is_instance=True)
    return may_see(act.session, server, place_of_channel(channel))
