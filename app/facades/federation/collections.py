"""Actors' collections: each whole by its count and its first page, and page by page.

The collection of a public actor is public; a page of it may hold more for who signs, and then is for that asker alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from flask import Blueprint, Response
from sqlalchemy.orm import Session

from activitypub.collections import ordered_collection, ordered_collection_page
from app.db import reading
from app.facades.federation.answers import document, keep_apart
from app.facades.federation.opening import ACTOR_PATH, open_living_actor
from app.facades.federation.params import find_id, find_position, has_any, read_page_number, read_page_size
from app.queries.collections import (
    Cut,
    K,
    Page,
    count_followers,
    count_following,
    count_outbox,
    list_followers,
    list_following,
    list_messages,
    list_outbox,
    list_pinned,
)
from app.queries.published import is_member
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris
from app.web.signed import asking_viewer

blueprint = Blueprint("collections", __name__)
blueprint.after_request(keep_apart)

PAGE_SIZE = 50
OUTBOX_PAGE_SIZE = 20
OUTBOX_PAGE_BYTES = 1 << 20
"""Of whole activities on a page; those after them are named by their URIs. Nobody who asks takes much more, and whoever
asks and does not read what they get would have us hold it."""


class _Named(msgspec.Struct):
    id: str


@blueprint.get(f"{ACTOR_PATH}/followers")
def get_followers(kind: str, id: str) -> Response:
    return _follows(kind, id, "followers", count_followers, list_followers)


@blueprint.get(f"{ACTOR_PATH}/following")
def get_following(kind: str, id: str) -> Response:
    return _follows(kind, id, "following", count_following, list_following)


@blueprint.get(f"{ACTOR_PATH}/featured")
def get_featured(kind: str, id: str) -> Response:
    opened = open_living_actor(kind, id)
    viewer = opened.viewer or asking_viewer()
    with reading() as session:
        items = list_pinned(session, id, limit=PAGE_SIZE, is_member=is_member(session, viewer, opened.found))
    body = ordered_collection(id=f"{opened.found.actor.uri}/featured", total=len(items), items=items)
    return document(body, is_public=viewer is None)


@blueprint.get("/ap/instance/outbox")
def get_instance_outbox() -> Response:
    """The instance's own activities are between it and our people, so its outbox is empty for everybody else."""
    return document(ordered_collection(id=f"{Uris(current().origin).instance}/outbox", total=0, items=()))


@blueprint.get(f"{ACTOR_PATH}/outbox")
def get_outbox(kind: str, id: str) -> Response:
    """Its pages are numbered, because PufferBlow's clients count them (contracts/pufferblow.md, 6)."""
    opened = open_living_actor(kind, id)
    outbox = f"{opened.found.actor.uri}/outbox"
    number, size = read_page_number(), read_page_size(default=OUTBOX_PAGE_SIZE)
    if has_any("page"):
        return _outbox_page(outbox, id, opened.viewer or asking_viewer(), number, size)
    with reading() as session:
        total = count_outbox(session, id) if opened.is_public else None
    body = ordered_collection(id=outbox, first=_numbered(outbox, 1, size), total=total)
    return document(body, is_public=opened.is_public)


@blueprint.get("/ap/channels/<id>/messages")
def get_messages(id: str) -> Response:
    """A channel's messages, newest first: how a server that comes late catches up (FEP-7888)."""
    opened = open_living_actor("channels", id)
    collection = f"{opened.found.actor.uri}/messages"
    if not has_any("page", "after", "before"):
        return document(ordered_collection(id=collection, first=f"{collection}?page=true"), is_public=opened.is_public)
    cut = Cut(after=find_position("after"), before=find_position("before"))
    viewer = opened.viewer or asking_viewer()
    with reading() as session:
        page = list_messages(session, id, cut, size=PAGE_SIZE, is_member=is_member(session, viewer, opened.found))
    return document(_page(collection, cut, page), is_public=viewer is None)


def _outbox_page(outbox: str, actor_id: str, viewer: Viewer | None, number: int, size: int) -> Response:
    with reading() as session:
        documents, has_more = list_outbox(session, actor_id, viewer, page=number, size=size)
    body = ordered_collection_page(
        id=_numbered(outbox, number, size),
        part_of=outbox,
        items=_items(documents),
        next=_numbered(outbox, number + 1, size) if has_more else None,
        prev=_numbered(outbox, number - 1, size) if number > 1 else None,
    )
    return document(body, is_public=viewer is None)


def _items(documents: Sequence[bytes]) -> list[object]:
    """Each with its own @context: its proof is over that too."""
    items: list[object] = []
    left = OUTBOX_PAGE_BYTES
    for recorded in documents:
        left -= len(recorded)
        whole = left >= 0
        items.append(msgspec.json.decode(recorded) if whole else msgspec.json.decode(recorded, type=_Named).id)
    return items


def _numbered(outbox: str, number: int, size: int) -> str:
    return f"{outbox}?page={number}" + (f"&limit={size}" if size != OUTBOX_PAGE_SIZE else "")


def _follows(
    kind: str,
    id: str,
    name: str,
    count: Callable[[Session, str], int],
    list_page: Callable[..., Page[str]],
) -> Response:
    opened = open_living_actor(kind, id)
    collection = f"{opened.found.actor.uri}/{name}"
    cut = Cut(after=find_id("after"), before=find_id("before"))
    with reading() as session:
        if not has_any("page", "after", "before"):
            first, total = f"{collection}?page=true", count(session, id)
            return document(ordered_collection(id=collection, first=first, total=total), is_public=opened.is_public)
        page = list_page(session, id, cut, size=PAGE_SIZE)
    return document(_page(collection, cut, page), is_public=opened.is_public)


def _page(collection: str, cut: Cut[K], page: Page[K]) -> dict[str, object]:
    return ordered_collection_page(
        id=_page_uri(collection, cut),
        part_of=collection,
        items=page.items,
        next=_page_uri(collection, Cut(after=page.next_after)) if page.next_after is not None else None,
        prev=_page_uri(collection, Cut(before=page.previous_before)) if page.previous_before is not None else None,
    )


def _page_uri(collection: str, cut: Cut[K]) -> str:
    if cut.before is not None:
        return f"{collection}?before={cut.before}"
    return f"{collection}?page=true" if cut.after is None else f"{collection}?after={cut.after}"
