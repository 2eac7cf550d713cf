"""Roles and privileges (contracts/pufferblow.md, 0.6 and 11)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions import roles
from app.db import reading
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id
from app.queries.privileges import PRIVILEGES, Role
from app.queries.roles import count_holders, list_roles
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Roles"
PRIVILEGE = "manage_server_privileges"

RoleName = Annotated[str, Field(min_length=1, max_length=64)]
Privileges = Annotated[list[Id], Field(max_length=64)]


class MakeRole(Params):
    role_name: RoleName
    privileges_ids: Privileges


class WhichRole(Params):
    role_id: Id


class ChangeRole(WhichRole):
    role_name: RoleName | None = None
    privileges_ids: Privileges | None = None


class SetRoles(Params):
    target_user_id: Id
    roles_ids: Annotated[list[Id], Field(max_length=100)]


class RoleShown(Shape):
    role_id: str
    role_name: str
    privileges_ids: list[str]
    is_system: bool
    user_count: int


class RolesListed(Shape):
    status_code: int
    roles: list[RoleShown]


class PrivilegeShown(Shape):
    privilege_id: str
    privilege_name: str
    category: str


class PrivilegesListed(Shape):
    status_code: int
    privileges: list[PrivilegeShown]


class RoleDone(Done):
    role: RoleShown


class UserWithRoles(Shape):
    user_id: str
    username: str
    roles_ids: list[str]


class UserRolesSet(Done):
    user: UserWithRoles


@API.signed_in(
    "POST",
    "/api/v1/system/roles/list",
    params=NoParams,
    answer=RolesListed,
    tag=TAG,
    summary="Roles, what they allow and how many people have them",
    scope="conference:read",
)
def list_all_roles(_viewer: Viewer, _: NoParams) -> RolesListed:
    with reading() as session:
        found = list_roles(session)
        counts = count_holders(session)
    return RolesListed(status_code=200, roles=[_shown(role, counts[role.id]) for role in found])


@API.signed_in(
    "POST",
    "/api/v1/system/privileges/list",
    params=NoParams,
    answer=PrivilegesListed,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Everything that a role may allow",
    scope="role:moderate",
)
def list_privileges(_viewer: Viewer, _: NoParams) -> PrivilegesListed:
    return PrivilegesListed(
        status_code=200,
        privileges=[
            PrivilegeShown(privilege_id=privilege, privilege_name=_title(privilege), category=category)
            for category, privileges in PRIVILEGES.items()
            for privilege in privileges
        ],
    )


@API.signed_in(
    "POST",
    "/api/v1/system/roles",
    params=MakeRole,
    answer=RoleDone,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Make a role",
    status=201,
    errors={409},
    scope="role:moderate",
)
def make_role(viewer: Viewer, params: MakeRole) -> RoleDone:
    role = roles.make_role(viewer, params.role_name, params.privileges_ids)
    return RoleDone(status_code=201, message="Role created successfully.", role=_shown(role, 0))


@API.signed_in(
    "PUT",
    "/api/v1/system/roles/{role_id}",
    params=ChangeRole,
    answer=RoleDone,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Change a role's name, or what it allows",
    errors={404, 409},
    scope="role:moderate",
)
def change_role(viewer: Viewer, params: ChangeRole) -> RoleDone:
    role = roles.change_role(viewer, params.role_id, params.role_name, params.privileges_ids)
    with reading() as session:
        counts = count_holders(session)
    return RoleDone(status_code=200, message="Role updated successfully.", role=_shown(role, counts[role.id]))


@API.signed_in(
    "DELETE",
    "/api/v1/system/roles/{role_id}",
    params=WhichRole,
    answer=Done,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Delete a role that nobody has",
    errors={404, 409},
    scope="role:moderate",
)
def delete_role(viewer: Viewer, params: WhichRole) -> Done:
    roles.delete_role(viewer, params.role_id)
    return Done(status_code=200, message="Role deleted successfully.")


@API.signed_in(
    "PUT",
    "/api/v1/system/users/{target_user_id}/roles",
    params=SetRoles,
    answer=UserRolesSet,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Give somebody exactly these roles",
    errors={404, 409},
    scope="role:moderate",
)
def set_user_roles(viewer: Viewer, params: SetRoles) -> UserRolesSet:
    holder = roles.set_roles(viewer, params.target_user_id, params.roles_ids)
    user = UserWithRoles(user_id=holder.actor_id, username=holder.username, roles_ids=list(holder.roles))
    return UserRolesSet(status_code=200, message="User roles updated successfully.", user=user)


def _shown(role: Role, user_count: int) -> RoleShown:
    return RoleShown(
        role_id=role.id,
        role_name=role.name,
        privileges_ids=sorted(role.privileges),
        is_system=role.is_system,
        user_count=user_count,
    )


def _title(privilege: str) -> str:
    return privilege.replace("_", " ").title().replace("Ips", "IPs")
