"""Writes of roles and of who has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete as delete_from
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.models import Role, RoleGrant


class Described(msgspec.Struct, frozen=True):
    """What a role is called and what it allows."""

    name: str
    privileges: frozenset[str]


def name_key(name: str) -> str:
    return name.casefold()[:255]


def add(
    session: Session,
    role_id: str,
    space_id: str,
    described: Described,
    *,
    now: datetime,
    of_bits: Mapping[str, Any] | None = None,
) -> None:
    """`of_bits` are permissions, color and description, which roles outside the home space have; several of those may
    have one name."""
    values = {"id": role_id, "space_id": space_id, "created_at": now, "updated_at": now}
    session.execute(insert(Role).values(values | _columns(described) | _others(role_id, of_bits)))


def change(
    session: Session,
    role_id: str,
    described: Described,
    *,
    now: datetime,
    of_bits: Mapping[str, Any] | None = None,
) -> None:
    values = {"updated_at": now} | _columns(described) | _others(role_id, of_bits)
    session.execute(update(Role).where(Role.id == role_id).values(values))


def delete(session: Session, role_id: str) -> None:
    session.execute(delete_from(Role).where(Role.id == role_id))


def give(session: Session, actor_id: str, space_id: str, role_id: str) -> None:
    session.execute(insert(RoleGrant).values(actor_id=actor_id, space_id=space_id, role=role_id))


def take(session: Session, actor_id: str, space_id: str, role_id: str) -> None:
    session.execute(
        delete_from(RoleGrant).where(
            RoleGrant.actor_id == actor_id, RoleGrant.space_id == space_id, RoleGrant.role == role_id
        )
    )


def take_from_all(session: Session, space_id: str, role_id: str) -> None:
    session.execute(delete_from(RoleGrant).where(RoleGrant.space_id == space_id, RoleGrant.role == role_id))


def _others(role_id: str, of_bits: Mapping[str, Any] | None) -> dict[str, object]:
    if of_bits is None:
        return {}
    names = ("permissions", "color", "description")
    return {name: of_bits[name] for name in names if name in of_bits} | {"name_key": role_id}


def _columns(described: Described) -> dict[str, object]:
    return {
        "name": described.name,
        "name_key": name_key(described.name),
        "privileges": sorted(described.privileges),
        "sees_private": "view_private_channels" in described.privileges,
    }
