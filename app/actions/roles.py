"""The owner makes roles and gives them to people."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.db import reading
from app.errors import InvalidInputError, NotFoundError
from app.ids import new_id
from app.pipeline import compose, submit, submit_together
from app.queries.accounts import NO_SUCH_USER
from app.queries.actors import find_by_id
from app.queries.privileges import DEFAULT_ROLE, Role
from app.queries.roles import NO_SUCH_ROLE, find_roles, list_held
from app.queries.viewers import Viewer


class Holder(msgspec.Struct, frozen=True):
    """Somebody and all the roles they have; who was given none has the one that everybody has."""

    actor_id: str
    username: str
    roles: tuple[str, ...]


def make_role(viewer: Viewer, name: str, privileges: Sequence[str]) -> Role:
    """Raises InvalidInputError, ConflictError for a name that is taken, ForbiddenError for what the viewer may not."""
    role_id = new_id("role")
    submit(compose.role(viewer, role_id, name, is_new=True), private={"name": name, "privileges": tuple(privileges)})
    return _get(role_id)


def change_role(viewer: Viewer, role_id: str, name: str | None, privileges: Sequence[str] | None) -> Role:
    """None leaves what is. Raises NotFoundError, and what `make_role` raises."""
    known = _get(role_id)
    name = known.name if name is None else name
    allowed = known.privileges if privileges is None else privileges
    submit(compose.role(viewer, role_id, name, is_new=False), private={"name": name, "privileges": tuple(allowed)})
    return _get(role_id)


def delete_role(viewer: Viewer, role_id: str) -> None:
    """Raises NotFoundError, ForbiddenError for one that every server has, ConflictError for one that somebody has."""
    _get(role_id)
    submit(compose.role_deletion(viewer, role_id))


def set_roles(viewer: Viewer, actor_id: str, role_ids: Sequence[str]) -> Holder:
    """Give somebody exactly these roles, at once.

    Raises NotFoundError for who is nobody here, InvalidInputError for a role that there is not, ForbiddenError for
    the owner's role, given or taken.
    """
    wanted = {role_id for role_id in role_ids if role_id != DEFAULT_ROLE}
    with reading() as session:
        person = find_by_id(session, actor_id)
        if person is None or person.deleted_at is not None or not person.is_local or person.type != "Person":
            raise NotFoundError(NO_SUCH_USER)
        if find_roles(session, wanted).keys() != wanted:
            raise InvalidInputError(NO_SUCH_ROLE)
        held = list_held(session, person.id)
    submit_together(
        compose.roles_change(viewer, person, given=sorted(wanted - held), taken=sorted(held - wanted)),
    )
    return Holder(person.id, person.name, tuple(sorted(wanted)) or (DEFAULT_ROLE,))


def _get(role_id: str) -> Role:
    with reading() as session:
        role = find_roles(session, [role_id]).get(role_id)
    if role is None:
        raise NotFoundError(NO_SUCH_ROLE)
    return role
