"""Whether an actor may do something to a message: the one rule for reactions, edits and shares."""

from __future__ import annotations

from typing import Final

from activitypub.uris import same_origin
from app.act import Act
from app.errors import ForbiddenError, NotFoundError
from app.models import Actor, Channel, Message
from app.queries.actors import is_banned, is_refused_by_any
from app.queries.channels import find_channel_with_actor
from app.queries.conversations import list_participants
from app.queries.messages import NO_SUCH_MESSAGE
from app.queries.visibility import may_actor_see

BANNED: Final = "you are banned from this channel"
BLOCKED: Final = "you are blocked by this actor"
REFUSED: Final = "This person does not take messages from you."


def authorise_on(act: Act, message: Message | None) -> tuple[Channel, Actor] | None:
    """The living channel the message stands in, None for a conversation, if the actor has access to it there.

    Raises NotFoundError for a message that is gone and for one that is not for the actor: missing and forbidden look
    the same outside. Raises ForbiddenError for an actor that is banned, or blocked by somebody in the conversation.
    """
    if message is None or message.deleted_at is not None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    found = find_channel_with_actor(act.session, message.channel_id)
    if found is None and message.channel_id is not None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    if found and is_banned(act.session, act.actor.id, found[0].space_id):
        raise ForbiddenError(BANNED)
    is_vouched_for = found is not None and (is_passed_on(act, found[1]) or _is_open_elsewhere(act, message, *found))
    if not is_vouched_for and not may_actor_see(act.session, act.actor, message):
        raise NotFoundError(NO_SUCH_MESSAGE)
    if message.conversation_id is not None:
        check_blocks(act, message.conversation_id)
    return found


def check_blocks(act: Act, conversation_id: str) -> None:
    """Who is blocked there, or banned from this server, writes nothing there any more, neither anew nor into what was
    said before.

    Raises ForbiddenError.
    """
    people = [person.id for person in list_participants(act.session, conversation_id)]
    if is_refused_by_any(act.session, by=people, actor_id=act.actor.id):
        raise ForbiddenError(BLOCKED)


def is_passed_on(act: Act, group: Actor) -> bool:
    """Whether a channel elsewhere vouches for what somebody elsewhere does in it.

    Who is a member there, only its home knows: we believe its own people, and what the channel itself relays.
    """
    if group.is_local or act.is_local:
        return False
    return same_origin(act.actor.uri, group.uri) or (act.via is not None and act.via.id == group.id)


def _is_open_elsewhere(act: Act, message: Message, channel: Channel, group: Actor) -> bool:
    """Said in public in another server's open channel: then the rest of the world may react to it here, too."""
    return not (act.is_local or group.is_local or channel.is_private) and message.audience == "public"
