"""Reads of spaces: what one is, who is in it, and what lets people in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from app.models import Account, Actor, Channel, CustomEmoji, Invite, Member, Role, RoleGrant, Space
from app.queries import bits
from app.queries.permissions import privileges_of_several

MAX_LISTED = 1000


class SpaceView(msgspec.Struct, frozen=True):
    """What is told of a space to everybody."""

    id: str
    uri: str
    name: str
    description: str | None
    icon_url: str | None
    owner_id: str | None
    is_home: bool
    is_listed: bool
    permissions: int
    created_at: datetime


class MemberView(msgspec.Struct, frozen=True):
    """`permissions` are what holds for the member, `inherited_permissions` what would without any of its own."""

    id: str
    space_id: str
    actor_id: str
    nickname: str | None
    permissions: int
    inherited_permissions: int
    role_ids: tuple[str, ...]
    is_banned: bool


def find_space(session: Session, space_id: str) -> SpaceView | None:
    """A living one."""
    row = session.execute(_SPACES.where(Space.actor_id == space_id)).one_or_none()
    return _space(row) if row is not None else None


def hold_owner(session: Session, space_id: str) -> str | None:
    """Who owns the space until this transaction ends: meanwhile nobody gives it away, or goes or is put out as somebody
    who does not own it."""
    return session.scalar(select(Space.owner_id).where(Space.actor_id == space_id).with_for_update(key_share=True))


def count_owned(session: Session, actor_id: str) -> int:
    """Living spaces of ours that are somebody's."""
    query = select(func.count()).select_from(Space).join(Actor, Actor.id == Space.actor_id)
    is_ours = (Actor.deleted_at.is_(None), Actor.host.is_(None))
    return session.scalar(query.where(Space.owner_id == actor_id, *is_ours)) or 0


def may_own(session: Session, actor_id: str) -> bool:
    """Whether it is a living person's account here: a bot has nobody to act as it, and another server no say."""
    query = select(Account.actor_id).join(Actor, Actor.id == Account.actor_id)
    is_person = (Account.actor_id == actor_id, Account.bot_owner_id.is_(None), Actor.deleted_at.is_(None))
    return session.scalar(query.where(*is_person)) is not None


def find_role(session: Session, role_id: str) -> Role | None:
    """One that somebody made, in whatever space."""
    return session.scalar(select(Role).where(Role.id == role_id))


def list_space_roles(session: Session, space_id: str) -> Sequence[Role]:
    return session.scalars(select(Role).where(Role.space_id == space_id).order_by(Role.id).limit(MAX_LISTED)).all()


def list_bits_of_roles(session: Session, space_id: str, actor_id: str) -> Mapping[str, int | None]:
    """By the roles that somebody has in a space."""
    return _grants(session, space_id, [actor_id]).get(actor_id, {})


def list_role_holders(session: Session, role_ids: Collection[str]) -> dict[str, list[str]]:
    """The actor ids by the role, for those that a member has: who left may still have one that only takes."""
    holders: dict[str, list[str]] = {}
    is_members = and_(Member.space_id == RoleGrant.space_id, Member.actor_id == RoleGrant.actor_id)
    query = select(RoleGrant.role, RoleGrant.actor_id).join(Member, is_members).where(RoleGrant.role.in_(role_ids))
    for role_id, actor_id in session.execute(query.order_by(RoleGrant.role, RoleGrant.actor_id)):
        holders.setdefault(role_id, []).append(actor_id)
    return holders


def list_default_bits(session: Session, space_ids: Collection[str]) -> dict[str, int]:
    """What each space lets its members do, by its id."""
    query = select(Space.actor_id, Space.permissions).where(Space.actor_id.in_(space_ids))
    return {row.actor_id: row.permissions for row in session.execute(query)}


def find_member(session: Session, member_id: str) -> Member | None:
    return session.scalar(select(Member).where(Member.id == member_id))


def find_member_of(session: Session, space_id: str, actor_id: str) -> Member | None:
    return session.scalar(select(Member).where(Member.space_id == space_id, Member.actor_id == actor_id))


def list_member_ids(session: Session, space_id: str) -> list[str]:
    """Of those who are not banned, the first to come first."""
    query = select(Member.id).where(Member.space_id == space_id, Member.banned_at.is_(None))
    return list(session.scalars(query.order_by(Member.id).limit(MAX_LISTED)))


def who_meets(session: Session, actor_id: str, candidates: Collection[str]) -> set[str]:
    """Those of `candidates` (actor ids) who are in a space with somebody."""
    own = select(Member.space_id).where(Member.actor_id == actor_id, Member.banned_at.is_(None))
    is_there = (Member.space_id.in_(own), Member.actor_id.in_(candidates), Member.banned_at.is_(None))
    return set(session.scalars(select(Member.actor_id).where(*is_there).distinct()))


def list_members_of_space(session: Session, space_id: str) -> Sequence[Member]:
    query = select(Member).where(Member.space_id == space_id, Member.banned_at.is_(None))
    return session.scalars(query.order_by(Member.id).limit(MAX_LISTED)).all()


def list_memberships(session: Session, actor_id: str) -> dict[str, str]:
    """Member ids by the spaces that somebody is in."""
    query = select(Member.space_id, Member.id).where(Member.actor_id == actor_id, Member.banned_at.is_(None))
    return {row.space_id: row.id for row in session.execute(query.order_by(Member.id))}


def view_members(session: Session, members: Sequence[Member]) -> list[MemberView]:
    """Members of one space, in three queries however many they are."""
    if not members:
        return []
    space_id = members[0].space_id
    space = session.scalars(select(Space).where(Space.actor_id == space_id)).one()
    actor_ids = [member.actor_id for member in members]
    granted = _grants(session, space_id, actor_ids)
    privileges = privileges_of_several(session, actor_ids) if space.is_home else {}
    return [
        _member(
            space,
            member,
            granted.get(member.actor_id, {}),
            base=bits.bits_of(privileges.get(member.actor_id, ())) if space.is_home else space.permissions,
        )
        for member in members
    ]


def find_invite(session: Session, invite_id: str) -> Invite | None:
    return session.scalar(select(Invite).where(Invite.id == invite_id))


def find_invite_by_name(session: Session, name: str) -> Invite | None:
    return session.scalar(select(Invite).where(Invite.name_key == name.casefold()))


def list_invites(session: Session, space_id: str, *, creator_id: str | None) -> Sequence[Invite]:
    """Of one person or of all."""
    query = select(Invite).where(Invite.space_id == space_id).order_by(Invite.id).limit(MAX_LISTED)
    return session.scalars(query if creator_id is None else query.where(Invite.creator_id == creator_id)).all()


def find_emoji(session: Session, emoji_id: str) -> CustomEmoji | None:
    return session.scalar(select(CustomEmoji).where(CustomEmoji.id == emoji_id))


def find_emoji_by_shortcode(session: Session, space_id: str | None, shortcode: str) -> CustomEmoji | None:
    query = select(CustomEmoji).where(CustomEmoji.shortcode == shortcode)
    is_there = CustomEmoji.space_id.is_(None) if space_id is None else CustomEmoji.space_id == space_id
    return session.scalar(query.where(is_there))


def list_emoji(session: Session, space_id: str | None) -> Sequence[CustomEmoji]:
    is_there = CustomEmoji.space_id.is_(None) if space_id is None else CustomEmoji.space_id == space_id
    return session.scalars(select(CustomEmoji).where(is_there).order_by(CustomEmoji.id).limit(MAX_LISTED)).all()


def list_channels_of(session: Session, space_id: str) -> Sequence[Channel]:
    """The living ones, for whoever decides who is told of which."""
    query = select(Channel).where(Channel.space_id == space_id, Channel.deleted_at.is_(None))
    return session.scalars(query.order_by(Channel.actor_id).limit(MAX_LISTED)).all()


def list_bots_of(session: Session, owner_id: str) -> list[str]:
    return list(session.scalars(select(Account.actor_id).where(Account.bot_owner_id == owner_id)))


def find_bot_owner(session: Session, actor_id: str) -> Actor | None:
    """The person who has a bot of ours speak; None for whoever is no bot."""
    query = select(Actor).join(Account, Account.bot_owner_id == Actor.id).where(Account.actor_id == actor_id)
    return session.scalar(query)


_SPACES: Select[*tuple[Any, ...]] = (
    select(Space, Actor).join(Actor, Actor.id == Space.actor_id).where(Actor.deleted_at.is_(None))
)


def _space(row: Any) -> SpaceView:
    space, actor = row.Space, row.Actor
    return SpaceView(
        id=space.actor_id,
        uri=actor.uri,
        name=actor.name,
        description=space.description,
        icon_url=actor.icon_url,
        owner_id=space.owner_id,
        is_home=space.is_home,
        is_listed=space.is_listed,
        permissions=space.permissions,
        created_at=actor.created_at,
    )


def _grants(session: Session, space_id: str, actor_ids: Collection[str]) -> Mapping[str, Mapping[str, int | None]]:
    """The bits of each role by its id, for each of the actors."""
    found: dict[str, dict[str, int | None]] = {}
    query = (
        select(RoleGrant.actor_id, RoleGrant.role, Role.permissions)
        .outerjoin(Role, Role.id == RoleGrant.role)
        .where(RoleGrant.space_id == space_id, RoleGrant.actor_id.in_(actor_ids))
        .order_by(RoleGrant.role)
    )
    for actor_id, role_id, permissions in session.execute(query):
        found.setdefault(actor_id, {})[role_id] = permissions
    return found


def _member(space: Space, member: Member, granted: Mapping[str, int | None], *, base: int) -> MemberView:
    is_banned, is_owner = member.banned_at is not None, member.actor_id == space.owner_id
    roles = () if space.is_home else granted.values()
    inherited = bits.evaluate(space=base, roles=roles, is_owner=is_owner, is_banned=is_banned)
    own = None if is_owner or is_banned else member.permissions
    return MemberView(
        id=member.id,
        space_id=member.space_id,
        actor_id=member.actor_id,
        nickname=member.nickname,
        permissions=inherited if own is None else bits.without_dependents(own),
        inherited_permissions=inherited,
        role_ids=tuple(granted),
        is_banned=is_banned,
    )
