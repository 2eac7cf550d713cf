"""Roles of a server: those that every one has, and those its owner made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Account, RoleGrant
from app.models import Role as OwnRole
from app.queries.home import HOME_ID
from app.queries.privileges import ALL_PRIVILEGES, DEFAULT_ROLE, ROLES, Role

MAX_ROLES = 100
NO_SUCH_ROLE = "The provided role_id does not exist or could not be found."

# Roles of other spaces are bits (`app.queries.standing`), and nothing to the server.
_IS_OF_SERVER = OwnRole.space_id == HOME_ID


def granted(rows: Iterable[Any]) -> frozenset[str]:
    """What the roles in the joined `privileges` of `rows` allow; a row of a role that every server has, has none."""
    named = (row.privileges for row in rows)
    return frozenset().union(*(privileges for privileges in named if privileges)) & ALL_PRIVILEGES


def list_roles(session: Session) -> list[Role]:
    """Those that every server has, then the server's own by name."""
    own = session.scalars(select(OwnRole).where(_IS_OF_SERVER).order_by(OwnRole.name_key).limit(MAX_ROLES))
    return [*ROLES.values(), *map(role_of, own)]


def find_roles(session: Session, role_ids: Collection[str]) -> dict[str, Role]:
    """Those there are, by id."""
    own = session.scalars(select(OwnRole).where(_IS_OF_SERVER, OwnRole.id.in_(role_ids)))
    return {role_id: ROLES[role_id] for role_id in role_ids if role_id in ROLES} | {
        role.id: role_of(role) for role in own
    }


def is_role_name_taken(session: Session, name_key: str, *, by: str | None = None) -> bool:
    """Whether another role than `by` is called so."""
    if any(role.name.casefold() == name_key for role in ROLES.values()) or name_key in ROLES:
        return True
    query = select(OwnRole.id).where(_IS_OF_SERVER, OwnRole.name_key == name_key, OwnRole.id != (by or ""))
    return session.scalar(query) is not None


def count_own_roles(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(OwnRole).where(_IS_OF_SERVER)) or 0


def count_holders(session: Session) -> Counter[str]:
    """How many accounts have each role; who was given none has the one that everybody has."""
    query = select(RoleGrant.role, func.count()).where(RoleGrant.space_id == HOME_ID).group_by(RoleGrant.role)
    counts: Counter[str] = Counter()
    for role, count in session.execute(query):
        counts[role] = count
    counted = select(func.count(RoleGrant.actor_id.distinct())).where(RoleGrant.space_id == HOME_ID)
    holders = session.scalar(counted) or 0
    accounts = session.scalar(select(func.count()).select_from(Account)) or 0
    counts[DEFAULT_ROLE] += max(accounts - holders, 0)
    return counts


def list_held(session: Session, actor_id: str) -> set[str]:
    """The roles that somebody was given."""
    query = select(RoleGrant.role).where(RoleGrant.actor_id == actor_id, RoleGrant.space_id == HOME_ID)
    return set(session.scalars(query))


def is_held(session: Session, role_id: str) -> bool:
    return session.scalar(select(RoleGrant.actor_id).where(RoleGrant.role == role_id).limit(1)) is not None


def role_of(role: OwnRole) -> Role:
    """A role of the table as all roles are shown."""
    return Role(role.id, role.name, frozenset(role.privileges) & ALL_PRIVILEGES, is_system=False)
