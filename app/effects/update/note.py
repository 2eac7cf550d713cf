"""Update a Note: the author edits a message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from activitypub.documents import Activity, Note
from activitypub.times import EARLIEST, FUTURE_SLACK
from app.act import Act, LiveEvent
from app.effects.access import authorise_on
from app.effects.create import note as creation
from app.effects.notifying import notify_mentioned
from app.effects.relaying import relay
from app.effects.speaking import authorise_sender
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Channel, Message
from app.projections import files, messages
from app.queries.bits import Bit
from app.queries.messages import EMPTY, NO_SUCH_MESSAGE, find_by_uri, open_content, scope_of
from app.queries.standing import find_standing

# An Update may overtake its Create on another way to us (fault F26); one of an older message that never came here is
# of no interest.
_OVERTAKES_WITHIN = timedelta(days=1)


def authorise(act: Act, note: Note) -> None:
    """The stored audience stays what it was, whatever the edited note says (hostile case ORI-17)."""
    message = find_by_uri(act.session, note.id)
    if message is None:
        _authorise_early(act, note)
        return
    if note.attributed_to != act.actor.uri or message.author_id != act.actor.id:
        raise ForbiddenError("only its author can edit a message")
    found = authorise_on(act, message)
    if act.is_local:
        authorise_sender(act, act.actor)
    if found and found[0].has_bits and (act.is_local or found[1].is_local):
        find_standing(act.session, act.actor.id, found[0].space_id or "", found[0].actor_id).require(Bit.OWN)
    if note.is_empty and not _embeds(act, note, message):
        raise InvalidInputError(EMPTY)
    if act.is_local:
        creation.check_length(note)
    else:
        check_is_edited(act, note, message)
    act.found |= {"message": message, "channel": found}
    act.scope = scope_of(message)
    act.audience = message.audience


def check_is_edited(act: Act, note: Note, message: Message) -> None:
    """Raises ConflictError where another server's message says no other thing than before, and its author no later
    time: each vote in a poll is an Update of it, and none that people should be told of."""
    is_later = note.updated is not None and (message.edited_at is None or note.updated > message.edited_at)
    if not is_later and creation.content_of(note, _embeds(act, note, message)) == open_content(act.session, message):
        raise ConflictError("what is said to be edited is as it was")


def apply(act: Act, note: Note) -> list[Activity]:
    message: Message | None = act.found.pop("message", None)
    if message is None:
        return creation.apply(act, note, edited_at=_edited_at(act, note, note.published or act.now))
    found = act.found.pop("channel")
    is_edited = rewrite(act, note, message, found[0] if found else None)
    return relay(act, *found) if is_edited and found else []


def rewrite(act: Act, note: Note, message: Message, channel: Channel | None) -> bool:
    """Have the message say what its author says now, and tell who sees it; False where it was edited later than that.

    Raises NotFoundError.
    """
    if _is_older(act, note, message):
        return False  # It took the longer way (hostile case ORI-22).
    is_there = messages.edit(
        act.session,
        message,
        content=creation.content_of(note, _embeds(act, note, message)),
        edited_at=_edited_at(act, note, message.published_at),
        in_reply_to=note.in_reply_to if act.is_local else message.in_reply_to,
    )
    if not is_there:
        raise NotFoundError(NO_SUCH_MESSAGE)  # A moderator was faster; what is recorded of it goes, too.
    if act.is_local:
        shown = [attachment.url for attachment in note.attachments]
        files.keep_of_message(act.session, message.id, shown, origin=act.uris.origin)
    act.found["message_id"] = message.id
    act.publish(
        LiveEvent(
            "message_edited",
            channel_id=message.channel_id,
            conversation_id=message.conversation_id,
            message_id=message.id,
            actor_id=message.author_id,
        )
    )
    if channel is not None:
        kept = note if act.is_local else replace(note, in_reply_to=message.in_reply_to)
        notify_mentioned(act, kept, message.id, message.author_id, channel, is_edited=True)
    return True


def _embeds(act: Act, note: Note, message: Message) -> Sequence[dict[str, Any]]:
    """Those that are given, and what it had where none are."""
    if "embeds" in act.private or not act.is_local:
        return creation.embeds_of(act, note)
    content = open_content(act.session, message)
    return content.embeds if content else ()


def _is_older(act: Act, note: Note, message: Message) -> bool:
    """Whether the message was edited later than this. A time to come was noted before the clock was put back, and is
    older than any (fault F17); of two edits whose time nobody knows, the one that came last counts."""
    if message.edited_at is None or message.edited_at > act.now + FUTURE_SLACK:
        return False
    said_at = _said_at(act, note)
    return said_at < message.edited_at and not (said_at == EARLIEST and message.edited_at == message.published_at)


def _said_at(act: Act, note: Note) -> datetime:
    """When the author says; where that is nothing to go by, when it was signed."""
    return note.updated or act.signed_at


def _edited_at(act: Act, note: Note, published_at: datetime) -> datetime:
    """An edit whose time nobody knows is as old as what it edits, so that every other one is newer."""
    said_at = _said_at(act, note)
    return said_at if said_at > EARLIEST else published_at


def _authorise_early(act: Act, note: Note) -> None:
    """The message is made as it is now; the Create that comes after finds it published."""
    if act.is_local or note.published is None or act.now - note.published > _OVERTAKES_WITHIN:
        raise NotFoundError(NO_SUCH_MESSAGE)
    creation.authorise(act, note)
