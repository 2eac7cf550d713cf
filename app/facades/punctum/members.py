"""Members of conferences: what is their own, their roles, and their end (contracts/punctum.md, 1.4 and 2.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

from sqlalchemy.orm import Session

from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import at_once, deleted, do, refer, show_id, show_if_readable, shown_before
from app.facades.punctum.keys import MEMBER
from app.facades.punctum.problems import HiddenError, MissingObjectError, NotPartOfError, WrongTypeError
from app.facades.punctum.scopes import allow
from app.facades.punctum.values import reference
from app.pipeline import compose
from app.queries.actors import get_by_id
from app.queries.bits import Bit
from app.queries.objects import Found, find_for, find_object, may_read
from app.queries.punctum.shown import Known, Shown
from app.queries.scopes import Scope
from app.queries.spaces import find_member_of, view_members
from app.queries.standing import find_standing
from app.queries.viewers import Viewer


def require_membership(session: Session, viewer: Viewer, space_id: str) -> None:
    """Raises HiddenError."""
    if not find_standing(session, viewer.actor_id, space_id).is_member:
        raise HiddenError


def show_members(session: Session, members: Sequence[Any]) -> list[Shown]:
    """In as many queries as one takes."""
    shown: list[Shown] = []
    for view in view_members(session, members):
        values = {
            "user_id": view.actor_id,
            "parent_conference": view.space_id,
            "nickname": view.nickname,
            "roles": list(view.role_ids) or None,
            "permissions": view.permissions,
            "banned": False,
        }
        named = {"id": view.id, "type": "object", "object_type": "conference_member"}
        shown.append(named | {key: value for key, value in values.items() if value is not None})
    return shown


def get_in_space(ask: Ask, space: Found) -> Found:
    """By its id or by the account's. Raises MissingObjectError, HiddenError, WrongTypeError, NotPartOfError."""
    with reading() as session:
        named = find_for(session, ask.viewer, ask.given["child"])
        if named is None:
            raise MissingObjectError
        if not may_read(session, ask.viewer, named):
            raise HiddenError
        if named.kind == "account":
            require_membership(session, ask.viewer, space.id)
            member = find_member_of(session, space.id, named.id)
            if member is None:
                raise NotPartOfError("This account is not in the conference.")
            return Found("conference_member", member.id, member, space.id)
        if named.kind != "conference_member":
            raise WrongTypeError
        if named.space_id != space.id:
            raise NotPartOfError
        return named


def find_stranger(ask: Ask, space: Found) -> str | None:
    """The account that the path names, if it was never in the conference: it can be banned all the same.

    Raises HiddenError: outside, nobody learns who was.
    """
    with reading() as session:
        named = find_object(session, ask.given["child"])
        if named is None or named.kind != "account":
            return None
        require_membership(session, ask.viewer, space.id)
        if find_member_of(session, space.id, named.id) is not None:
            return None
    return named.id


def change(ask: Ask, found: Found) -> Shown:
    viewer, member = ask.viewer, found.value
    _require_change(viewer, member)
    changes = MEMBER.of_change(ask.data(), shown_before(ask, found))
    for scope in _scopes_of(changes.keys(), is_own=member.actor_id == viewer.actor_id):
        allow(viewer, scope)
    was_banned = member.banned_at is not None
    is_banned = bool(changes.pop("banned", was_banned))
    with at_once():
        if "roles" in changes:
            _set_roles(viewer, found, changes.pop("roles") or [])
        if changes:
            do(compose.member_update(viewer, found.id, changes))
        if is_banned and not was_banned:
            _ban(viewer, member.space_id, member.actor_id)
        if was_banned and not is_banned:
            _unban(viewer, found)
    return show_if_readable(viewer, found.id)


def _scopes_of(changes: Set[str], *, is_own: bool) -> Iterator[Scope]:
    """What a limited session needs to change these keys."""
    if "nickname" in changes:
        yield "conference_member:write_nick" if is_own else "conference_member:moderate_nick"
    if "banned" in changes:
        yield "conference_member:ban"
    if not changes.isdisjoint(("roles", "permissions")):
        yield "role:moderate"
    if not changes:
        yield "conference:read"


def _require_change(viewer: Viewer, member: Any) -> None:
    """Some bit that is about members. Raises HiddenError for who is none, ForbiddenError."""
    with reading() as session:
        require_membership(session, viewer, member.space_id)
        own = (Bit.OWN_NICKNAME,) if member.actor_id == viewer.actor_id else ()
        standing = find_standing(session, viewer.actor_id, member.space_id)
        standing.require_any(*own, Bit.NICKNAMES, Bit.ROLES, Bit.BAN)


def ban_stranger(ask: Ask, space: Found, actor_id: str) -> Shown:
    changes = MEMBER.of_change(ask.data(), {"object_type": "conference_member"})
    if changes.keys() != {"banned"} or not changes["banned"]:
        raise NotPartOfError("This account is not in the conference.")
    allow(ask.viewer, "conference_member:ban")
    return ban(ask.viewer, space.id, actor_id)


def remove(ask: Ask, found: Found) -> Shown:
    """Oneself, or another by who may put people out."""
    member = found.value
    if member.actor_id == ask.viewer.actor_id:
        allow(ask.viewer, "account:write")
        do(compose.leaving(ask.viewer, member.space_id))
        return deleted(found.id)
    allow(ask.viewer, "conference_member:kick")
    with reading() as session:
        find_standing(session, ask.viewer.actor_id, member.space_id).require(Bit.KICK)
        person = get_by_id(session, member.actor_id)
        home = find_object(session, member.space_id)
    if home is not None and home.value.is_home:
        raise ForbiddenError("Nobody is put out of the home conference but by a ban.")
    do(compose.space_kick(ask.viewer, member.space_id, person))
    return deleted(found.id)


def ban(viewer: Viewer, space_id: str, actor_id: str) -> Shown:
    _ban(viewer, space_id, actor_id)
    with reading() as session:
        banned = find_member_of(session, space_id, actor_id)
    return show_id(viewer, banned.id) if banned else deleted(actor_id)


def _ban(viewer: Viewer, space_id: str, actor_id: str) -> None:
    if actor_id == viewer.actor_id:
        raise ForbiddenError("Nobody bans themselves.")
    with reading() as session:
        find_standing(session, viewer.actor_id, space_id).require(Bit.BAN)
        person = get_by_id(session, actor_id)
        space = find_object(session, space_id)
    if space is not None and space.value.is_home:
        do(compose.ban(viewer, person))
    else:
        do(compose.space_ban(viewer, space_id, person))


def unban(viewer: Viewer, found: Found) -> Shown:
    """Who stays a member, as in the home conference, is shown."""
    _unban(viewer, found)
    return show_if_readable(viewer, found.id)


def _unban(viewer: Viewer, found: Found) -> None:
    member = found.value
    with reading() as session:
        find_standing(session, viewer.actor_id, member.space_id).require(Bit.BAN)
        person = get_by_id(session, member.actor_id)
        space = find_object(session, member.space_id)
    if space is not None and space.value.is_home:
        do(compose.ban_lifted(viewer, person))
    else:
        do(compose.space_ban_lifted(viewer, member.space_id, person))


def join_as(viewer: Viewer, space: Found, data: Data) -> Shown:
    """Who is a member already is shown as it is. Raises HiddenError for who names somebody else from outside,
    ForbiddenError for anybody but oneself and one's bots, and for who is banned."""
    actor_id = reference("user_id", data.get("user_id", viewer.actor_id))
    account = refer(viewer, "user_id", actor_id, {"account"})
    with reading() as session:
        if actor_id != viewer.actor_id:
            require_membership(session, viewer, space.id)
        known = find_member_of(session, space.id, actor_id)
        may_invite = find_standing(session, viewer.actor_id, space.id).has(Bit.INVITE)
    if known is None or known.banned_at is not None:
        joining = viewer
        if account.value.bot_owner_id == viewer.actor_id and may_invite:
            with reading() as session:
                bot = get_by_id(session, actor_id)
            joining = Viewer(bot.id, bot.uri, bot.preferred_username)
        elif actor_id != viewer.actor_id:
            raise ForbiddenError("Only they themselves can join.")
        activity, private = compose.joining(joining, space.id, invite_id=None)
        do((activity, {**private, "invited_by": viewer.actor_id}))
        with reading() as session:
            joined = find_member_of(session, space.id, actor_id)
        return show_id(viewer, joined.id) if joined else deleted(space.id)
    return Known(show_id(viewer, known.id))


def _set_roles(viewer: Viewer, found: Found, wanted: list[str]) -> None:
    """The whole list is replaced, by one activity for each that is given or taken."""
    member = found.value
    for role_id in wanted:
        role = refer(viewer, "roles", role_id, {"role"})
        if role.space_id != member.space_id:
            raise NotPartOfError("roles: a role of another conference.")
    with reading() as session:
        find_standing(session, viewer.actor_id, member.space_id).require(Bit.ROLES)
        [view] = view_members(session, [member])
        person = get_by_id(session, member.actor_id)
    for role_id in wanted:
        if role_id not in view.role_ids:
            do(compose.role_given(viewer, person, role_id))
    for role_id in view.role_ids:
        if role_id not in wanted:
            do(compose.role_taken(viewer, person, role_id))
