"""Writes of roles and of who has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete as delete_from
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.models import Role, RoleGrant


@dataclass(frozen=True, slots=True)
class Described:
    """What a role is called and what it allows."""

    name: str
    privileges: frozenset[str]


def name_key(name: str) -> str:
    return name.casefold()[:255]


def add(session: Session, role_id: str, space_id: str, described: Described, *, now: datetime) -> None:
    values = {"id": role_id, "space_id": space_id, "created_at": now, "updated_at": now}
    session.execute(insert(Role).values(values | _columns(described)))


def change(session: Session, role_id: str, described: Described, *, now: datetime) -> None:
    session.execute(update(Role).where(Role.id == role_id).values({"updated_at": now} | _columns(described)))


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


def _columns(described: Described) -> dict[str, object]:
    return {
        "name": described.name,
        "name_key": name_key(described.name),
        "privileges": sorted(described.privileges),
        "sees_private": "view_private_channels" in described.privileges,
    }
