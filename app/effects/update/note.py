"""Update a Note: the author edits a message."""

from __future__ import annotations

from activitypub.documents import Activity, Note
from app.act import Act, LiveEvent
from app.effects.create.note import MAX_TEXT, content_of
from app.effects.relaying import relay
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.models import Message
from app.projections import messages
from app.queries.actors import is_banned
from app.queries.channels import find_channel_with_actor
from app.queries.messages import NO_SUCH_MESSAGE, find_by_uri, scope_of
from app.queries.visibility import may_actor_see


def authorise(act: Act, note: Note) -> None:
    """The stored audience stays what it was, whatever the edited note says (hostile case ORI-17)."""
    message = find_by_uri(act.session, note.id)
    if message is None or message.deleted_at is not None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    if note.attributed_to != act.actor.uri or message.author_id != act.actor.id:
        raise ForbiddenError("only its author can edit a message")
    if not may_actor_see(act.session, act.actor, message):
        raise NotFoundError(NO_SUCH_MESSAGE)
    found = find_channel_with_actor(act.session, message.channel_id)
    if found and is_banned(act.session, act.actor.id, found[0].space_id):
        raise ForbiddenError("you are banned from this channel")
    if not (note.content or note.name or note.attachments):
        raise InvalidInputError("Either a message or attachments must be provided.")
    if act.is_local and len(note.source or "") > MAX_TEXT:
        raise InvalidInputError(f"the message is too long. Limit: {MAX_TEXT} characters")
    act.found |= {"message": message, "channel": found}
    act.scope = scope_of(message)
    act.audience = message.audience


def apply(act: Act, note: Note) -> list[Activity]:
    message: Message = act.found.pop("message")
    found = act.found.pop("channel")
    edited_at = note.updated or act.signed_at
    if edited_at < (message.edited_at or message.published_at):
        return []  # An older edit that took the longer way (hostile case ORI-22).
    messages.edit(act.session, message, content=content_of(note), edited_at=edited_at)
    act.found["message_id"] = message.id
    act.publish(
        LiveEvent(
            "message_edited",
            channel_id=message.channel_id,
            conversation_id=message.conversation_id,
            message_id=message.id,
            actor_id=act.actor.id,
        )
    )
    return relay(act, *found) if found else []
