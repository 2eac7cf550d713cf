"""Follow and Join: an actor asks to hear from another, or to be a member of a channel or a space."""

from __future__ import annotations

from activitypub import build
from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.errors import ForbiddenError, InvalidInputError
from app.models import Actor
from app.projections import channels, follows
from app.queries.actors import ACCEPTED, PENDING, get_actor, is_banned, is_blocked
from app.queries.channels import find_channel
from app.queries.viewers import remote_viewer
from app.queries.visibility import may_see, place_of_channel


def authorise(act: Act) -> None:
    target = get_actor(act.session, act.activity.object_id)
    if target.id == act.actor.id:
        raise InvalidInputError("Nobody follows themselves.")
    if not target.is_local and not act.is_local:
        raise ForbiddenError("this actor is not of this server")
    if target.is_local:
        _authorise_here(act, target)


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
    if target.uri == act.uris.instance:
        raise ForbiddenError("the instance has no followers")
    if is_blocked(act.session, by=target.id, actor_id=act.actor.id):
        raise ForbiddenError("you are blocked by this actor")
    channel = find_channel(act.session, target.id)
    if is_banned(act.session, act.actor.id, channel.space_id if channel else target.id):
        raise ForbiddenError("you are banned from this channel")
    if channel is None:
        return
    # To those outside, a private channel is not there; its members are let in by Add.
    if not may_see(act.session, remote_viewer(act.actor), place_of_channel(channel)):
        raise ForbiddenError("the channel is closed")
