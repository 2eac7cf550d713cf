"""Writes of spaces, their members, invites and emoji."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import upsert
from app.ids import new_id
from app.models import Actor, Block, Channel, CustomEmoji, Follow, FormerMember, Invite, Member, Role, RoleGrant, Space
from app.projections import actors
from app.uris import Uris


def add(session: Session, uris: Uris, *, id: str, owner_id: str, values: Mapping[str, Any], now: datetime) -> Actor:
    """A space of ours and the Group actor it is to the world; `values` are those of its columns and `icon_url`."""
    actor = actors.add_local(
        session,
        id=id,
        uri=uris.space(id),
        type="Group",
        local_name=id.replace("_", "."),  # With a dot, which no account of Punctum has.
        name=values["name"],
        shared_inbox=uris.shared_inbox,
        now=now,
        manually_approves=True,
    )
    actor.icon_url = values.get("icon_url")
    session.flush()
    session.execute(
        insert(Space).values(
            actor_id=id,
            owner_id=owner_id,
            is_home=False,
            is_listed=values.get("is_listed", False),
            permissions=values["permissions"],
            description=values.get("description"),
        )
    )
    return actor


def change(session: Session, space_id: str, values: Mapping[str, Any], *, now: datetime) -> None:
    names = ("owner_id", "is_listed", "permissions", "description")
    of_space = {name: values[name] for name in names if name in values}
    of_actor = {name: values[name] for name in ("name", "icon_url") if name in values}
    if of_space:
        session.execute(update(Space).where(Space.actor_id == space_id).values(of_space))
    session.execute(update(Actor).where(Actor.id == space_id).values(of_actor | {"updated_at": now}))


def mark_deleted(session: Session, space_id: str, *, now: datetime) -> None:
    """What is in it goes before it does; its actor stays as a tombstone."""
    for table in (Invite, Member, FormerMember, CustomEmoji, RoleGrant, Role, Block):
        session.execute(delete(table).where(table.space_id == space_id))
    session.execute(update(Actor).where(Actor.id == space_id).values(deleted_at=now, local_name=None, icon_url=None))
    session.execute(delete(Follow).where(Follow.target_id == space_id))


def add_member(session: Session, space_id: str, actor_id: str, *, now: datetime) -> None:
    """Once; who is banned stays it, and who was here before finds what was taken from them then."""
    _leave_what_takes(session, space_id, actor_id)  # It may give something by now.
    before = delete(FormerMember).where(FormerMember.space_id == space_id, FormerMember.actor_id == actor_id)
    kept = session.execute(before.returning(FormerMember.permissions)).scalar_one_or_none()
    permissions = None if kept is None else _permissions_on_return(session, space_id, kept)
    session.execute(
        upsert(session, Member)
        .values(id=new_id("member"), space_id=space_id, actor_id=actor_id, joined_at=now, permissions=permissions)
        .on_conflict_do_nothing(index_elements=["space_id", "actor_id"])
    )


def change_member(session: Session, member_id: str, values: Mapping[str, Any]) -> None:
    session.execute(update(Member).where(Member.id == member_id).values(dict(values)))


def remove_from_all(session: Session, actor_id: str) -> None:
    """Who is gone is a member of nothing, and has no role anywhere."""
    session.execute(delete(RoleGrant).where(RoleGrant.actor_id == actor_id))
    session.execute(delete(Member).where(Member.actor_id == actor_id))
    session.execute(delete(FormerMember).where(FormerMember.actor_id == actor_id))


def remove_member(session: Session, space_id: str, actor_id: str) -> bool:
    """With the roles that were held there and gave something; those that only take, and bits for this member alone,
    are kept for a return. Whether there was one."""
    _leave_what_takes(session, space_id, actor_id)
    membership = delete(Member).where(Member.space_id == space_id, Member.actor_id == actor_id)
    gone = session.execute(membership.returning(Member.permissions)).one_or_none()
    if gone is not None and gone.permissions is not None:
        kept = {"permissions": gone.permissions}
        row = upsert(session, FormerMember).values(space_id=space_id, actor_id=actor_id, **kept)
        session.execute(row.on_conflict_do_update(index_elements=["space_id", "actor_id"], set_=kept))
    return gone is not None


def _leave_what_takes(session: Session, space_id: str, actor_id: str) -> None:
    """Of somebody's roles in a space of bits, those that set less than everybody has, and nothing that not everybody
    has: whoever is muted by one would leave it behind."""
    is_less = Role.permissions.bitwise_and(Space.permissions) == Role.permissions
    takes = (
        select(Role.id)
        .join(Space, Space.actor_id == Role.space_id)
        .where(Role.space_id == space_id, is_less, Role.permissions != Space.permissions)
    )
    has_bits = select(Space.actor_id).where(Space.actor_id == space_id, Space.is_home.is_(False))
    granted = delete(RoleGrant).where(RoleGrant.space_id.in_(has_bits), RoleGrant.actor_id == actor_id)
    session.execute(granted.where(RoleGrant.role.not_in(takes)).execution_options(synchronize_session=False))


def _permissions_on_return(session: Session, space_id: str, kept: int) -> int | None:
    """Less than everybody has where there was less, and not more where there was more, which came with a trust."""
    everybodys = session.scalar(select(Space.permissions).where(Space.actor_id == space_id)) or 0
    return kept & everybodys if everybodys & ~kept else None


def ban_member(session: Session, space_id: str, actor_id: str, *, now: datetime, is_home: bool) -> None:
    """Also who never was one, so that it can be seen and lifted. In the home space the roles are there when it is."""
    if not is_home:
        session.execute(delete(RoleGrant).where(RoleGrant.space_id == space_id, RoleGrant.actor_id == actor_id))
    add_member(session, space_id, actor_id, now=now)
    session.execute(
        update(Member)
        .where(Member.space_id == space_id, Member.actor_id == actor_id)
        .values(banned_at=now, permissions=None, nickname=None)
    )


def lift_ban(session: Session, space_id: str, actor_id: str, *, stays: bool) -> None:
    """In the home space everybody of ours `stays` a member; elsewhere they may come back by an invite."""
    lifted = update(Member).values(banned_at=None) if stays else delete(Member)
    session.execute(lifted.where(Member.space_id == space_id, Member.actor_id == actor_id))


def add_invite(session: Session, *, id: str, name: str, space_id: str, creator_id: str, now: datetime) -> None:
    session.execute(
        insert(Invite).values(
            id=id, name=name, name_key=name.casefold(), space_id=space_id, creator_id=creator_id, created_at=now
        )
    )


def rename_invite(session: Session, invite_id: str, name: str) -> None:
    session.execute(update(Invite).where(Invite.id == invite_id).values(name=name, name_key=name.casefold()))


def remove_invite(session: Session, invite_id: str) -> None:
    session.execute(delete(Invite).where(Invite.id == invite_id))


def add_emoji(session: Session, id: str, values: Mapping[str, Any], *, creator_id: str, now: datetime) -> None:
    made = {"id": id, "creator_id": creator_id, "created_at": now, "updated_at": now}
    session.execute(insert(CustomEmoji).values(dict(values) | made))


def change_emoji(session: Session, emoji_id: str, values: Mapping[str, Any], *, now: datetime) -> None:
    session.execute(update(CustomEmoji).where(CustomEmoji.id == emoji_id).values(dict(values) | {"updated_at": now}))


def remove_emoji(session: Session, emoji_id: str) -> None:
    session.execute(delete(CustomEmoji).where(CustomEmoji.id == emoji_id))


def ungroup(session: Session, category_id: str) -> None:
    """What stood under a category that is gone from there stands under none."""
    session.execute(update(Channel).where(Channel.category_id == category_id).values(category_id=None))


def change_channel(session: Session, channel: Channel, values: Mapping[str, Any]) -> None:
    """`values` are of its columns; another name is also its actor's."""
    if values:
        session.execute(update(Channel).where(Channel.actor_id == channel.actor_id).values(dict(values)))
    if "name" in values:
        session.execute(update(Actor).where(Actor.id == channel.actor_id).values(name=values["name"]))
