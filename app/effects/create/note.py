"""Create a Note: a message in a channel, or a direct one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from activitypub import html
from activitypub.documents import Activity, Audience, Note
from activitypub.uris import same_origin
from activitypub.words import words_of
from app.act import Act, LiveEvent
from app.effects.access import BANNED, REFUSED, is_passed_on
from app.effects.notifying import notify_mentioned
from app.effects.relaying import list_followers, relay
from app.effects.speaking import authorise_sender, check_sending
from app.errors import ConflictError, ErrorCode, ForbiddenError, InvalidInputError, NotFoundError
from app.ids import new_id
from app.projections import actors, conversations, files, messages
from app.queries.actors import find_any, is_banned, is_refused_by_any
from app.queries.channels import NO_SUCH_CHANNEL, find_channel_with_actor
from app.queries.embeds import show_embeds
from app.queries.messages import EMPTY, Content, MessageView, author_with_account, find_by_uri
from app.queries.permissions import Permissions, get_permissions_at
from app.queries.placement import Placement, find_placement
from app.queries.server_settings import MAX_MESSAGE_LENGTH, server_settings
from app.queries.tombstones import was_deleted
from app.queries.viewers import remote_viewer
from app.queries.visibility import Place, may_see, place_of_channel

if TYPE_CHECKING:
    from app.models import Actor, Channel

MAX_TEXT = MAX_MESSAGE_LENGTH


class WrongPlaceError(InvalidInputError):
    error_code = ErrorCode.WRONG_REFERENCE


def authorise(act: Act, note: Note) -> None:
    if note.attributed_to != act.actor.uri or not act.owns(note.id):
        raise ForbiddenError("only its author can publish a message")
    # Both name the audience, and peers differ in which of the two they fill (contracts/peers.md, 4).
    addressed = note.addressed.merged(act.activity.addressed)
    placement = _find_placement(act, note, addressed)
    if placement is None:
        raise NotFoundError("nobody here is addressed")
    _check_is_new(act, note, placement)
    authorise_in(act, placement, act.actor)
    check_says_something(act, note)
    if act.is_local:
        check_length(note)
    act.found["placement"] = placement
    act.scope = placement.scope
    act.audience = placement.audience


def _find_placement(act: Act, note: Note, addressed: Audience) -> Placement | None:
    placement = find_placement(act.session, act.uris, note, act.actor, addressed=addressed, via=act.via)
    is_placed = act.via is not None or (placement is not None and placement.channel is not None)
    if is_placed or not addressed.is_public:
        return placement
    bringer = _find_bringer(act, note)
    if bringer is None:
        return placement
    brought = find_placement(act.session, act.uris, note, act.actor, addressed=addressed, via=bringer)
    if brought is None or brought.channel is None:
        return placement
    act.via = bringer
    return brought


def _find_bringer(act: Act, note: Note) -> Actor | None:
    """The channel elsewhere in which a note answers, if its own server has brought the note: PeerTube sends comments on
    a channel's videos to those who follow it, and forwards those of others, and neither name the channel."""
    if act.is_local or note.in_reply_to is None:
        return None
    parent = find_by_uri(act.session, note.in_reply_to)
    if parent is None or parent.audience != "public":
        return None
    found = find_channel_with_actor(act.session, parent.channel_id)
    is_its_own = found is not None and not found[1].is_local and same_origin(act.brought_by, found[1].uri)
    return found[1] if found is not None and is_its_own else None


def _check_is_new(act: Act, note: Note, placement: Placement) -> None:
    """Raises ConflictError. Of our own messages nothing is noted: their ids are fresh, and unique in the table."""
    if note.id not in act.noted:
        return
    is_taken = find_by_uri(act.session, note.id) is not None or find_any(act.session, note.id) is not None
    if is_taken or was_deleted(act.session, note, placement.group):
        raise ConflictError("its id is that of a message published before, or of an actor")


def check_says_something(act: Act, note: Note) -> None:
    """Raises InvalidInputError."""
    if note.is_empty and not embeds_of(act, note):
        raise InvalidInputError(EMPTY)


def check_length(note: Note) -> None:
    """Raises InvalidInputError for one of ours that says more than the staff lets people say at once."""
    limit = server_settings().max_message_length
    if len(note.source or "") > limit:
        raise InvalidInputError(f"the message is too long. Limit: {limit} characters")


def authorise_in(act: Act, placement: Placement, author: Actor) -> None:
    """Whether the author may write there. Raises AppError."""
    if placement.channel is None or placement.group is None:
        _authorise_direct(act, placement, author)
        return
    channel, group = placement.channel, placement.group
    if channel.type == "category":
        raise WrongPlaceError("A category has no messages.")
    if channel.type == "voice":
        raise InvalidInputError("Messages cannot be sent to voice-only channels. Use a text or mixed channel.")
    if not group.is_local:
        _authorise_elsewhere(act, channel, group, author)
        return
    if placement.is_seen or _sees(act, author, place_of_channel(channel)):
        _check_sending(act, channel, author)
        return
    if is_banned(act.session, author.id, channel.space_id):
        raise ForbiddenError(BANNED)
    raise NotFoundError(NO_SUCH_CHANNEL)


def apply(act: Act, note: Note, *, edited_at: datetime | None = None) -> list[Activity]:
    placement: Placement = act.found.pop("placement")
    permissions: Permissions | None = act.found.pop("permissions", None)
    if placement.group is not None and placement.group.is_local:
        list_followers(act, placement.group.id)  # Now: others wait for the channel from `store` until the commit.
    stored = store(act, note, placement, act.actor, edited_at=edited_at)
    act.found["message_id"] = stored.id
    if permissions is not None:
        act.found["view"] = _view(act, note, placement, stored, permissions)
    if placement.channel is None or placement.group is None:
        return []
    return relay(act, placement.channel, placement.group, note_uri=note.id if act.audience == "public" else None)


class Stored(msgspec.Struct, frozen=True):
    id: str
    position: int
    published_at: datetime
    content: Content


def store(act: Act, note: Note, placement: Placement, author: Actor, *, edited_at: datetime | None = None) -> Stored:
    """Write the message and tell who sees it."""
    content, published_at = content_of(note, embeds_of(act, note)), note.published or act.now
    message_id = (act.uris.local_id(note.id) if author.is_local else None) or new_id("msg")
    if placement.conversation_id is not None and not placement.is_group:
        messages.ensure_conversation(act.session, placement.conversation_id, placement.people, now=act.now)
        _note_thread(act, note, placement)
    files.add(act.session, act.private.get("new_files", ()), now=act.now)
    position = messages.add(
        act.session,
        id=message_id,
        uri=note.id,
        author_id=author.id,
        channel_id=placement.channel_id,
        conversation_id=placement.conversation_id,
        audience=placement.audience,
        in_reply_to=note.in_reply_to,
        published_at=published_at,
        edited_at=edited_at,
        content=content,
    )
    files.attach(act.session, message_id, act.private.get("attached", ()))
    notify_mentioned(act, note, message_id, author.id, placement.channel)
    act.publish(
        LiveEvent(
            "message" if placement.channel else "direct_message",
            channel_id=placement.channel_id,
            conversation_id=placement.conversation_id,
            message_id=message_id,
            actor_id=author.id,
        )
    )
    return Stored(message_id, position, published_at, content)


def _note_thread(act: Act, note: Note, placement: Placement) -> None:
    """What is said by ours in a conversation of several is called as it was last called from elsewhere: that may be a
    group where it is at home, and other programs sort by it."""
    thread = note.context or note.conversation
    if act.is_local or len(placement.people) <= 2 or thread is None or act.uris.is_local(thread):
        return
    conversations.note_thread(act.session, placement.conversation_id or "", thread)


def _view(act: Act, note: Note, placement: Placement, stored: Stored, permissions: Permissions) -> MessageView | None:
    """What one of ours has just said as it will be read, for the answer; None where more would have to be looked up."""
    reply_to = act.uris.local_id(note.in_reply_to) if note.in_reply_to else None
    if note.in_reply_to and reply_to is None:
        return None
    return MessageView(
        id=stored.id,
        uri=note.id,
        channel_id=placement.channel_id,
        conversation_id=placement.conversation_id,
        position=stored.position,
        audience=placement.audience,
        in_reply_to=note.in_reply_to,
        reply_to=reply_to,
        published_at=stored.published_at,
        edited_at=None,
        author=author_with_account(act.actor, permissions),
        content=stored.content,
    )


def embeds_of(act: Act, note: Note) -> Sequence[dict[str, Any]]:
    """As their author gave them, or as another server has written them."""
    given: Sequence[dict[str, Any]] | None = act.private.get("embeds")
    return show_embeds(note.embeds) if given is None and not act.is_local else given or ()


def content_of(note: Note, embeds: Sequence[dict[str, Any]] = ()) -> Content:
    """What a note says, made safe. A post is its warning, its title, its text, what else it tells and its link."""
    clean = html.sanitise(html.from_text(note.content, {}) if note.is_plain else note.content)
    text = note.source if note.source is not None else words_of(clean)
    warning = f"\N{WARNING SIGN} {note.warning}" if note.warning else None
    link = note.link if note.name or not text else None
    text = "\n\n".join(part for part in (warning, note.name, text, "\n".join(note.details), link) if part)
    return Content(
        text=text.replace("\x00", "")[:MAX_TEXT],
        html=clean,
        attachments=note.attachments,
        mentions={mention.href: mention.name for mention in note.mentions},
        embeds=tuple(embeds),
    )


def _authorise_direct(act: Act, placement: Placement, author: Actor) -> None:
    if author.is_local:
        authorise_sender(act, author)
        actors.keep(act.session, author.id)
    others = [person.id for person in placement.people if person.id != author.id]
    if is_refused_by_any(act.session, by=others, actor_id=author.id):
        raise ForbiddenError(REFUSED)


def _authorise_elsewhere(act: Act, channel: Channel, group: Actor, author: Actor) -> None:
    """In another server's channel its home decides: we believe its own people and what the channel relays."""
    if author.is_local:
        if not _sees(act, author, place_of_channel(channel)):
            raise NotFoundError(NO_SUCH_CHANNEL)
        _check_sending(act, channel, author)
        return
    if not is_passed_on(act, group):
        raise ForbiddenError("the channel's own server has not passed this on")


def _check_sending(act: Act, channel: Channel, author: Actor) -> None:
    check_sending(act.session, author.id, channel, act.found.get("permissions"), now=act.now)


def _sees(act: Act, author: Actor, place: Place) -> bool:
    if not author.is_local:
        return may_see(act.session, remote_viewer(author), place)
    permissions, sees = get_permissions_at(act.session, author, place)
    act.found["permissions"] = permissions
    return sees
