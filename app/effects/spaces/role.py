"""Roles of a space with bits, and who has them."""

from __future__ import annotations

from app.act import Act
from app.effects.spaces.member import require_rank_over
from app.effects.spaces.rules import check_bits, check_name, check_said, get_space, require, tell, values_of
from app.errors import ConflictError, NotFoundError
from app.models import Actor, Member, Role
from app.projections import roles
from app.projections.roles import Described
from app.queries.actors import find_actor
from app.queries.bits import Bit, combine
from app.queries.spaces import find_member_of, find_role, find_space, list_bits_of_roles, list_space_roles

MAX_ROLES = 100
NO_SUCH_ROLE = "There is no such role."


def authorise_making(act: Act) -> None:
    space = get_space(act, act.private["space_id"])
    standing = require(act, space.id, Bit.ROLES)
    _check(act)
    standing.require_reach(values_of(act).get("permissions") or 0)
    if len(list_space_roles(act.session, space.id)) >= MAX_ROLES:
        raise ConflictError(f"A conference has {MAX_ROLES} roles at most.")


def make(act: Act) -> None:
    role_id, space_id = act.uris.local_id(act.activity.object_id or "") or "", act.private["space_id"]
    values = values_of(act)
    roles.add(act.session, role_id, space_id, Described(values["name"], frozenset()), now=act.now, of_bits=values)
    act.found["role_id"] = role_id
    tell(act, "role_changed", space_id, role_id=role_id)


def authorise_change(act: Act) -> None:
    role = _role(act, act.activity.object_id)
    standing = require(act, role.space_id, Bit.ROLES)
    standing.require_reach(role.permissions or 0)
    _check(act)
    values = values_of(act)
    if "permissions" in values:
        standing.require_reach(_difference(act, role, values["permissions"]))
    act.found["role"] = role


def change(act: Act) -> None:
    role: Role = act.found.pop("role")
    values = values_of(act)
    described = Described(values.get("name", role.name), frozenset())
    roles.change(act.session, role.id, described, now=act.now, of_bits=values)
    tell(act, "role_changed", role.space_id, role_id=role.id)


def authorise_deletion(act: Act) -> None:
    role = _role(act, act.activity.object_id)
    require(act, role.space_id, Bit.ROLES).require_reach((role.permissions or 0) | _difference(act, role, None))
    act.found["role"] = role


def delete(act: Act) -> None:
    """Whoever has it loses it."""
    role: Role = act.found.pop("role")
    roles.take_from_all(act.session, role.space_id, role.id)
    roles.delete(act.session, role.id)
    tell(act, "role_deleted", role.space_id, role_id=role.id)


def is_for_role(act: Act) -> bool:
    """Whether an Add or a Remove of ours gives or takes such a role."""
    if not act.is_local or act.uris.kind_of(act.activity.target) != "roles":
        return False
    role = find_role(act.session, act.uris.local_id(act.activity.target or "") or "")
    space = find_space(act.session, role.space_id) if role else None
    return space is not None and not space.is_home


def authorise_grant(act: Act) -> None:
    """Also for taking one away."""
    role = _role(act, act.activity.target)
    person = find_actor(act.session, act.activity.object_id)
    member = find_member_of(act.session, role.space_id, person.id) if person else None
    if person is None or member is None or member.banned_at is not None:
        raise NotFoundError("Only members have roles.")
    standing = require(act, role.space_id, Bit.ROLES)
    standing.require_reach(role.permissions or 0)
    if person.id != act.actor.id:
        require_rank_over(act, standing, role.space_id, person.id)
    standing.require_reach(_outcome(act, role, member))
    act.found |= {"role": role, "person": person, "member_id": member.id}


def give(act: Act) -> None:
    role, person = _granted(act)
    roles.take(act.session, person.id, role.space_id, role.id)
    roles.give(act.session, person.id, role.space_id, role.id)
    tell(act, "member_changed", role.space_id, member_id=act.found.pop("member_id"))


def take(act: Act) -> None:
    role, person = _granted(act)
    roles.take(act.session, person.id, role.space_id, role.id)
    tell(act, "member_changed", role.space_id, member_id=act.found.pop("member_id"))


def _granted(act: Act) -> tuple[Role, Actor]:
    return act.found.pop("role"), act.found.pop("person")


def _role(act: Act, uri: str | None) -> Role:
    found = find_role(act.session, act.uris.local_id(uri or "") or "")
    if found is None:
        raise NotFoundError(NO_SUCH_ROLE)
    return found


def _difference(act: Act, role: Role, after: int | None) -> int:
    """The bits that its holders gain or lose when it has other ones: without any, they have those of the space."""
    inherited = get_space(act, role.space_id).permissions
    return (inherited if role.permissions is None else role.permissions) ^ (inherited if after is None else after)


def _outcome(act: Act, role: Role, member: Member) -> int:
    """The bits that a member gains or loses by the grant: with the last role goes what it kept from them."""
    held = dict(list_bits_of_roles(act.session, role.space_id, member.actor_id))
    after = held | {role.id: role.permissions}
    if act.activity.type == "Remove":
        del after[role.id]
    of_space = get_space(act, role.space_id).permissions
    before = combine(space=of_space, roles=held.values(), member=member.permissions)
    return before ^ combine(space=of_space, roles=after.values(), member=member.permissions)


def _check(act: Act) -> None:
    values = values_of(act)
    if "name" in values:
        check_name(values["name"], what="A role's name")
    check_said(act)
    if "permissions" in values:
        check_bits(values["permissions"])
