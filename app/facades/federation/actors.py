"""Actors and their collections."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from flask import Blueprint, Response, request

from activitypub.collections import ordered_collection, ordered_collection_page
from app.actions.keys import signing_key
from app.db import reading
from app.errors import InvalidInputError
from app.facades.federation.answers import document, missing
from app.facades.federation.signed import asking_viewer
from app.ids import INSTANCE_ID
from app.queries.activities import find_document
from app.queries.actors import (
    count_followed_by,
    count_follows_of,
    find_by_id,
    list_followed_by,
    list_follows_of,
    list_keys,
)
from app.queries.channels import find_any_channel
from app.queries.documents import actor_document, list_outbox, list_pinned, tombstone_document
from app.queries.messages import list_before
from app.queries.viewers import Viewer
from app.queries.visibility import may_see, place_of_channel
from app.settings import current
from app.uris import Uris

actors = Blueprint("actors", __name__)

PAGE_SIZE = 50
_KINDS = "<any(users, channels, spaces):kind>"
_PREFIXES = {"users": "user_", "channels": "channel_", "spaces": "space_"}


@actors.get("/ap/instance")
def get_instance() -> Response:
    return _actor(INSTANCE_ID)


@actors.get(f"/ap/{_KINDS}/<id>")
def get_actor(kind: str, id: str) -> Response:
    _check_kind(kind, id)
    return _actor(id)


@actors.get(f"/ap/{_KINDS}/<id>/followers")
def get_followers(kind: str, id: str) -> Response:
    return _follows(kind, id, "followers", list_follows_of, count_follows_of)


@actors.get(f"/ap/{_KINDS}/<id>/following")
def get_following(kind: str, id: str) -> Response:
    return _follows(kind, id, "following", list_followed_by, count_followed_by)


@actors.get(f"/ap/{_KINDS}/<id>/featured")
def get_featured(kind: str, id: str) -> Response:
    uri, is_public, _ = _open(kind, id)
    with reading() as session:
        items = list_pinned(session, id, limit=PAGE_SIZE)
    body = ordered_collection(id=f"{uri}/featured", first=None, total=len(items)) | {"orderedItems": items}
    return document(body, is_public=is_public)


@actors.get("/ap/instance/outbox")
def get_instance_outbox() -> Response:
    """The instance's own activities are between it and our people, so its outbox is empty for everybody else."""
    return document(ordered_collection(id=f"{Uris(current().origin).instance}/outbox", first=None, total=0))


@actors.get(f"/ap/{_KINDS}/<id>/outbox")
def get_outbox(kind: str, id: str) -> Response:
    """The collection, or with `page` one page of it: only what the asker may see."""
    uri, is_public, viewer = _open(kind, id)
    outbox = f"{uri}/outbox"
    if "page" not in request.args:
        return document(ordered_collection(id=outbox, first=f"{outbox}?page=1"), is_public=is_public)
    page = _number("page", default=1, low=1, high=100_000, message="page must be >= 1")
    size = _number("limit", default=20, low=1, high=100, message="limit must be between 1 and 100")
    # Who signed sees more than a stranger; nobody is asked to sign for what everybody sees.
    viewer = viewer or asking_viewer()
    with reading() as session:
        actor = find_by_id(session, id)
        if actor is None:
            raise missing()
        rows, has_more = list_outbox(session, actor, viewer, page=page, size=size)
        bodies = [find_document(session, row.id) for row in rows]
    items = [_without_context(body) for body in bodies if body is not None]
    query = "" if size == 20 else f"&limit={size}"
    body = ordered_collection_page(
        id=f"{outbox}?page={page}{query}",
        part_of=outbox,
        items=items,
        next=f"{outbox}?page={page + 1}{query}" if has_more else None,
        prev=f"{outbox}?page={page - 1}{query}" if page > 1 else None,
    )
    return document(body, is_public=is_public and viewer is None)


@actors.get("/ap/channels/<id>/messages")
def get_messages(id: str) -> Response:
    """A channel's messages, newest first: how a server that comes late catches up (FEP-7888)."""
    uri, is_public, _ = _open("channels", id)
    collection = f"{uri}/messages"
    if "before" not in request.args and "page" not in request.args:
        return document(ordered_collection(id=collection, first=f"{collection}?page=true"), is_public=is_public)
    before = None
    if "before" in request.args:
        before = _number("before", default=1, low=0, high=2**62, message="before must be a position")
    with reading() as session:
        found = list_before(session, id, before=before, size=PAGE_SIZE)
    body = ordered_collection_page(
        id=f"{collection}?page=true" if before is None else f"{collection}?before={before}",
        part_of=collection,
        items=[message_uri for _, message_uri in found],
        next=f"{collection}?before={found[-1][0]}" if len(found) == PAGE_SIZE else None,
    )
    return document(body, is_public=is_public)


def _actor(id: str) -> Response:
    uris = Uris(current().origin)
    is_public = True
    with reading() as session:
        actor = find_by_id(session, id)
        if actor is None or not actor.is_local:
            raise missing()
        channel = find_any_channel(session, id)
    if channel is not None and channel.is_private:
        _check_member(id)
        is_public = False
    if actor.deleted_at is not None:
        return document(tombstone_document(actor.uri, actor.type, actor.deleted_at), status=410)
    signing_key(id)  # Made now if no worker came to it yet: an actor without publicKey is nobody to most servers.
    with reading() as session:
        keys = list_keys(session, id)
    return document(actor_document(uris, actor, keys, channel), is_public=is_public, title=actor.name)


def _follows(
    kind: str,
    id: str,
    name: str,
    list_page: Callable[..., list[tuple[str, str]]],
    count: Callable[..., int],
) -> Response:
    uri, is_public, _ = _open(kind, id)
    collection = f"{uri}/{name}"
    with reading() as session:
        if "page" not in request.args:
            total = count(session, id)
            return document(
                ordered_collection(id=collection, first=f"{collection}?page=true", total=total), is_public=is_public
            )
        after = request.args.get("after")
        found = list_page(session, id, after=after, limit=PAGE_SIZE)
    body = ordered_collection_page(
        id=f"{collection}?page=true" + (f"&after={after}" if after else ""),
        part_of=collection,
        items=[follower for _, follower in found],
        next=f"{collection}?page=true&after={found[-1][0]}" if len(found) == PAGE_SIZE else None,
    )
    return document(body, is_public=is_public)


def _open(kind: str, id: str) -> tuple[str, bool, Viewer | None]:
    """(URI, whether everybody may see it, who asks if that mattered) of a living actor of ours."""
    _check_kind(kind, id)
    with reading() as session:
        actor = find_by_id(session, id)
        channel = find_any_channel(session, id)
    if actor is None or not actor.is_local or actor.deleted_at is not None:
        raise missing()
    if channel is not None and channel.is_private:
        return actor.uri, False, _check_member(id)
    return actor.uri, True, None


def _check_member(channel_id: str) -> Viewer:
    """To strangers a private channel is not there, and neither is its actor."""
    viewer = asking_viewer()
    with reading() as session:
        channel = find_any_channel(session, channel_id)
        if viewer is None or channel is None or not may_see(session, viewer, place_of_channel(channel)):
            raise missing()
    return viewer


def _check_kind(kind: str, id: str) -> None:
    if not id.startswith(_PREFIXES[kind]):
        raise missing()


def _number(name: str, *, default: int, low: int, high: int, message: str) -> int:
    text = request.args.get(name)
    if text is None or text == "true":
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise InvalidInputError(message)
    return int(text)


def _without_context(body: bytes) -> object:
    """An activity inside a page; a proof is over its own context, so that stays inside the proof."""
    activity = msgspec.json.decode(body)
    return {name: value for name, value in activity.items() if name != "@context" or "proof" in activity}
