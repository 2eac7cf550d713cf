"""Channels, of conferences and of direct messages (contracts/punctum.md, 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import request
from sqlalchemy.orm import Session

from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum import conversations, messages
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data, read_data
from app.facades.punctum.doing import (
    Composed,
    deleted,
    do,
    make,
    refer,
    refer_in,
    show_if_readable,
    show_made,
    shown_before,
)
from app.facades.punctum.keys import CHANNEL, GROUP, TYPES_HERE
from app.facades.punctum.problems import (
    HiddenError,
    MissingKeyError,
    NoDataError,
    NotPartOfError,
    ReadOnlyError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.scopes import allow
from app.facades.punctum.shapes import change_of, either, new, or_id, stash_of
from app.facades.punctum.values import Check, number, one_of, reference
from app.pipeline import compose
from app.queries.bits import Bit
from app.queries.objects import Found, FoundConversation
from app.queries.punctum.shown import Shown, show, show_messages, stash
from app.queries.standing import find_standing
from app.queries.stretches import list_around, list_since
from app.queries.viewers import Viewer
from app.queries.visibility import may_see, place_of_channel

MAX_PAGE: Final = 100
MAX_BY_TIME: Final = 1000
_MAX_MINUTES: Final = 10 * 366 * 24 * 60
_NEW: Final = either(
    new("channel", "name", "parent_conference"),
    new("channel", "channel_type", keys=GROUP, channel_type=one_of("direct_message")),
)
_CHANGED: Final = either(change_of("channel"), change_of("channel", keys=GROUP))
_PAGING: Final[Mapping[str, Check[Any]]] = {
    "before_message": reference,
    "after_message": reference,
    "message_count": number(1, 999_999_999),
}
_COLUMNS: Final = {"parent_conference": "space_id", "category": "category_id"}


@route("POST", "/channels", scope="channel:write", status=201, answers="channel", takes=_NEW)
def post_channel(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("channel"))


def create(viewer: Viewer, data: Data) -> Shown:
    given = CHANNEL.of_new(data)
    if given.get("channel_type", "text") == "direct_message":
        return conversations.create(viewer, data)
    if "parent_conference" not in given:
        raise MissingKeyError("parent_conference")
    if "name" not in given:
        raise MissingKeyError("name")
    space = refer(viewer, "parent_conference", given["parent_conference"], {"conference"})
    return create_in(viewer, space, data)


def create_in(viewer: Viewer, space: Found, data: Data) -> Shown:
    """Of the conference in the path, whatever the data say."""
    given = CHANNEL.of_new(data)
    given.pop("parent_conference", None)
    if "name" not in given:
        raise MissingKeyError("name")
    type_ = given.pop("channel_type", "text")
    if type_ == "direct_message":
        raise WrongValueError("channel_type", "text, media or category")
    if "permissions" in given:
        allow(viewer, "channel:moderate")
    if "category" in given:
        refer(viewer, "category", given["category"], {"channel"})
    if space.value.is_home:
        return show_made(viewer, make(_at_home(viewer, given, type_)))
    values = {_COLUMNS.get(key, key): value for key, value in given.items()} | {"type": TYPES_HERE[type_]}
    return show_made(viewer, make(compose.space_channel(viewer, space.id, values)))


def _at_home(viewer: Viewer, given: dict[str, Any], type_: str) -> Composed:
    """A channel of the server, as PufferBlow makes one: its roles decide what may be done there."""
    if type_ == "category" or given.keys() - {"name"}:
        raise ForbiddenError("A channel of the home conference has a name and a type, text or media.")
    return compose.channel(viewer, given["name"], type=TYPES_HERE[type_], is_private=False)


@route("GET", "/channels/{id}", scope="channel:read", answers="channel")
def get_channel(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.viewer, ask.find_in(session, "channel"))


@route("PATCH", "/channels/{id}", scope="channel:write", answers=or_id("channel"), takes=_CHANGED)
def patch_channel(ask: Ask) -> Shown:
    return change(ask, ask.find("channel"))


@route("DELETE", "/channels/{id}", scope="channel:write")
def delete_channel(ask: Ask) -> Shown:
    return remove(ask, ask.find("channel"))


def change(ask: Ask, found: Found) -> Shown:
    viewer = ask.viewer
    if isinstance(found.value, FoundConversation):
        return conversations.change(ask, found)
    channel = found.value
    _require_change(viewer, channel)
    changes = CHANNEL.of_change(ask.data(), shown_before(ask, found))
    if "permissions" in changes:
        allow(viewer, "channel:moderate")
    _check_places(viewer, channel, changes)
    if changes:
        _apply(viewer, channel, changes)
    return show_if_readable(viewer, found.id)


def _check_places(viewer: Viewer, channel: Any, changes: dict[str, Any]) -> None:
    """Where it is to be. Raises UnknownReferenceError, WrongReferenceError, ReadOnlyError."""
    if "parent_conference" in changes:
        target = refer(viewer, "parent_conference", changes["parent_conference"], {"conference"})
        if target.value.is_home or not channel.has_bits:
            raise ReadOnlyError("parent_conference")
    if changes.get("category") is not None:
        refer(viewer, "category", changes["category"], {"channel"})


def _require_change(viewer: Viewer, channel: Any) -> None:
    """Raises ForbiddenError."""
    if not channel.has_bits:
        if not viewer.has("edit_channels"):
            raise ForbiddenError("You may not do this here.")
        return
    with reading() as session:
        find_standing(session, viewer.actor_id, channel.space_id, channel.actor_id).require(Bit.CHANNELS)


def _apply(viewer: Viewer, channel: Any, changes: dict[str, Any]) -> None:
    if channel.has_bits:
        do(compose.space_channel_update(viewer, channel.actor_id, _columns(changes)))
    elif changes.keys() - {"name"}:
        raise ForbiddenError("Of a channel of the home conference, only the name is changed here.")
    else:
        do(compose.channel_update(viewer, channel.actor_id, changes["name"]))


def remove(ask: Ask, found: Found) -> Shown:
    if isinstance(found.value, FoundConversation):
        raise ForbiddenError("A conversation is not deleted; whoever is in a group may leave it.")
    if found.value.has_bits:
        do(compose.space_channel_deletion(ask.viewer, found.id))
    else:
        do(compose.channel_deletion(ask.viewer, found.id))
    return deleted(found.id)


@route("GET", "/channels/{id}/messages", scope="message:read", answers=stash_of("message"), query=_PAGING)
def get_messages(ask: Ask) -> Shown:
    with reading() as session:
        found = _readable(session, ask)
        options = {name: _option(name) for name in ("before_message", "after_message", "message_count")}
        size = _count(options["message_count"])
        views = list_around(
            session,
            found.id,
            is_channel=not isinstance(found.value, FoundConversation),
            before=_position(session, ask.viewer, found, "before_message", options["before_message"]),
            after=_position(session, ask.viewer, found, "after_message", options["after_message"]),
            size=size,
        )
        return stash(show_messages(session, ask.viewer, views))


@route(
    "POST",
    "/channels/{id}/messages",
    scope="message:write",
    makes=True,
    answers="message",
    takes=new("message", lacking=("content", "parent_channel")),
)
def post_message(ask: Ask) -> Shown:
    with reading() as session:
        found = _readable(session, ask)
    return messages.create_in(ask.viewer, found, ask.data("message"))


@route("GET", "/channels/{id}/messages/by-time/{minutes}", scope="message:read", answers=stash_of("message"))
def get_messages_by_time(ask: Ask) -> Shown:
    with reading() as session:
        found = _readable(session, ask)
        minutes = ask.given["minutes"]
        if not (minutes.isascii() and minutes.isdecimal()):
            raise WrongTypeError("by-time: a number of minutes.")
        back = timedelta(minutes=min(int(minutes[:12]), _MAX_MINUTES))
        is_channel = not isinstance(found.value, FoundConversation)
        views = list_since(session, found.id, is_channel=is_channel, since=datetime.now(UTC) - back, size=MAX_BY_TIME)
        return stash(show_messages(session, ask.viewer, views))


def _readable(session: Session, ask: Ask) -> Found:
    """A channel whose messages the viewer may read, which is more than to see the channel."""
    found = ask.find_in(session, "channel")
    is_conversation = isinstance(found.value, FoundConversation)
    if not is_conversation and not may_see(session, ask.viewer, place_of_channel(found.value)):
        raise HiddenError
    return found


def _option(name: str) -> Any:
    """In the query, once, or in a JSON body as the seed's examples have it."""
    given = request.args.getlist(name)
    if len(given) > 1:
        raise WrongValueError(name, "given once")
    if given:
        return given[0]
    try:
        return (read_data() or {}).get(name)
    except NoDataError:
        return None


def _count(given: Any) -> int:
    if given is None:
        return MAX_PAGE
    text = str(given)
    if isinstance(given, bool) or not (text.isascii() and text.isdecimal()) or int(text[:9]) < 1:
        raise WrongValueError("message_count", "a number from 1")
    return min(int(text[:9]), MAX_PAGE)


def _position(session: Session, viewer: Viewer, channel: Found, key: str, id_: Any) -> int | None:
    """Where a message of the channel stands. Raises UnknownReferenceError, WrongReferenceError, NotPartOfError."""
    if id_ is None:
        return None
    if not isinstance(id_, str):
        raise WrongValueError(key, "an ID")
    message = refer_in(session, viewer, key, id_, {"message"}).value.message
    if channel.id not in (message.channel_id, message.conversation_id):
        raise NotPartOfError(f"{key}: a message of another channel.")
    return int(message.position)


def _columns(changes: dict[str, Any]) -> dict[str, Any]:
    return {_COLUMNS.get(key, key): value for key, value in changes.items()}
