"""Announce: a channel elsewhere passes on what was said in it, or somebody shares a message."""

from __future__ import annotations

from datetime import UTC, datetime

from activitypub.documents import Activity, Note, parse_object
from activitypub.uris import same_origin
from app.act import Act
from app.effects.access import authorise_on
from app.effects.create.note import authorise_in, check_says_something, store
from app.effects.update.note import check_is_edited, rewrite
from app.errors import ForbiddenError, NotFoundError
from app.models import Actor, Channel, Message
from app.projections import messages
from app.queries.activities import find_by_uri as find_activity
from app.queries.actors import find_any, hold_actor
from app.queries.channels import find_channel, find_heard_channel
from app.queries.messages import NO_SUCH_MESSAGE, find_by_uri, scope_of, stands_in
from app.queries.placement import Placement, find_own_placement, may_pass_on
from app.queries.tombstones import was_deleted


def authorise(act: Act) -> None:
    """A Group's Announce is either of something known by now, or of a note a worker has fetched from its home; of one
    that is known, too, if it was edited."""
    if act.is_local and act.actor.type == "Group":
        # What a channel of ours passes on was authorised when it was done.
        act.scope = act.actor.id
        act.audience = "public" if act.activity.addressed.is_public else "members"
        return
    message = find_by_uri(act.session, act.activity.object_id)
    if message is not None:
        _authorise_share(act, message)
        if act.gathered.find(message.uri) is not None:
            _authorise_edit(act, message)
        return
    if find_activity(act.session, act.activity.object_id or "") is not None:
        return
    channel = _get_followed(act)
    note = _get_fetched(act)
    # A page for people, a redirect or a fragment leads to what may be known under its own id.
    message = find_by_uri(act.session, note.id) if note.id != act.activity.object_id else None
    if message is not None:
        _authorise_share(act, message)
        return
    _authorise_relayed(act, note, channel)


def apply(act: Act) -> list[Activity]:
    note: Note | None = act.found.pop("note", None)
    message = act.found.pop("message", None)
    if note is not None and message is not None:
        rewrite(act, note, message, find_channel(act.session, message.channel_id))
    elif note is not None:
        store(act, note, act.found.pop("placement"), act.found.pop("author"))
    elif message is not None and act.actor.type != "Group":
        messages.share(act.session, message, act.actor, activity_uri=act.activity.id or "", now=act.now)
    return []


def _authorise_share(act: Act, message: Message) -> None:
    """A share of what was not said in public would show it to people it was not meant for."""
    if act.actor.id != message.channel_id:
        authorise_on(act, message)
        if message.audience != "public":
            raise ForbiddenError("this message is not public")
    elif message.deleted_at is not None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    act.found["message"] = message
    act.scope = scope_of(message)
    act.audience = message.audience


def _authorise_edit(act: Act, message: Message) -> None:
    """Sets `note`, of a message that stands in the channel that announces it. Its author is asked for anew.

    Raises ConflictError where nothing was edited: a channel cannot have it shown that something was.
    """
    note = _get_fetched(act)
    author = hold_actor(act.session, note.attributed_to)
    if note.id != message.uri or author.id != message.author_id or author.is_local:
        raise ForbiddenError("only its author can edit a message")
    if not (stands_in(message, act.actor.id) and may_pass_on(act.actor, note.addressed)):
        raise NotFoundError(NO_SUCH_MESSAGE)
    check_says_something(act, note)
    check_is_edited(act, note, message)
    act.found["note"] = note


def _get_followed(act: Act) -> Channel:
    """The channel elsewhere that announces, which somebody here follows. Raises NotFoundError."""
    channel = None if act.is_local else find_heard_channel(act.session, act.actor.id)
    if channel is None:
        raise NotFoundError("nobody here follows this")
    return channel


def _get_fetched(act: Act) -> Note:
    """The note that is announced, as its home has it. Raises NotFoundError where it is no such thing."""
    document = act.gathered.find(act.activity.object_id)
    note = parse_object(dict(document), now=datetime.now(UTC)) if document is not None else None
    if not isinstance(note, Note) or not same_origin(note.id, note.attributed_to):
        raise NotFoundError("what was announced is not a message")
    return note


def _authorise_relayed(act: Act, note: Note, channel: Channel) -> None:
    """Sets `note`, `placement` and `author`."""
    if not may_pass_on(act.actor, note.addressed):
        raise ForbiddenError("what was announced was not said to the channel")
    author: Actor = hold_actor(act.session, note.attributed_to)
    if was_deleted(act.session, note, act.actor) or find_any(act.session, note.id) is not None:
        raise NotFoundError("what was announced is deleted, or is an actor")
    if author.is_local:
        raise ForbiddenError("a message of this server cannot come from outside")
    own = find_own_placement(act.session, act.uris, note, author, addressed=note.addressed, via=act.actor)
    if own is not None:
        raise ForbiddenError("what was announced was said elsewhere, and comes by itself")
    audience = "public" if note.addressed.is_public else "members"
    placement = Placement(audience, channel=channel, group=act.actor)
    act.via = act.actor
    authorise_in(act, placement, author)
    check_says_something(act, note)
    act.found |= {"note": note, "placement": placement, "author": author}
    act.scope, act.audience = placement.scope, audience
