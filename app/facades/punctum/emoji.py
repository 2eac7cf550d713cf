"""Custom emoji (contracts/punctum.md, 1.10)."""

from __future__ import annotations

from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import deleted, do, make, refer, show_id, show_made, shown_before
from app.facades.punctum.keys import EMOJI
from app.facades.punctum.scopes import allow
from app.facades.punctum.shapes import new
from app.facades.punctum.values import reference
from app.pipeline import compose
from app.queries.bits import Bit
from app.queries.objects import Found
from app.queries.punctum.shown import Shown, show
from app.queries.standing import find_standing
from app.queries.viewers import Viewer


@route(
    "POST",
    "/emoji",
    scope="conference:moderate",
    status=201,
    answers="emoji",
    takes=new("emoji", parent_conference=reference),
)
def post_emoji(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("emoji"))


def create(viewer: Viewer, data: Data) -> Shown:
    """Of a conference; without one, of the whole server."""
    EMOJI.of_new(data)
    space_id = data.get("parent_conference")
    if space_id is not None:
        space_id = refer(viewer, "parent_conference", reference("parent_conference", space_id), {"conference"}).id
    return create_in(viewer, space_id, data)


def create_in(viewer: Viewer, space_id: str | None, data: Data) -> Shown:
    given = EMOJI.of_new(data)
    _allow(viewer, space_id)
    values = {"shortcode": given["shortcode"], "note": given.get("note"), "image_url": given["image"]}
    return show_made(viewer, make(compose.emoji(viewer, values | {"space_id": space_id})))


@route("GET", "/emoji/{id}", scope="conference:read", is_open=True, answers="emoji")
def get_emoji(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.asker, ask.find_in(session, "emoji"))


@route("PATCH", "/emoji/{id}", scope="conference:moderate", answers="emoji")
def patch_emoji(ask: Ask) -> Shown:
    return change(ask, ask.find("emoji"))


@route("DELETE", "/emoji/{id}", scope="conference:moderate")
def delete_emoji(ask: Ask) -> Shown:
    return remove(ask, ask.find("emoji"))


def change(ask: Ask, found: Found) -> Shown:
    _allow(ask.viewer, found.space_id)
    require(ask.viewer, found.space_id)
    changes = EMOJI.of_change(ask.data(), shown_before(ask, found))
    if "image" in changes:
        changes["image_url"] = changes.pop("image")
    if changes:
        do(compose.emoji_update(ask.viewer, found.id, changes))
    return show_id(ask.viewer, found.id)


def require(viewer: Viewer, space_id: str | None) -> None:
    """Raises ForbiddenError for who does not look after the emoji of a conference, or of the server."""
    if space_id is None:
        if not viewer.has("manage_server_settings"):
            raise ForbiddenError("Only an admin may change the emoji of the server.")
        return
    with reading() as session:
        find_standing(session, viewer.actor_id, space_id).require_any(Bit.SPACE, Bit.EMOJI)


def remove(ask: Ask, found: Found) -> Shown:
    _allow(ask.viewer, found.space_id)
    do(compose.emoji_deletion(ask.viewer, found.id))
    return deleted(found.id)


def _allow(viewer: Viewer, space_id: str | None) -> None:
    """Those of no conference are of the whole server. Raises InsufficientScopeError."""
    allow(viewer, "conference:moderate" if space_id else "instance:modify")
