"""Reads of messages: rows, opened texts, and the people and reactions shown beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.models import Account, Actor, Channel, Message, MessageContent, Participant, Reaction, RoleGrant
from app.queries.privileges import DEFAULT_ROLE
from app.queries.viewers import Viewer
from app.queries.visibility import may_see, place_of_message
from app.sealing import open_row

NO_SUCH_MESSAGE = "The provided message_id does not exist or could not be found."
MAX_PAGE = 50


class Attachment(msgspec.Struct, frozen=True):
    url: str
    media_type: str = ""
    name: str = ""


class Content(msgspec.Struct, frozen=True):
    """What a message says: `text` for chat clients, `html` for the world, both as they were last edited."""

    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    mentions: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Content).decode


def encode_content(content: Content) -> bytes:
    return _encode(content)


@dataclass(frozen=True, slots=True)
class Author:
    """Who said it. Another server's author has no account here, so no status and no roles but the default."""

    id: str
    uri: str
    username: str
    host: str | None
    name: str
    icon_url: str | None
    status: str
    about: str | None
    last_seen_at: datetime
    created_at: datetime
    roles: tuple[str, ...] = (DEFAULT_ROLE,)


@dataclass(frozen=True, slots=True)
class ReactionCount:
    emoji: str
    actor_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageView:
    id: str
    uri: str
    channel_id: str | None
    conversation_id: str | None
    position: int
    audience: str
    in_reply_to: str | None
    published_at: datetime
    edited_at: datetime | None
    author: Author
    content: Content
    reactions: tuple[ReactionCount, ...] = field(default=())


def scope_of(message: Message) -> str:
    """The sealing scope of a message's text: its channel or its conversation."""
    return message.channel_id or message.conversation_id or ""


def find_by_uri(session: Session, uri: str | None) -> Message | None:
    """The row, tombstones included."""
    return session.scalar(select(Message).where(Message.uri == uri)) if uri else None


def find_by_id(session: Session, id: str) -> Message | None:
    return session.scalar(select(Message).where(Message.id == id))


def get_visible(session: Session, viewer: Viewer | None, message_id: str) -> tuple[Message, Channel | None]:
    """A message, deleted ones included: who could see it may know that it is gone. Raises NotFoundError."""
    row = session.execute(
        select(Message, Channel)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .where(Message.id == message_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    message: Message = row[0]
    channel: Channel | None = row[1]  # None in a conversation.
    is_channel_gone = channel is not None and channel.deleted_at is not None
    if is_channel_gone or not may_see(session, viewer, place_of_message(message, channel)):
        raise NotFoundError(NO_SUCH_MESSAGE)
    return message, channel


def get_view_in_channel(session: Session, viewer: Viewer, channel_id: str, message_id: str) -> MessageView:
    """A living message that stands in that channel. Raises NotFoundError."""
    message, _ = get_visible(session, viewer, message_id)
    view = view_message(session, message_id) if message.channel_id == channel_id else None
    if view is None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    return view


def open_content(session: Session, message: Message) -> Content | None:
    """None when it was erased."""
    sealed = session.scalar(select(MessageContent.sealed).where(MessageContent.message_id == message.id))
    return _open(session, message, sealed)


def _open(session: Session, message: Message, sealed: bytes | None) -> Content | None:
    opened = open_row(session, scope_of(message), message.id, sealed)
    return None if opened is None else _decode(opened)


def list_participants(session: Session, conversation_id: str) -> list[Actor]:
    return list(
        session.scalars(
            select(Actor)
            .join(Participant, Participant.actor_id == Actor.id)
            .where(Participant.conversation_id == conversation_id)
            .order_by(Actor.id)
        )
    )


def view_message(session: Session, message_id: str) -> MessageView | None:
    """One living message for whoever was already allowed to see it."""
    return next(iter(_views(session, _select_views().where(Message.id == message_id))), None)


def view_messages(session: Session, message_ids: Sequence[str]) -> list[MessageView]:
    """The living ones of a batch, in no order, for whoever checks who may see each."""
    return _views(session, _select_views().where(Message.id.in_(message_ids))) if message_ids else []


def list_page(session: Session, channel_id: str, *, page: int, size: int) -> list[MessageView]:
    """Page 1 holds the newest `size` living messages, page 2 those before; inside a page the oldest is first."""
    return _page(session, _select_views().where(Message.channel_id == channel_id), page, size)


def list_conversation(session: Session, conversation_id: str, *, page: int, size: int) -> list[MessageView]:
    return _page(session, _select_views().where(Message.conversation_id == conversation_id), page, size)


def list_reactions(session: Session, message_ids: Sequence[str]) -> dict[str, tuple[ReactionCount, ...]]:
    """Reactions of a page of messages, the first used emoji first."""
    found: dict[str, dict[str, list[str]]] = {}
    if message_ids:
        query = (
            select(Reaction.message_id, Reaction.emoji, Reaction.actor_id)
            .where(Reaction.message_id.in_(message_ids))
            .order_by(Reaction.id)
        )
        for message_id, emoji, actor_id in session.execute(query):
            found.setdefault(message_id, {}).setdefault(emoji, []).append(actor_id)
    return {
        message_id: tuple(ReactionCount(emoji, tuple(actors)) for emoji, actors in emojis.items())
        for message_id, emojis in found.items()
    }


def _page(session: Session, query: Select[*tuple[Any, ...]], page: int, size: int) -> list[MessageView]:
    size = min(size, MAX_PAGE)
    newest_first = query.order_by(Message.position.desc()).limit(size).offset((page - 1) * size)
    return _views(session, newest_first)[::-1]


def _select_views() -> Select[*tuple[Any, ...]]:
    granted = select(func.aggregate_strings(RoleGrant.role, ",")).where(RoleGrant.actor_id == Message.author_id)
    return (
        select(Message, MessageContent.sealed, Actor, Account, granted.scalar_subquery().label("roles"))
        .join(MessageContent, MessageContent.message_id == Message.id)
        .join(Actor, Actor.id == Message.author_id)
        .outerjoin(Account, Account.actor_id == Message.author_id)
        .where(Message.deleted_at.is_(None))
    )


def _views(session: Session, query: Select[*tuple[Any, ...]]) -> list[MessageView]:
    rows = session.execute(query).all()
    reactions = list_reactions(session, [row.Message.id for row in rows])
    return [
        MessageView(
            id=row.Message.id,
            uri=row.Message.uri,
            channel_id=row.Message.channel_id,
            conversation_id=row.Message.conversation_id,
            position=row.Message.position,
            audience=row.Message.audience,
            in_reply_to=row.Message.in_reply_to,
            published_at=row.Message.published_at,
            edited_at=row.Message.edited_at,
            author=view_author(row.Actor, row.Account, _roles(row.roles)),
            content=content,
            reactions=reactions.get(row.Message.id, ()),
        )
        for row in rows
        if (content := _open(session, row.Message, row.sealed)) is not None
    ]


def _roles(granted: str | None) -> tuple[str, ...]:
    """Whoever was given no role has the one that everybody has."""
    return tuple(sorted(granted.split(","))) if granted else (DEFAULT_ROLE,)


def view_author(actor: Actor, account: Account | None, roles: tuple[str, ...]) -> Author:
    return Author(
        id=actor.id,
        uri=actor.uri,
        username=account.username if account else f"{actor.preferred_username}@{actor.host}",
        host=actor.host,
        name=actor.name,
        icon_url=actor.icon_url,
        status=account.status if account else "offline",
        about=account.about if account else actor.summary,
        last_seen_at=account.last_seen_at if account else actor.updated_at,
        created_at=actor.created_at,
        roles=roles,
    )
