"""Roles of the home space: made, changed and deleted as collections of people, given and taken by Add and Remove.

Only our own people do any of it, and nobody hands out what they may not do themselves.
"""

from __future__ import annotations

from collections.abc import Collection

from app.act import Act, LiveEvent
from app.effects.speaking import authorise_naming
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor, Space
from app.projections import audit, roles
from app.projections.roles import Described
from app.queries.actors import PEOPLE, find_actor
from app.queries.channels import get_home_space
from app.queries.permissions import Permissions, get_permissions, held_privileges
from app.queries.privileges import ALL_PRIVILEGES, ROLES, Role
from app.queries.roles import (
    MAX_ROLES,
    NO_SUCH_ROLE,
    count_own_roles,
    find_roles,
    is_held,
    is_role_name_taken,
    list_held,
)

MAX_NAME = 64
_PRIVILEGE = "manage_server_privileges"
_OWNER = "owner"


def is_about_role(act: Act) -> bool:
    """Whether an activity of ours has a role as its object."""
    return act.is_local and _role_id(act, act.activity.object_id) is not None


def is_for_role(act: Act) -> bool:
    """Whether an activity of ours has a role as its target."""
    return act.is_local and _role_id(act, act.activity.target) is not None


def authorise_making(act: Act) -> None:
    permissions = _require(act)
    authorise_naming(act)
    _check_new(act, permissions, by=None)
    if count_own_roles(act.session) >= MAX_ROLES:
        raise ConflictError(f"A server has {MAX_ROLES} roles of its own at most.")


def make(act: Act) -> None:
    role_id = _role_id(act, act.activity.object_id) or ""
    space = get_home_space(act.session)
    roles.add(act.session, role_id, space.actor_id, _given(act), now=act.now)
    audit.note(act.session, "role_created", actor_id=act.actor.id, target=role_id, now=act.now)
    _tell(act, "role_changed", role_id=role_id)


def authorise_change(act: Act) -> None:
    permissions = _require(act)
    role = _get_own(act, act.activity.object_id)
    _check_reach(permissions, role.privileges)
    if _given(act).name != role.name:
        authorise_naming(act)
    _check_new(act, permissions, by=role.id)


def change(act: Act) -> None:
    role_id = _role_id(act, act.activity.object_id) or ""
    roles.change(act.session, role_id, _given(act), now=act.now)
    audit.note(act.session, "role_updated", actor_id=act.actor.id, target=role_id, now=act.now)
    _tell(act, "role_changed", role_id=role_id)


def authorise_deletion(act: Act) -> None:
    permissions = _require(act)
    role = _get_own(act, act.activity.object_id)
    _check_reach(permissions, role.privileges)
    if is_held(act.session, role.id):
        raise ConflictError("This role is assigned to users. Take it from them first.")


def delete(act: Act) -> None:
    role_id = _role_id(act, act.activity.object_id) or ""
    roles.delete(act.session, role_id)
    audit.note(act.session, "role_deleted", actor_id=act.actor.id, target=role_id, now=act.now)
    _tell(act, "role_deleted", role_id=role_id)


def authorise_grant(act: Act) -> None:
    """Also for taking a role away: not by who may do less than the person. The owner stays the owner, whoever asks."""
    permissions = _require(act)
    role = _get(act, act.activity.target)
    person = find_actor(act.session, act.activity.object_id)
    if person is None or not person.is_local or person.type not in PEOPLE:
        raise NotFoundError("Only people of this server have roles.")
    if role.id == _OWNER:
        raise ForbiddenError("A server has one owner, and it stays the one it has.")
    _check_reach(permissions, role.privileges)
    if not permissions.viewer.privileges.issuperset(held_privileges(act.session, person.id)):
        raise ForbiddenError("Access forbidden. The targeted user's roles allow more than you may do yourself.")
    act.found |= {"person": person, "role": role}


def give(act: Act) -> None:
    person, role, space = _granted(act)
    if role.id not in list_held(act.session, person.id):
        roles.give(act.session, person.id, space.actor_id, role.id)
        _note(act, person, role, "given")
        _tell(act, "member_changed", account_id=person.id)


def take(act: Act) -> None:
    person, role, space = _granted(act)
    roles.take(act.session, person.id, space.actor_id, role.id)
    _note(act, person, role, "taken")
    _tell(act, "member_changed", account_id=person.id)


def _granted(act: Act) -> tuple[Actor, Role, Space]:
    return act.found.pop("person"), act.found.pop("role"), get_home_space(act.session)


def _note(act: Act, person: Actor, role: Role, done: str) -> None:
    audit.note(
        act.session, "user_roles_updated", actor_id=act.actor.id, target=person.id, now=act.now, role=role.id, done=done
    )


def _tell(act: Act, type_: str, **data: str) -> None:
    home = get_home_space(act.session).actor_id
    act.publish(LiveEvent(type_, channel_id=home, actor_id=act.actor.id, data=data))


def _require(act: Act) -> Permissions:
    permissions = get_permissions(act.session, act.actor)
    permissions.require(_PRIVILEGE)
    return permissions


def _given(act: Act) -> Described:
    return Described(act.private["name"].strip(), frozenset(act.private["privileges"]))


def _check_new(act: Act, permissions: Permissions, *, by: str | None) -> None:
    name, privileges = act.private["name"].strip(), set(act.private["privileges"])
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidInputError(f"A role's name has 1 to {MAX_NAME} characters.")
    if not privileges <= ALL_PRIVILEGES:
        raise InvalidInputError("There is no such privilege. Ask for the list of privileges.")
    _check_reach(permissions, privileges)
    if is_role_name_taken(act.session, roles.name_key(name), by=by):
        raise ConflictError("A role with this name exists already.")


def _check_reach(permissions: Permissions, privileges: Collection[str]) -> None:
    if not permissions.viewer.privileges.issuperset(privileges):
        raise ForbiddenError("Access forbidden. This role allows more than you may do yourself.")


def _get_own(act: Act, uri: str | None) -> Role:
    role = _get(act, uri)
    if role.is_system:
        raise ForbiddenError("Built-in roles cannot be changed or deleted.")
    return role


def _get(act: Act, uri: str | None) -> Role:
    role_id = _role_id(act, uri) or ""
    role = find_roles(act.session, [role_id]).get(role_id)
    if role is None:
        raise NotFoundError(NO_SUCH_ROLE)
    return role


def _role_id(act: Act, uri: str | None) -> str | None:
    """The id in the URI of a role; those that every server has are named by theirs."""
    prefix = act.uris.role("")
    if uri is None or not uri.startswith(prefix):
        return None
    role_id = uri.removeprefix(prefix)
    return role_id if role_id in ROLES or act.uris.local_id(uri) == role_id else None
