"""Roles of conferences (contracts/punctum.md, 1.8)."""

from __future__ import annotations

from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import deleted, do, make, refer, show_id, show_made, shown_before
from app.facades.punctum.keys import ROLE
from app.facades.punctum.problems import MissingKeyError
from app.facades.punctum.shapes import new
from app.facades.punctum.values import reference
from app.pipeline import compose
from app.queries.bits import Bit
from app.queries.objects import Found, find_object
from app.queries.punctum.shown import Shown, show
from app.queries.standing import find_standing
from app.queries.viewers import Viewer


@route(
    "POST",
    "/roles",
    scope="role:moderate",
    status=201,
    answers="role",
    takes=new("role", "parent_conference", parent_conference=reference),
)
def post_role(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("role"))


def create(viewer: Viewer, data: Data) -> Shown:
    if data.get("parent_conference") is None:
        raise MissingKeyError("parent_conference")
    ROLE.of_new(data)
    space_id = reference("parent_conference", data["parent_conference"])
    space = refer(viewer, "parent_conference", space_id, {"conference"})
    return create_in(viewer, space.id, data)


def create_in(viewer: Viewer, space_id: str, data: Data) -> Shown:
    values = ROLE.of_new(data)
    _refuse_home(space_id)
    return show_made(viewer, make(compose.space_role(viewer, space_id, values)))


@route("GET", "/roles/{id}", scope="conference:read", is_open=True, answers="role")
def get_role(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.asker, ask.find_in(session, "role"))


@route("PATCH", "/roles/{id}", scope="role:moderate", answers="role")
def patch_role(ask: Ask) -> Shown:
    return change(ask, ask.find("role"))


@route("DELETE", "/roles/{id}", scope="role:moderate")
def delete_role(ask: Ask) -> Shown:
    return remove(ask, ask.find("role"))


def change(ask: Ask, found: Found) -> Shown:
    _require(ask.viewer, found)
    changes = ROLE.of_change(ask.data(), shown_before(ask, found))
    if changes:
        _refuse_home(found.space_id or "")
        do(compose.space_role_update(ask.viewer, found.id, changes))
    return show_id(ask.viewer, found.id)


def remove(ask: Ask, found: Found) -> Shown:
    _require(ask.viewer, found)
    _refuse_home(found.space_id or "")
    do(compose.space_role_deletion(ask.viewer, found.id))
    return deleted(found.id)


def _require(viewer: Viewer, found: Found) -> None:
    with reading() as session:
        find_standing(session, viewer.actor_id, found.space_id or "").require(Bit.ROLES)


def _refuse_home(space_id: str) -> None:
    """Its roles are privileges, which say more than bits do."""
    with reading() as session:
        space = find_object(session, space_id)
    if space is not None and space.kind == "conference" and space.value.is_home:
        raise ForbiddenError("The roles of the home conference are made in the control panel.")
