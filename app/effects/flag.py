"""Flag: somebody asks the moderators to look at a person, or at messages of theirs.

It stays here: who reported is told to nobody but the moderators. A report about another server's person goes there
only if the reporter asks for it, and then in the name of this server (reliability.md, section 5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from activitypub import build
from activitypub.documents import Activity
from activitypub.flags import parse_flag
from app.act import Act, LiveEvent
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.models import Actor, Channel, Message
from app.projections import reports
from app.queries.actors import PEOPLE, list_by_uris
from app.queries.channels import get_home_space
from app.queries.messages import list_by_uris as list_messages
from app.queries.permissions import get_permissions
from app.queries.reports import has_reported_enough, was_reported
from app.queries.viewers import remote_viewer
from app.queries.visibility import may_see, place_of_message

NOTHING = "There is nothing to report."
_ONCE_WITHIN = timedelta(hours=1)


def authorise(act: Act) -> None:
    """Of what another server names, only what it could read counts; of ours, the reporter must see all of it."""
    if _is_passed_on(act):
        return
    flag = parse_flag(act.activity.document)
    viewer = get_permissions(act.session, act.actor).viewer if act.is_local else remote_viewer(act.actor)
    named = list_messages(act.session, flag.objects)
    seen = [
        (message, channel)
        for message, channel in named
        if message.deleted_at is None and may_see(act.session, viewer, place_of_message(message, channel))
    ]
    if act.is_local and len(seen) < len(named):
        raise NotFoundError(NOTHING)
    target = _target(act, flag.objects, seen)
    is_by_id = "object_id" in act.private
    if target.id == act.actor.id and not is_by_id:
        raise InvalidInputError("Nobody reports themselves.")
    mine = [message for message, _ in seen if message.author_id == target.id]
    ids, since = [message.id for message in mine], act.now - _ONCE_WITHIN
    if not is_by_id and was_reported(act.session, act.actor, target, ids, since=since):
        raise ConflictError("You reported this already.")
    if has_reported_enough(act.session, act.actor, since=since):
        raise ConflictError("So many reports of yours wait for an answer that more would not be read.")
    act.found |= {"target": target, "messages": mine, "flag": flag}


def apply(act: Act) -> list[Activity]:
    if _is_passed_on(act):
        return []
    target, messages, flag = act.found.pop("target"), act.found.pop("messages"), act.found.pop("flag")
    report_id = reports.add(
        act.session,
        act.actor,
        target,
        messages,
        category=act.private.get("category", "other"),
        description=flag.text or None,
        activity_uri=act.activity.id or "",
        now=act.now,
        object_id=act.private.get("object_id"),
    )
    act.found["report_id"] = report_id
    home = get_home_space(act.session).actor_id
    act.publish(LiveEvent("report_created", channel_id=home, actor_id=act.actor.id, data={"report_id": report_id}))
    if target.is_local or not act.private.get("forward"):
        return []
    named = [target.uri, *(message.uri for message in messages)]
    return [build.flag(actor=act.uris.instance, objects=named, content=flag.text, to=[target.uri])]


def _is_passed_on(act: Act) -> bool:
    """What this server says to another in the reporter's place; the report itself is here already."""
    return act.is_local and act.actor.uri == act.uris.instance


def _target(act: Act, named: Sequence[str], seen: Sequence[tuple[Message, Channel | None]]) -> Actor:
    """The person it is about: named, or the one whose messages are.

    What somebody elsewhere has said in a channel of ours is our moderators' business, too: Lemmy's people report it to
    the channel.
    """
    people = [actor for actor in list_by_uris(act.session, named) if actor.type in PEOPLE]
    if not people and seen:
        people = [act.session.get_one(Actor, seen[0][0].author_id)]
    guests = {message.author_id for message, channel in seen if channel and _is_ours(act, channel)}
    ours = [actor for actor in people if actor.is_local or act.is_local or actor.id in guests]
    if not ours:
        raise NotFoundError(NOTHING)
    return ours[0]


def _is_ours(act: Act, channel: Channel) -> bool:
    return act.session.get_one(Actor, channel.actor_id).is_local
