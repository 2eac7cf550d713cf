"""Conferences, and what and who is in them (contracts/punctum.md, 2.5)."""

from __future__ import annotations

from typing import Any

from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum import channels, emoji, invites, members, roles
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import deleted, do, make, refer, show_id, show_made, shown_before
from app.facades.punctum.keys import CONFERENCE, INVITE
from app.facades.punctum.problems import NotPartOfError
from app.facades.punctum.scopes import DEPENDS, WRITING, allow
from app.facades.punctum.shapes import body, change_of, new, or_id, stash_of
from app.facades.punctum.values import reference
from app.pipeline import compose
from app.queries import spaces
from app.queries.bits import DEFAULT, Bit
from app.queries.objects import Found, Kind
from app.queries.punctum.shown import Shown, list_roles, list_seen_channels, show, show_all, stash
from app.queries.standing import find_standing
from app.queries.viewers import Viewer

_COLUMNS = {"icon": "icon_url", "owner": "owner_id", "index_conference": "is_listed"}


@route("POST", "/conferences", scope="conference:moderate", status=201, answers="conference")
def post_conference(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("conference"))


def create(viewer: Viewer, data: Data) -> Shown:
    given = CONFERENCE.of_new(data)
    given.pop("owner", None)
    return show_made(viewer, make(compose.space(viewer, _columns({"permissions": DEFAULT} | given))))


@route("GET", "/conferences/{id}", scope="conference:read", is_open=True, answers="conference")
def get_conference(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.asker, ask.find_in(session, "conference"))


@route("PATCH", "/conferences/{id}", scope="conference:moderate", answers="conference")
def patch_conference(ask: Ask) -> Shown:
    return change(ask, ask.find("conference"))


@route("DELETE", "/conferences/{id}", scope="conference:moderate")
def delete_conference(ask: Ask) -> Shown:
    return remove(ask, ask.find("conference"))


def change(ask: Ask, found: Found) -> Shown:
    with reading() as session:
        find_standing(session, ask.viewer.actor_id, found.id).require(Bit.SPACE)
    changes = CONFERENCE.of_change(ask.data(), shown_before(ask, found))
    if "owner" in changes:
        refer(ask.viewer, "owner", changes["owner"], {"account"})
    if found.value.is_home:
        _change_home(ask.viewer, changes)
    elif changes:
        do(compose.space_update(ask.viewer, found.id, _columns(changes)))
    return show_id(ask.viewer, found.id)


def _change_home(viewer: Viewer, changes: dict[str, Any]) -> None:
    """It is the whole server: named and described as that, and who may do what in it is decided by roles."""
    allow(viewer, WRITING["instance"])
    if changes.keys() - {"name", "description"}:
        raise ForbiddenError("Of the home conference, only the name and the description are changed here.")
    description = (changes["description"] or "") if "description" in changes else None
    do(compose.server(viewer, name=changes.get("name"), description=description))


def remove(ask: Ask, found: Found) -> Shown:
    if found.value.is_home:
        raise ForbiddenError("Nobody deletes the home conference.")
    do(compose.space_deletion(ask.viewer, found.id))
    return deleted(found.id)


@route("POST", "/conferences/{id}/leave", scope="account:write")
def post_leave(ask: Ask) -> Shown:
    found = ask.find("conference")
    do(compose.leaving(ask.viewer, found.id))
    return deleted(found.id)


@route("GET", "/conferences/{id}/members", scope="conference:read", answers=stash_of("conference_member"))
def get_members(ask: Ask) -> Shown:
    with reading() as session:
        found = ask.find_in(session, "conference")
        members.require_membership(session, ask.viewer, found.id)
        listed = spaces.list_members_of_space(session, found.id)
        return stash(members.show_members(session, listed))


@route(
    "POST",
    "/conferences/{id}/members",
    scope="account:write",
    status=201,
    answers=or_id("conference_member"),
    takes=body(user_id=reference),
)
def post_member(ask: Ask) -> Shown:
    """Oneself into an open conference, or a bot of one's own by who may invite."""
    found = ask.find("conference")
    return members.join_as(ask.viewer, found, ask.data("conference_member"))


@route("GET", "/conferences/{id}/members/{child}", scope="conference:read", answers="conference_member")
def get_member(ask: Ask) -> Shown:
    space, member = _member(ask)
    with reading() as session:
        members.require_membership(session, ask.viewer, space.id)
        return show(session, ask.viewer, member)


@route(
    "PATCH",
    "/conferences/{id}/members/{child}",
    scope=DEPENDS,
    answers=or_id("conference_member"),
    takes=change_of("conference_member"),
)
def patch_member(ask: Ask) -> Shown:
    space = ask.find("conference")
    person = members.find_stranger(ask, space)
    if person is not None:
        return members.ban_stranger(ask, space, person)
    return members.change(ask, _member(ask)[1])


@route("DELETE", "/conferences/{id}/members/{child}", scope=DEPENDS)
def delete_member(ask: Ask) -> Shown:
    return members.remove(ask, _member(ask)[1])


@route("POST", "/conferences/{id}/members/{child}/kick", scope=DEPENDS)
def post_kick(ask: Ask) -> Shown:
    return members.remove(ask, _member(ask)[1])


@route(
    "POST", "/conferences/{id}/members/{child}/ban", scope="conference_member:ban", answers=or_id("conference_member")
)
def post_ban(ask: Ask) -> Shown:
    space = ask.find("conference")
    person = members.find_stranger(ask, space)
    return members.ban(ask.viewer, space.id, person or _member(ask)[1].value.actor_id)


@route(
    "POST", "/conferences/{id}/members/{child}/unban", scope="conference_member:ban", answers=or_id("conference_member")
)
def post_unban(ask: Ask) -> Shown:
    return members.unban(ask.viewer, _member(ask)[1])


@route("GET", "/conferences/{id}/roles", scope="conference:read", answers=stash_of("role"))
def get_roles(ask: Ask) -> Shown:
    with reading() as session:
        found = ask.find_in(session, "conference")
        members.require_membership(session, ask.viewer, found.id)
        return stash(show_all(session, ask.viewer, list_roles(session, found.value)))


@route("POST", "/conferences/{id}/roles", scope="role:moderate", makes=True, answers="role")
def post_role(ask: Ask) -> Shown:
    found = ask.find("conference")
    _require(ask, found, Bit.ROLES)
    return roles.create_in(ask.viewer, found.id, ask.data("role"))


@route("GET", "/conferences/{id}/invites", scope="conference:read", answers=stash_of("invite"))
def get_invites(ask: Ask) -> Shown:
    with reading() as session:
        found = ask.find_in(session, "conference")
        members.require_membership(session, ask.viewer, found.id)
        sees_all = find_standing(session, ask.viewer.actor_id, found.id).has(Bit.INVITE)
        listed = spaces.list_invites(session, found.id, creator_id=None if sees_all else ask.viewer.actor_id)
        return stash(show_all(session, ask.viewer, [Found("invite", one.id, one, found.id) for one in listed]))


@route(
    "POST",
    "/conferences/{id}/invites",
    scope="invite:create",
    makes=True,
    answers="invite",
    takes=new("invite", is_needed=False, code=INVITE.checks["name"]),
)
def post_invite(ask: Ask) -> Shown:
    found = ask.find("conference")
    _require(ask, found, Bit.INVITE)
    return invites.create_in(ask.viewer, found.id, ask.data("invite", may_be_empty=True))


@route("GET", "/conferences/{id}/channels", scope="channel:read", answers=stash_of("channel"))
def get_channels(ask: Ask) -> Shown:
    with reading() as session:
        found = ask.find_in(session, "conference")
        members.require_membership(session, ask.viewer, found.id)
        seen = set(list_seen_channels(session, ask.viewer, found.value))
        listed = [one for one in spaces.list_channels_of(session, found.id) if one.actor_id in seen]
        return stash(show_all(session, ask.viewer, [Found("channel", one.actor_id, one, found.id) for one in listed]))


@route(
    "POST",
    "/conferences/{id}/channels",
    scope="channel:write",
    makes=True,
    answers="channel",
    takes=new("channel", "name"),
)
def post_channel(ask: Ask) -> Shown:
    found = ask.find("conference")
    with reading() as session:
        find_standing(session, ask.viewer.actor_id, found.id).require_any(Bit.CHANNELS, Bit.SPACE)
    return channels.create_in(ask.viewer, found, ask.data("channel"))


@route("GET", "/conferences/{id}/emoji", scope="conference:read", is_open=True, answers=stash_of("emoji"))
def get_emoji(ask: Ask) -> Shown:
    with reading() as session:
        found = ask.find_in(session, "conference")
        listed = spaces.list_emoji(session, found.id)
        return stash(show_all(session, ask.asker, [Found("emoji", one.id, one, found.id) for one in listed]))


@route("POST", "/conferences/{id}/emoji", scope="conference:moderate", makes=True, answers="emoji")
def post_emoji(ask: Ask) -> Shown:
    found = ask.find("conference")
    emoji.require(ask.viewer, found.id)
    return emoji.create_in(ask.viewer, found.id, ask.data("emoji"))


@route("GET", "/conferences/{id}/roles/{child}", scope="conference:read", is_open=True, answers="role")
def get_role(ask: Ask) -> Shown:
    return _show_child(ask, "role")


@route("PATCH", "/conferences/{id}/roles/{child}", scope="role:moderate", answers="role")
def patch_role(ask: Ask) -> Shown:
    return roles.change(ask, _child(ask, "role"))


@route("DELETE", "/conferences/{id}/roles/{child}", scope="role:moderate")
def delete_role(ask: Ask) -> Shown:
    return roles.remove(ask, _child(ask, "role"))


@route("GET", "/conferences/{id}/invites/{child}", scope="conference:read", is_open=True, answers="invite")
def get_invite(ask: Ask) -> Shown:
    return _show_child(ask, "invite")


@route("PATCH", "/conferences/{id}/invites/{child}", scope="invite:create", answers="invite")
def patch_invite(ask: Ask) -> Shown:
    return invites.change(ask, _child(ask, "invite"))


@route("DELETE", "/conferences/{id}/invites/{child}", scope="invite:create")
def delete_invite(ask: Ask) -> Shown:
    return invites.remove(ask, _child(ask, "invite"))


@route("GET", "/conferences/{id}/channels/{child}", scope="channel:read", answers="channel")
def get_channel(ask: Ask) -> Shown:
    return _show_child(ask, "channel")


@route(
    "PATCH",
    "/conferences/{id}/channels/{child}",
    scope="channel:write",
    answers=or_id("channel"),
    takes=change_of("channel"),
)
def patch_channel(ask: Ask) -> Shown:
    return channels.change(ask, _child(ask, "channel"))


@route("DELETE", "/conferences/{id}/channels/{child}", scope="channel:write")
def delete_channel(ask: Ask) -> Shown:
    return channels.remove(ask, _child(ask, "channel"))


def _show_child(ask: Ask, kind: Kind) -> Shown:
    found = _child(ask, kind)
    with reading() as session:
        return show(session, ask.asker, found)


def _child(ask: Ask, kind: Kind) -> Found:
    """Raises NotPartOfError for one of another conference."""
    space = ask.find("conference")
    child = ask.find(kind, "child")
    if child.space_id != space.id:
        raise NotPartOfError
    return child


def _member(ask: Ask) -> tuple[Found, Found]:
    """(conference, member), who may also be named by the account."""
    space = ask.find("conference")
    return space, members.get_in_space(ask, space)


def _require(ask: Ask, space: Found, bit: Bit) -> None:
    with reading() as session:
        find_standing(session, ask.viewer.actor_id, space.id).require(bit)


def _columns(given: dict[str, Any]) -> dict[str, Any]:
    return {_COLUMNS.get(key, key): value for key, value in given.items()}
