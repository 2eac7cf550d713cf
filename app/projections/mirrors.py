"""Writes of what is at home on other instances: the same rows as ours, with an actor that has a host.

Its home decides what is in them, and who may do what. An actor that is known over Punctum alone has no inbox.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from activitypub import html
from app.db import upsert
from app.ids import new_id
from app.models import (
    Actor,
    Channel,
    CustomEmoji,
    Invite,
    Member,
    Role,
    RoleGrant,
    Space,
    ToldPerson,
)

NO_INBOX = ""


def add_person(session: Session, uri: str, domain: str, values: Mapping[str, Any], *, now: datetime) -> str:
    id_ = new_id("user")
    kind = "Service" if values.get("is_bot") else "Person"
    session.execute(insert(Actor).values(_actor(id_, uri, domain, kind, now=now) | _person(values)))
    return id_


def change_person(session: Session, actor_id: str, values: Mapping[str, Any], *, now: datetime) -> None:
    is_alive = (Actor.id == actor_id, Actor.deleted_at.is_(None))
    session.execute(update(Actor).where(*is_alive).values(_person(values) | {"updated_at": now}))


def save_told(session: Session, actor_id: str, values: Mapping[str, Any]) -> None:
    """What ActivityPub has no word for."""
    told = {name: values.get(name) for name in ("status_text", "bot_owner_id")} | {"status": values["status"]}
    row = upsert(session, ToldPerson).values(told | {"actor_id": actor_id})
    session.execute(row.on_conflict_do_update(index_elements=["actor_id"], set_=told))


def add_space(session: Session, uri: str, domain: str, values: Mapping[str, Any], *, now: datetime) -> str:
    id_ = new_id("space")
    named = {"preferred_username": values["name"], "name": values["name"], "icon_url": values.get("icon_url")}
    session.execute(insert(Actor).values(_actor(id_, uri, domain, "Group", now=now) | named))
    session.execute(insert(Space).values({"actor_id": id_, "is_home": False} | _space(values)))
    return id_


def change_space(session: Session, space_id: str, values: Mapping[str, Any], *, now: datetime) -> None:
    named = {"name": values["name"], "icon_url": values.get("icon_url"), "updated_at": now}
    session.execute(update(Actor).where(Actor.id == space_id).values(named))
    session.execute(update(Space).where(Space.actor_id == space_id).values(_space(values)))


def add_channel(
    session: Session, space_id: str, uri: str, domain: str, values: Mapping[str, Any], *, now: datetime
) -> str:
    id_ = new_id("channel")
    named = {"preferred_username": values["name"], "name": values["name"], "manually_approves": True}
    session.execute(insert(Actor).values(_actor(id_, uri, domain, "Group", now=now) | named))
    row = {"actor_id": id_, "space_id": space_id, "is_private": True, "has_bits": True, "head": 0, "created_at": now}
    session.execute(insert(Channel).values(row | _channel(values)))
    return id_


def change_channel(session: Session, channel_id: str, space_id: str, values: Mapping[str, Any]) -> None:
    """It may have been moved to another space of its home: what is said in it is for the members of that one."""
    moved = update(Channel).where(Channel.category_id == channel_id, Channel.space_id != space_id)
    session.execute(moved.values(category_id=None))
    changed = {"space_id": space_id} | _channel(values)
    session.execute(update(Channel).where(Channel.actor_id == channel_id).values(changed))
    session.execute(update(Actor).where(Actor.id == channel_id).values(name=values["name"]))


def save_role(session: Session, role_id: str | None, space_id: str, values: Mapping[str, Any], *, now: datetime) -> str:
    """Whether two may have one name is for its home to say, so here each has its id for a key."""
    id_ = role_id or new_id("role")
    row = {key: values.get(key) for key in ("name", "permissions", "color", "description")} | {"updated_at": now}
    if role_id is not None:
        session.execute(update(Role).where(Role.id == role_id).values(row))
        return role_id
    made = {"id": id_, "space_id": space_id, "created_at": now}
    held: dict[str, Any] = {"name_key": id_, "privileges": [], "sees_private": False}
    session.execute(insert(Role).values(row | made | held))
    return id_


def save_member(
    session: Session,
    space_id: str,
    actor_id: str,
    values: Mapping[str, Any],
    role_ids: Collection[str],
    *,
    now: datetime,
) -> None:
    own = {"nickname": values.get("nickname"), "permissions": values.get("permissions"), "banned_at": None}
    row = upsert(session, Member).values(
        id=new_id("member"), space_id=space_id, actor_id=actor_id, joined_at=now, **own
    )
    session.execute(row.on_conflict_do_update(index_elements=["space_id", "actor_id"], set_=own))
    session.execute(delete(RoleGrant).where(RoleGrant.space_id == space_id, RoleGrant.actor_id == actor_id))
    for role_id in dict.fromkeys(role_ids):
        session.execute(insert(RoleGrant).values(actor_id=actor_id, space_id=space_id, role=role_id))


def ban_member(session: Session, member_id: str, *, now: datetime) -> None:
    gone = {"banned_at": now, "permissions": None, "nickname": None}
    session.execute(update(Member).where(Member.id == member_id).values(gone))


def save_invite(
    session: Session,
    invite_id: str | None,
    *,
    name: str,
    domain: str,
    space_id: str,
    creator_id: str,
    now: datetime,
) -> str:
    """Its name is one of its own instance, so here it is known with that behind it. Whatever had it before is gone
    there or called otherwise by now, and comes back by its id if it is told of again."""
    id_ = invite_id or new_id("invite")
    named = {"name": name, "name_key": f"{name.casefold()}@{domain}"[:255]}
    is_of_domain = Invite.space_id.in_(select(Actor.id).where(Actor.host == domain))
    session.execute(delete(Invite).where(Invite.name_key == named["name_key"], Invite.id != id_, is_of_domain))
    made = {"id": id_, "space_id": space_id, "creator_id": creator_id, "created_at": now}
    row = upsert(session, Invite).values(made | named)
    session.execute(row.on_conflict_do_update(index_elements=["id"], set_=named))
    return id_


def save_emoji(
    session: Session,
    emoji_id: str | None,
    *,
    space_id: str,
    creator_id: str,
    values: Mapping[str, Any],
    now: datetime,
) -> str:
    """Its shortcode is one of its space: as with an invite's name."""
    id_ = emoji_id or new_id("emoji")
    told = {key: values.get(key) for key in ("shortcode", "note", "image_url")} | {"updated_at": now}
    is_taken = (CustomEmoji.space_id == space_id, CustomEmoji.shortcode == told["shortcode"], CustomEmoji.id != id_)
    session.execute(delete(CustomEmoji).where(*is_taken))
    made = {"id": id_, "space_id": space_id, "creator_id": creator_id, "created_at": now}
    row = upsert(session, CustomEmoji).values(made | told)
    session.execute(row.on_conflict_do_update(index_elements=["id"], set_=told))
    return id_


def _actor(id_: str, uri: str, domain: str, type_: str, *, now: datetime) -> dict[str, Any]:
    return {
        "id": id_,
        "uri": uri,
        "type": type_,
        "host": domain,
        "summary": "",
        "inbox": NO_INBOX,
        "manually_approves": True,
        "discoverable": False,
        "created_at": now,
        "updated_at": now,
    }


def _person(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "preferred_username": values["username"],
        "name": values.get("display_name") or values["username"],
        "summary": html.from_text(values.get("bio") or "", {}),
        "discoverable": bool(values.get("index_user")),
    }


def _space(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "owner_id": values["owner_id"],
        "is_listed": False,  # Whether it is open to all is for its home to say to those who join there.
        "permissions": values["permissions"],
        "description": values.get("description"),
    }


def _channel(values: Mapping[str, Any]) -> dict[str, Any]:
    names = ("name", "type", "permissions", "category_id", "description")
    return {name: values.get(name) for name in names}
