"""Reads of messages: rows, opened texts, and the people and reactions shown beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Integer, Row, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from activitypub.attachments import Attachment
from app.db import rows_of
from app.errors import NotFoundError
from app.models import (
    Account,
    Actor,
    Channel,
    Message,
    MessageContent,
    Pin,
    Reaction,
    RoleGrant,
)
from app.queries.accounts import about_of
from app.queries.home import HOME_ID
from app.queries.paging import find_start
from app.queries.permissions import Permissions
from app.queries.privileges import DEFAULT_ROLE
from app.queries.viewers import Viewer
from app.queries.visibility import may_remove_unseen, may_see, place_of_message
from app.sealing import open_row

EMPTY = "Either a message or attachments must be provided."
NO_SUCH_MESSAGE = "The provided message_id does not exist or could not be found."
MAX_PAGE = 50


class Content(msgspec.Struct, frozen=True):
    """What a message says: `text` for chat clients, `html` for the world, both as they were last edited.

    `embeds` are Punctum's, as they were given.
    """

    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    mentions: dict[str, str] = {}
    embeds: tuple[dict[str, Any], ...] = ()


# Statements are built once, because building one takes longer than running it.
_BY_URI = select(Message).where(Message.uri == bindparam("uri"))
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Content).decode


def encode_content(content: Content) -> bytes:
    return _encode(content)


class Author(msgspec.Struct, frozen=True):
    """Who said it. Another server's author has no account here, so no status and no roles but the default."""

    id: str
    uri: str
    username: str
    host: str | None
    name: str
    icon_url: str | None
    image_url: str | None
    status: str
    about: str | None
    last_seen_at: datetime
    created_at: datetime
    roles: tuple[str, ...] = (DEFAULT_ROLE,)


class ReactionCount(msgspec.Struct, frozen=True):
    emoji: str
    actor_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageView:
    """`in_reply_to` is the URI of what it answers, and `reply_to` the id of that if it stands in the same place."""

    id: str
    uri: str
    channel_id: str | None
    conversation_id: str | None
    position: int
    audience: str
    in_reply_to: str | None
    reply_to: str | None
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
    return session.scalar(_BY_URI, {"uri": uri}) if uri else None


def stands_in(message: Message, place_id: str) -> bool:
    """Whether it is there to be read in that channel or conversation."""
    return message.deleted_at is None and scope_of(message) == place_id


def list_by_uris(session: Session, uris: Collection[str]) -> list[tuple[Message, Channel | None]]:
    """The messages of these URIs, deleted ones included, each with its channel (None in a conversation)."""
    query = (
        select(Message, Channel)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .where(Message.uri.in_(uris))
        .order_by(Message.id)
    )
    return [(row.Message, row.Channel) for row in session.execute(query)]


def find_by_id(session: Session, id: str) -> Message | None:
    return session.scalar(select(Message).where(Message.id == id))


def get_visible(
    session: Session, viewer: Viewer | None, message_id: str, *, to_remove: bool = False
) -> tuple[Message, Channel | None]:
    """A message, deleted ones included: who could see it may know that it is gone; `to_remove` it, who may do so
    unseen. Raises NotFoundError."""
    row = session.execute(
        select(Message, Channel)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .where(Message.id == message_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(NO_SUCH_MESSAGE)
    message: Message = row[0]
    channel: Channel | None = row[1]  # None in a conversation.
    place = place_of_message(message, channel)
    if not (may_see(session, viewer, place) or (to_remove and may_remove_unseen(viewer, place))):
        raise NotFoundError(NO_SUCH_MESSAGE)
    return message, channel


def get_view_in(session: Session, viewer: Viewer, place_id: str, message_id: str) -> MessageView:
    """A living message that stands in that channel or conversation. Raises NotFoundError."""
    message, _ = get_visible(session, viewer, message_id)
    view = view_message(session, message_id) if scope_of(message) == place_id else None
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


def view_message(session: Session, message_id: str) -> MessageView | None:
    """One living message for whoever was already allowed to see it."""
    return next(iter(read_views(session, _ONE, {"message_id": message_id})), None)


def view_messages(session: Session, message_ids: Sequence[str]) -> list[MessageView]:
    """The living ones of a batch, in no order, for whoever checks who may see each."""
    return read_views(session, _SEVERAL, {"message_ids": message_ids}) if message_ids else []


def list_page(session: Session, channel_id: str, *, page: int, size: int) -> list[MessageView]:
    """Page 1 holds the newest `size` living messages, page 2 those before; inside a page the oldest is first."""
    return _page(session, _IN_CHANNEL, channel_id, page, size, is_channel=True)


def list_before(session: Session, channel_id: str, *, position: int, size: int) -> list[MessageView]:
    """The newest living messages before a position, the oldest first."""
    values = {"place_id": channel_id, "size": min(size, MAX_PAGE), "top": position - 1, "skip": 0}
    return read_views(session, _IN_CHANNEL, values)[::-1]


def list_conversation(session: Session, conversation_id: str, *, page: int, size: int) -> list[MessageView]:
    return _page(session, _IN_CONVERSATION, conversation_id, page, size, is_channel=False)


def list_reactions(session: Session, message_ids: Sequence[str]) -> dict[str, tuple[ReactionCount, ...]]:
    """Reactions of a page of messages, the first used emoji first."""
    found: dict[str, dict[str, list[str]]] = {}
    if message_ids:
        for message_id, emoji, actor_id in session.execute(_REACTIONS, {"message_ids": message_ids}):
            found.setdefault(message_id, {}).setdefault(emoji, []).append(actor_id)
    return {
        message_id: tuple(ReactionCount(emoji, tuple(actors)) for emoji, actors in emojis.items())
        for message_id, emojis in found.items()
    }


# A statement of columns rather than of objects, each built once: a page has fifty rows, and of every row three tables.
Views = Select[*tuple[Any, ...]]
_GRANTED = select(func.aggregate_strings(RoleGrant.role, ",")).where(
    RoleGrant.actor_id == Message.author_id, RoleGrant.space_id == HOME_ID
)
_PARENT = aliased(Message)
_REPLIED_TO = select(_PARENT.id).where(
    _PARENT.uri == Message.in_reply_to,
    or_(_PARENT.channel_id == Message.channel_id, _PARENT.conversation_id == Message.conversation_id),
)
VIEWS: Views = (
    select(
        Message.id,
        Message.uri,
        Message.author_id,
        Message.channel_id,
        Message.conversation_id,
        Message.position,
        Message.audience,
        Message.in_reply_to,
        _REPLIED_TO.scalar_subquery().label("reply_to"),
        Message.published_at,
        Message.edited_at,
        MessageContent.sealed,
        exists().where(Reaction.message_id == Message.id).label("has_reactions"),
        Actor.uri.label("author_uri"),
        Actor.preferred_username,
        Actor.host,
        Actor.name,
        Actor.icon_url,
        Actor.image_url,
        Actor.summary,
        Actor.created_at,
        Actor.updated_at,
        Account.username,
        Account.status,
        Account.about,
        Account.last_seen_at,
        _GRANTED.scalar_subquery().label("roles"),
    )
    .join(MessageContent, MessageContent.message_id == Message.id)
    .join(Actor, Actor.id == Message.author_id)
    .outerjoin(Account, Account.actor_id == Message.author_id)
    .where(Message.deleted_at.is_(None))
)
_ONE = VIEWS.where(Message.id == bindparam("message_id"))
_SEVERAL = VIEWS.where(Message.id.in_(bindparam("message_ids", expanding=True)))


def _newest_first(place: InstrumentedAttribute[str | None]) -> Views:
    """A page. What is passed over on the way to it is read from the index alone."""
    passed = aliased(Message)
    first = (
        select(passed.position)
        .where(
            getattr(passed, place.key) == bindparam("place_id"),
            passed.deleted_at.is_(None),
            passed.position <= bindparam("top"),
        )
        .order_by(passed.position.desc())
        .limit(1)
        .offset(bindparam("skip", type_=Integer))
    )
    return (
        VIEWS.where(place == bindparam("place_id"), Message.position <= first.scalar_subquery())
        .order_by(Message.position.desc())
        .limit(bindparam("size", type_=Integer))
    )


_IN_CHANNEL = _newest_first(Message.channel_id)
_IN_CONVERSATION = _newest_first(Message.conversation_id)
_REACTIONS = (
    select(Reaction.message_id, Reaction.emoji, Reaction.actor_id)
    .where(Reaction.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(Reaction.id)
)


def _page(
    session: Session, newest_first: Views, place_id: str, page: int, size: int, *, is_channel: bool
) -> list[MessageView]:
    size = min(size, MAX_PAGE)
    start = find_start(session, place_id, is_channel=is_channel, skip=(page - 1) * size)
    if start is None:
        return []
    values = {"place_id": place_id, "size": size, "top": start.top, "skip": start.skip}
    return read_views(session, newest_first, values)[::-1]


def read_views(session: Session, query: Views, values: Mapping[str, Any]) -> list[MessageView]:
    """What a statement made of VIEWS finds, in its order; without what was erased or does not open."""
    rows = rows_of(session, query, values)
    reactions = list_reactions(session, [row.id for row in rows if row.has_reactions])
    authors: dict[str, Author] = {}
    views = []
    for row in rows:
        # By their place in VIEWS: by name, the columns of fifty rows cost as much as opening the texts.
        id_, uri, author_id, channel_id, conversation_id, position, audience, in_reply_to, reply_to = row[:9]
        published_at, edited_at, sealed = row[9:12]
        opened = open_row(session, channel_id or conversation_id, id_, sealed)
        if opened is None:
            continue
        if author_id not in authors:
            authors[author_id] = _author(row)
        views.append(
            MessageView(
                id=id_,
                uri=uri,
                channel_id=channel_id,
                conversation_id=conversation_id,
                position=position,
                audience=audience,
                in_reply_to=in_reply_to,
                reply_to=reply_to,
                published_at=published_at,
                edited_at=edited_at,
                author=authors[author_id],
                content=_decode(opened),
                reactions=reactions.get(id_, ()),
            )
        )
    return views


def _author(row: Row[*tuple[Any, ...]]) -> Author:
    has_account = row.username is not None
    return Author(
        id=row.author_id,
        uri=row.author_uri,
        username=row.username if has_account else f"{row.preferred_username}@{row.host}",
        host=row.host,
        name=row.name,
        icon_url=row.icon_url,
        image_url=row.image_url,
        status=row.status if has_account else "offline",
        about=row.about if has_account else about_of(row.summary),
        last_seen_at=row.last_seen_at if has_account else row.updated_at,
        created_at=row.created_at,
        roles=_roles(row.roles),
    )


def author_with_account(actor: Actor, permissions: Permissions) -> Author:
    """One of ours, of whom both are loaded."""
    return Author(
        id=actor.id,
        uri=actor.uri,
        username=permissions.viewer.username,
        host=None,
        name=actor.name,
        icon_url=actor.icon_url,
        image_url=actor.image_url,
        status=permissions.status,
        about=permissions.about,
        last_seen_at=permissions.last_seen_at,
        created_at=actor.created_at,
        roles=tuple(sorted(permissions.viewer.roles)),
    )


def _roles(granted: str | None) -> tuple[str, ...]:
    """Whoever was given no role has the one that everybody has."""
    return tuple(sorted(granted.split(","))) if granted else (DEFAULT_ROLE,)


def list_pinned(session: Session, views: Sequence[MessageView]) -> set[str]:
    """Those of a page of messages that are pinned, by their ids."""
    by_uri = {view.uri: view.id for view in views}
    if not by_uri:
        return set()
    return {by_uri[uri] for uri in session.scalars(select(Pin.object_uri).where(Pin.object_uri.in_(list(by_uri))))}


def list_reactions_in_order(session: Session, message_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Every reaction of a page of messages, with the id of whose it is, the oldest first."""
    found: dict[str, list[tuple[str, str]]] = {}
    if message_ids:
        for message_id, emoji, actor_id in session.execute(_REACTIONS, {"message_ids": message_ids}):
            found.setdefault(message_id, []).append((emoji, actor_id))
    return found
