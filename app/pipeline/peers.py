"""Peers: what other instances are to be told of an activity over Punctum, as ids that wait beside the deliveries.

A space of ours tells those that subscribe to it; of one that is at home elsewhere, its home alone is told, and only
of what our people did there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.act import Act, LiveEvent
from app.db import find_loaded
from app.ids import INSTANCE_ID
from app.models import Actor, Channel
from app.projections import peers
from app.queries.actors import PEOPLE
from app.queries.channels import find_channel
from app.queries.conversations import list_participants_elsewhere
from app.queries.messages import MAX_PAGE, list_conversation
from app.queries.peers import (
    LEAVE,
    find_home,
    find_origin,
    find_peer,
    has_member_at,
    list_known,
    list_listeners,
    list_subscribed_spaces,
    list_subscribers,
)
from app.settings import current

CHANGED = "changed"
REACTION = "reaction"
CHANNELS = "channels"
SUBSCRIBE = "subscribe"
REPORT = "report"

_MESSAGES = frozenset({"message", "direct_message", "message_edited", "message_deleted"})
_PINS = "message_pinned"
_REACTIONS = {"message_reaction_added": True, "message_reaction_removed": False}
_CHANNELS = frozenset({"channel_created", "channel_updated", "channel_deleted"})
_SPACES = frozenset({"space_changed", "space_deleted"})
_NAMED = ("member_id", "role_id", "invite_id", "emoji_id")
# By which people of an instance may come to see other channels than before.
_OF_PERMISSIONS = frozenset({"member_changed", "role_changed", "role_deleted", "space_changed"})
_GROUPS = frozenset({"conversation_created", "conversation_changed"})
_ENDS = frozenset({"member_removed", "member_kicked"})


def tell_peers(act: Act) -> None:
    for event in act.events:
        _tell_of_event(act, event)
        if event.type == "server_updated":
            for domain in list_listeners(act.session):
                peers.put(act.session, domain, CHANGED, INSTANCE_ID, now=act.now)
    if act.activity.type in {"Update", "Delete"} and act.activity.object_id == act.actor.uri:
        _tell_of_person(act)
    if act.activity.type == "Flag":
        _tell_of_report(act)


def _tell_of_event(act: Act, event: LiveEvent) -> None:
    if event.conversation_id is not None:
        _tell_of_conversation(act, event)
        return
    object_id = _object_of(event)
    space_id = _space_of(act, event) if object_id is not None else None
    if object_id is None or space_id is None:
        return
    home = find_home(act.session, space_id)
    if home is not None:
        if act.is_local and not current().refuses(home):
            _tell_home(act, event, home, object_id)
        return
    if "former_space_id" in event.data:
        _tell_former(act, object_id, event.data["former_space_id"], space_id)
    for domain in list_subscribers(act.session, space_id):
        # Who did it knows of it.
        if domain != act.actor.host:
            peers.put(act.session, domain, CHANGED, object_id, now=act.now)
        if event.type in _OF_PERMISSIONS:
            peers.put(act.session, domain, CHANNELS, space_id, now=act.now)
        if event.type == "space_deleted" or (event.type in _ENDS and _was_last(act, space_id, domain)):
            peers.unsubscribe(act.session, space_id, domain)


def _tell_former(act: Act, channel_id: str, former_id: str, space_id: str) -> None:
    """Who saw a channel in another space until now hears that it is closed there, if they do not see it where it is;
    and who is in that space, what was said in it."""
    for domain in list_subscribers(act.session, former_id):
        peers.put(act.session, domain, CHANGED, channel_id, now=act.now, data={"space_id": former_id})
    for domain in list_subscribers(act.session, space_id):
        peers.put(act.session, domain, CHANNELS, space_id, now=act.now)


def _was_last(act: Act, space_id: str, domain: str) -> bool:
    """Whether nobody of the instance is left in the space; whoever comes in meanwhile waits (`peers.hold`)."""
    peers.hold(act.session, domain, now=act.now)
    return not has_member_at(act.session, space_id, domain)


def _space_of(act: Act, event: LiveEvent) -> str | None:
    """The space with bits that it happened in: the home space is heard of over ActivityPub."""
    if event.channel_id is None:
        return None
    if event.channel_id.startswith("space_"):
        return event.channel_id
    channel = find_loaded(act.session, Channel, event.channel_id)
    if channel is None and event.type in _CHANNELS:
        channel = find_channel(act.session, event.channel_id)
    return channel.space_id if channel is not None and channel.has_bits else None


def _object_of(event: LiveEvent) -> str | None:
    if event.type in _MESSAGES or event.type in _REACTIONS or event.type == _PINS:
        return event.message_id
    if event.type in _CHANNELS or event.type in _SPACES:
        return event.channel_id
    return next((event.data[name] for name in _NAMED if event.data.get(name)), None)


def _tell_of_conversation(act: Act, event: LiveEvent) -> None:
    """Everybody in it who cannot be reached over ActivityPub, of what one of ours said or did there."""
    if event.type in _GROUPS:
        _tell_of_group(act, event)
    elif act.is_local and event.message_id is not None:
        people = list_participants_elsewhere(act.session, event.conversation_id or "")
        for host in _list_hosts([person for person in people if _is_reached_here_alone(person)]):
            _tell_home(act, event, host, event.message_id)


def _tell_of_group(act: Act, event: LiveEvent) -> None:
    """Of one of ours, everybody in it that it has changed, and who was added what was said last; of one that is at
    home elsewhere, its home that somebody has left.

    ActivityPub has no word for a group, so those are told, too, whose instance has spoken Punctum with us.
    """
    conversation_id = event.conversation_id or ""
    home = find_origin(act.session, conversation_id)
    if home is not None:
        if not current().refuses(home.domain):
            data = {"actor_id": act.actor.id}
            peers.put(act.session, home.domain, LEAVE, conversation_id, now=act.now, about=act.actor.id, data=data)
        return
    people = list_participants_elsewhere(act.session, conversation_id)
    known = list_known(act.session, {person.host for person in people if person.host})
    reached = [person for person in people if person.host in known or _is_reached_here_alone(person)]
    for host in _list_hosts(reached):
        peers.put(act.session, host, CHANGED, conversation_id, now=act.now)
    new_hosts = _list_hosts([person for person in reached if person.id in event.data.get("added", ())])
    said = list_conversation(act.session, conversation_id, page=1, size=MAX_PAGE) if new_hosts else []
    for host in new_hosts:
        for view in said:
            peers.put(act.session, host, CHANGED, view.id, now=act.now)


def _list_hosts(people: Sequence[Actor]) -> list[str]:
    hosts = sorted({person.host for person in people if person.host})
    return [host for host in hosts if not current().refuses(host)]


def _is_reached_here_alone(person: Actor) -> bool:
    return not (current().activitypub and person.inbox)


def _tell_home(act: Act, event: LiveEvent, home: str, object_id: str) -> None:
    """Of a place that is not ours alone: what was said is an object of ours, all else a request on behalf of ours."""
    if event.type in _MESSAGES:
        peers.put(act.session, home, CHANGED, object_id, now=act.now)
    elif event.type in _REACTIONS:
        sign = str(event.data.get("emoji"))
        data = {"actor_id": act.actor.id, "sign": sign, "is_set": _REACTIONS[event.type]}
        about = f"{act.actor.id} {sign.encode().hex()[:96]}"
        peers.put(act.session, home, REACTION, object_id, now=act.now, about=about, data=data)
    elif event.type == "member_removed":
        peers.put(act.session, home, LEAVE, object_id, now=act.now, data={"actor_id": act.actor.id})


def _tell_of_person(act: Act) -> None:
    """Whoever subscribes to one of ours; over ActivityPub where that is spoken (contracts/punctum.md, D-40)."""
    if act.actor.type not in PEOPLE:
        return
    if not act.is_local:
        _leave_with_the_last(act)
        return
    tell_of_person(act.session, act.actor.id, now=act.now)
    if act.activity.type == "Delete":
        for domain in list_subscribers(act.session, act.actor.id):
            peers.unsubscribe(act.session, act.actor.id, domain)


def _leave_with_the_last(act: Act) -> None:
    """Whoever is deleted elsewhere is in no space any more."""
    domain = act.actor.host
    if act.activity.type != "Delete" or domain is None:
        return
    for space_id in list_subscribed_spaces(act.session, domain):
        if _was_last(act, space_id, domain):
            peers.unsubscribe(act.session, space_id, domain)


def tell_of_person(session: Session, actor_id: str, *, now: datetime) -> None:
    """One of ours is described anew, or chose another status."""
    for domain in list_subscribers(session, actor_id):
        peer = find_peer(session, domain)
        if not (current().activitypub and peer is not None and peer.speaks_activitypub):
            peers.put(session, domain, CHANGED, actor_id, now=now)


def _tell_of_report(act: Act) -> None:
    """The home of what it is about, and not who made it (contracts/punctum.md, 6, H-39)."""
    object_id = str(act.private.get("object_id", ""))
    origin = find_origin(act.session, object_id) if act.is_local and object_id else None
    if origin is not None and not current().refuses(origin.domain):
        about, data = str(act.found.get("report_id")), {"note": act.activity.content or ""}
        peers.put(act.session, origin.domain, REPORT, object_id, now=act.now, about=about, data=data)
