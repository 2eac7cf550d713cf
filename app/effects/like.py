"""Like and EmojiReact: a reaction to a message, with an emoji or a plain heart (FEP-c0e0)."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects.access import BLOCKED, authorise_on
from app.effects.relaying import relay
from app.effects.speaking import check_not_timed_out
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Message
from app.projections import messages
from app.queries.actors import is_blocked
from app.queries.messages import NO_SUCH_MESSAGE, find_by_uri, scope_of
from app.queries.permissions import get_permissions
from app.queries.reactions import (
    MOST_BY_ONE,
    has_domain_reacted_enough,
    has_reacted_enough,
    is_emoji,
    read_emoji,
)


def authorise(act: Act) -> None:
    """Whoever reads a message may react to it (contracts/punctum.md, 5.5), but not who is timed out here: between two
    colons there is room for words."""
    message = find_by_uri(act.session, act.activity.object_id)
    if message is None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    found = authorise_on(act, message)
    if act.is_local:
        check_not_timed_out(get_permissions(act.session, act.actor), now=act.now)
    if is_blocked(act.session, by=message.author_id, actor_id=act.actor.id):
        raise ForbiddenError(BLOCKED)
    if act.is_local and act.activity.content and not is_emoji(act.activity.content.strip()):
        raise InvalidInputError("A reaction is one emoji.")
    if has_reacted_enough(act.session, message.id, act.actor.id, besides=read_emoji(act.activity.content)):
        raise ConflictError(f"Nobody gives one message more than {MOST_BY_ONE} reactions.")
    if has_domain_reacted_enough(act.session, message.id, act.actor):
        raise ConflictError("this domain has given the message very many reactions")
    act.found |= {"message": message, "channel": found}
    act.scope = scope_of(message)
    act.audience = message.audience


def apply(act: Act) -> list[Activity]:
    message: Message = act.found.pop("message")
    found = act.found.pop("channel")
    emoji = read_emoji(act.activity.content)
    is_new = messages.react(
        act.session, message, act.actor, emoji=emoji, activity_uri=act.activity.id or "", now=act.now
    )
    if not is_new:
        return []
    act.publish(
        LiveEvent(
            "message_reaction_added",
            channel_id=message.channel_id,
            conversation_id=message.conversation_id,
            message_id=message.id,
            actor_id=act.actor.id,
            data={"emoji": emoji},
        )
    )
    return relay(act, *found) if found else []
