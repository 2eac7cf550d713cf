"""What one of our actors may do, asked anew for each activity: a token that was valid is not a role that still is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Row, Select, and_, bindparam, select
from sqlalchemy.orm import Session

from app.db import rows_of
from app.errors import ForbiddenError
from app.models import Account, Actor, Role, RoleGrant
from app.queries.accounts import BANNED
from app.queries.home import HOME_ID
from app.queries.privileges import DEFAULT_ROLE, outranks, privileges_of
from app.queries.roles import granted
from app.queries.viewers import Viewer
from app.queries.visibility import Place, Shape, sees_place

# Built once, because building a statement takes longer than running it.
_PERMISSIONS: Select[*tuple[Any, ...]] = (
    select(
        Account.username,
        Account.timed_out_until,
        Account.banned_at,
        Account.status,
        Account.about,
        Account.last_seen_at,
        RoleGrant.role,
        Role.privileges,
    )
    .select_from(Account)
    .outerjoin(RoleGrant, and_(RoleGrant.actor_id == Account.actor_id, RoleGrant.space_id == HOME_ID))
    .outerjoin(Role, Role.id == RoleGrant.role)
    .where(Account.actor_id == bindparam("actor_id"))
)
_ROLES_OF_SEVERAL: Select[*tuple[Any, ...]] = (
    select(Account.actor_id, RoleGrant.role, Role.privileges)
    .select_from(Account)
    .outerjoin(RoleGrant, and_(RoleGrant.actor_id == Account.actor_id, RoleGrant.space_id == HOME_ID))
    .outerjoin(Role, Role.id == RoleGrant.role)
    .where(Account.actor_id.in_(bindparam("candidates", expanding=True)), Account.banned_at.is_(None))
)


class Permissions(msgspec.Struct, frozen=True):
    """What an account may do, and what others are shown of it beside what it does."""

    viewer: Viewer
    timed_out_until: datetime | None
    status: str
    about: str | None
    last_seen_at: datetime

    def require(self, privilege: str) -> None:
        """Raises ForbiddenError."""
        self.viewer.require(privilege)


def held_privileges(session: Session, actor_id: str) -> frozenset[str]:
    """What an account may do, or could if it were not banned; nothing for who has none here."""
    rows = session.execute(_PERMISSIONS, {"actor_id": actor_id}).all()
    return _held(rows) if rows else frozenset()


def who_holds(session: Session, privilege: str, candidates: Collection[str]) -> set[str]:
    """Those of `candidates` (actor ids) whose roles allow it now, in one query; nobody who is banned."""
    held = privileges_of_several(session, candidates)
    return {actor_id for actor_id, privileges in held.items() if privilege in privileges}


def privileges_of_several(session: Session, candidates: Collection[str]) -> dict[str, frozenset[str]]:
    """What each of `candidates` (actor ids) may do, in one query; without those who are banned or have no account."""
    rows_by_account: dict[str, list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    for row in session.execute(_ROLES_OF_SEVERAL, {"candidates": list(candidates)}):
        rows_by_account[row.actor_id].append(row)
    return {actor_id: _held(rows) for actor_id, rows in rows_by_account.items()}


def require_rank_over(session: Session, permissions: Permissions, actor_id: str) -> None:
    """Raises ForbiddenError where the other may do as much."""
    if not outranks(permissions.viewer.privileges, held_privileges(session, actor_id)):
        raise ForbiddenError("Access forbidden. The targeted user's roles allow as much as yours.")


def get_permissions(session: Session, actor: Actor) -> Permissions:
    """Raises ForbiddenError for an account that is banned, or an actor that is no account."""
    return _permissions(actor, rows_of(session, _PERMISSIONS, {"actor_id": actor.id}))


def get_permissions_at(session: Session, actor: Actor, place: Place) -> tuple[Permissions, bool]:
    """What an actor may do, and whether it may see the place. Raises as `get_permissions`."""
    rows = rows_of(session, _permissions_at(place.shape), {"actor_id": actor.id, **place.ids})
    return _permissions(actor, rows), not place.is_gone and bool(rows[0].sees)


@cache
def _permissions_at(shape: Shape) -> Select[*tuple[Any, ...]]:
    return _PERMISSIONS.add_columns(sees_place(shape).label("sees"))


def _held(rows: Sequence[Row[*tuple[Any, ...]]]) -> frozenset[str]:
    """What the roles of one account allow; its rows have a role each, or none."""
    return privileges_of([row.role for row in rows if row.role] or [DEFAULT_ROLE]) | granted(rows)


def _permissions(actor: Actor, rows: Sequence[Row[*tuple[Any, ...]]]) -> Permissions:
    if not rows or rows[0].banned_at is not None:
        raise ForbiddenError(BANNED)
    roles = frozenset(row.role for row in rows if row.role) or frozenset({DEFAULT_ROLE})
    viewer = Viewer(actor.id, actor.uri, rows[0].username, roles, granted=granted(rows))
    account = rows[0]
    return Permissions(viewer, account.timed_out_until, account.status, account.about, account.last_seen_at)
