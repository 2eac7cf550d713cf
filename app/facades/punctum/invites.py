"""Invites (contracts/punctum.md, 1.7 and 2.7)."""

from __future__ import annotations

import secrets

from app.db import reading
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import deleted, do, make_once, refer, show_id, show_made, shown_before
from app.facades.punctum.instances import is_signed, show_to_instance
from app.facades.punctum.joining import get_elsewhere, join_elsewhere
from app.facades.punctum.keys import INVITE
from app.facades.punctum.problems import MissingKeyError, MissingObjectError
from app.facades.punctum.shapes import new, or_id
from app.facades.punctum.values import reference
from app.ids import id_beside
from app.pipeline import Made, compose
from app.queries.bits import Bit
from app.queries.objects import Found
from app.queries.peers import find_home
from app.queries.punctum.shown import Shown, show
from app.queries.spaces import find_invite_by_name, find_member_of
from app.queries.standing import find_standing
from app.queries.viewers import Viewer
from app.web.limiting import count_chosen_name, guess_name, note_unknown_name


@route(
    "POST",
    "/invites",
    scope="invite:create",
    status=201,
    answers="invite",
    takes=new("invite", "conference_id", conference_id=reference, code=INVITE.checks["name"]),
)
def post_invite(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("invite"))


def create(viewer: Viewer, data: Data) -> Shown:
    if data.get("conference_id") is None:
        raise MissingKeyError("conference_id")
    _name_in(data)
    space = refer(viewer, "conference_id", reference("conference_id", data["conference_id"]), {"conference"})
    return create_in(viewer, space.id, data)


def create_in(viewer: Viewer, space_id: str, data: Data) -> Shown:
    name = _name_in(data)
    if name is None:
        name = secrets.token_urlsafe(6)
    else:
        with reading() as session:
            find_standing(session, viewer.actor_id, space_id).require(Bit.INVITE)
        count_chosen_name()
    outcome = make_once(*compose.invite(viewer, space_id, name))
    return show_made(viewer, Made(id_beside("invite", outcome.id), outcome.is_repeat))


def _name_in(data: Data) -> str | None:
    """Drywall calls it `code`."""
    name: str | None = INVITE.of_new({"name": data.get("code"), **data}).get("name")
    return name


@route("GET", "/invites/{id}", scope="conference:read", is_open=True, answers="invite")
def get_invite(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.asker, ask.find_in(session, "invite"))


@route("GET", "/conference/invites/{id}", scope="conference:read", is_open=True, answers="invite")
def get_invite_at_its_old_place(ask: Ask) -> Shown:
    return get_invite(ask)


@route("PATCH", "/invites/{id}", scope="invite:create", answers="invite")
def patch_invite(ask: Ask) -> Shown:
    return change(ask, ask.find("invite"))


@route("DELETE", "/invites/{id}", scope="invite:create")
def delete_invite(ask: Ask) -> Shown:
    return remove(ask, ask.find("invite"))


@route("POST", "/invites/{id}/join", scope="account:write", answers=or_id("conference"))
def post_join(ask: Ask) -> Shown:
    return join(ask.viewer, ask.find("invite"))


@route("GET", "/invites/by-name/{name}", scope="conference:read", is_open=True, answers="invite", signed="may")
def get_invite_by_name(ask: Ask) -> Shown:
    if is_signed():
        return show_to_instance(ask, _by_name)
    with reading() as session:
        return show(session, ask.asker, _by_name(ask))


@route("PATCH", "/invites/by-name/{name}", scope="invite:create", answers="invite")
def patch_invite_by_name(ask: Ask) -> Shown:
    return change(ask, _by_name(ask))


@route("DELETE", "/invites/by-name/{name}", scope="invite:create")
def delete_invite_by_name(ask: Ask) -> Shown:
    return remove(ask, _by_name(ask))


@route("POST", "/invites/by-name/{name}/join", scope="account:write", answers=or_id("conference"))
def post_join_by_name(ask: Ask) -> Shown:
    """One of another instance by its name there, `name@domain`."""
    if "@" in ask.given["name"]:
        return join(ask.viewer, get_elsewhere(ask.viewer, ask.given["name"]))
    return join(ask.viewer, _by_name(ask))


def change(ask: Ask, found: Found) -> Shown:
    with reading() as session:
        find_standing(session, ask.viewer.actor_id, found.space_id or "").require(Bit.INVITE)
    changes = INVITE.of_change(ask.data(), shown_before(ask, found))
    if changes:
        count_chosen_name()
        do(compose.invite_update(ask.viewer, found.id, changes["name"]))
    return show_id(ask.viewer, found.id)


def remove(ask: Ask, found: Found) -> Shown:
    if found.value.creator_id != ask.viewer.actor_id:
        with reading() as session:
            find_standing(session, ask.viewer.actor_id, found.space_id or "").require(Bit.INVITE)
    do(compose.invite_deletion(ask.viewer, found.id))
    return deleted(found.id)


def join(viewer: Viewer, found: Found) -> Shown:
    """The conference; who is in it already is told of it, too."""
    space_id = found.value.space_id
    with reading() as session:
        known, home = find_member_of(session, space_id, viewer.actor_id), find_home(session, space_id)
    if home is not None and (known is None or known.banned_at is not None):
        join_elsewhere(viewer, found)
    elif known is None or known.banned_at is not None:
        do(compose.joining(viewer, space_id, invite_id=found.id))
    return show_id(viewer, space_id)


def _by_name(ask: Ask) -> Found:
    """Raises MissingObjectError, and TooManyRequestsError for who only guesses."""
    guess_name()
    with reading() as session:
        invite = find_invite_by_name(session, ask.name())
    if invite is None:
        note_unknown_name()
        raise MissingObjectError
    return Found("invite", invite.id, invite, invite.space_id)
