"""The rule of who sees what, in SQL: whoever is in a statement, and whichever place. `visibility` is who asks it."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from app.db import Base
from app.models import Account, Actor, Block, Channel, Follow, Member, Participant, Role, RoleGrant, Space
from app.queries.actors import ACCEPTED, is_ban_from
from app.queries.bits import Bit
from app.queries.privileges import ROLES

TO_READ = int(Bit.SEE | Bit.READ)
TO_SEE = int(Bit.SEE)
TO_BE_A_MEMBER = 0
_SEES_PRIVATE = frozenset(role.id for role in ROLES.values() if "view_private_channels" in role.privileges)


class Who(NamedTuple):
    """Somebody in SQL. `is_watching` is whether a role shows them the private channels of the place's space."""

    id: SQLColumnExpression[str]
    is_local: SQLColumnExpression[bool]
    is_watching: SQLColumnExpression[bool]


class Where(NamedTuple):
    """A place in SQL. What is known before is a constant, and the statement then has only what must be looked up."""

    id: SQLColumnExpression[str]
    space_id: SQLColumnExpression[Any]
    is_conversation: SQLColumnExpression[bool]
    is_ours: SQLColumnExpression[bool]
    is_elsewhere: SQLColumnExpression[bool]
    is_private: SQLColumnExpression[bool]
    is_public_message: SQLColumnExpression[bool]
    has_bits: SQLColumnExpression[bool]
    needed: int = TO_READ


def sees(who: Who, where: Where) -> ColumnElement[bool]:
    """Whether somebody sees a place that is not gone."""
    talks = has_row(Participant, Participant.conversation_id == where.id, Participant.actor_id == who.id)
    follows = has_row(Follow, Follow.target_id == where.id, Follow.actor_id == who.id, Follow.state == ACCEPTED)
    is_banned = has_row(Block, Block.blocked_id == who.id, is_ban_from(where.space_id))
    is_open = and_(~where.is_private, or_(where.is_public_message, who.is_local))
    is_let_in = and_(~where.has_bits, or_(is_open, follows, and_(where.is_private, who.is_watching)))
    sees_here = and_(or_(is_let_in, and_(where.has_bits, _holds(who, where))), ~is_banned)
    sees_elsewhere = or_(who.id == where.id, and_(who.is_local, follows))
    return or_(
        and_(where.is_conversation, talks),
        and_(where.is_ours, sees_here),
        and_(where.is_elsewhere, sees_elsewhere),
    )


def _holds(who: Who, where: Where) -> ColumnElement[bool]:
    """Whether somebody is a member of the place's space who holds the bits needed: by `bits.evaluate`, in SQL."""
    member, space, channel = aliased(Member), aliased(Space), aliased(Channel)
    role, grant = aliased(Role), aliased(RoleGrant)
    of_roles = (
        exists()
        .where(
            grant.space_id == member.space_id,
            grant.actor_id == member.actor_id,
            role.id == grant.role,
            role.permissions.is_not(None),
        )
        .correlate(member)
    )
    own_of_channel = select(channel.permissions).where(channel.actor_id == where.id).correlate_except(channel)
    default = func.coalesce(own_of_channel.scalar_subquery(), space.permissions)
    bits = [bit for bit in Bit if where.needed & bit]
    holds = case(
        (space.owner_id == member.actor_id, true()),
        (member.permissions.is_not(None), member.permissions.bitwise_and(where.needed) == where.needed),
        (of_roles, and_(true(), *(of_roles.where(role.permissions.bitwise_and(bit) != 0) for bit in bits))),
        else_=default.bitwise_and(where.needed) == where.needed,
    )
    return (
        select(member.id)
        .join(space, space.actor_id == member.space_id)
        .where(
            member.space_id == where.space_id,
            member.actor_id == who.id,
            member.banned_at.is_(None),
            holds,
        )
        .correlate_except(member, space)
        .exists()
    )


def is_welcome() -> ColumnElement[bool]:
    """Neither deleted nor banned from the server."""
    has_account = has_row(Account, Account.actor_id == Actor.id, Account.banned_at.is_(None))
    return and_(Actor.deleted_at.is_(None), or_(Actor.host.is_not(None), has_account))


def anybody(where: Where) -> Who:
    """Whoever is in the statement's `actors`."""
    watches = has_row(
        RoleGrant,
        RoleGrant.actor_id == Actor.id,
        RoleGrant.space_id == where.space_id,
        or_(RoleGrant.role.in_(_SEES_PRIVATE), RoleGrant.role.in_(select(Role.id).where(Role.sees_private))),
    )
    return Who(Actor.id, is_local=Actor.host.is_(None), is_watching=watches)


def any_channel(needed: int) -> Where:
    """Whichever the statement has in its `channels`."""
    is_ours = Channel.space_id.is_not(None)
    return Where(
        Channel.actor_id,
        Channel.space_id,
        is_conversation=false(),
        is_ours=is_ours,
        is_elsewhere=~is_ours,
        is_private=Channel.is_private,
        is_public_message=true(),
        has_bits=Channel.has_bits,
        needed=needed,
    )


def constant(value: bool) -> ColumnElement[bool]:  # noqa: FBT001  What it makes a constant of.
    return true() if value else false()


def has_row(table: type[Base], *conditions: SQLColumnExpression[bool]) -> ColumnElement[bool]:
    """Whether the table has such a row; every other table is that of the query around, however far outside."""
    return exists().where(*conditions).correlate_except(table)
