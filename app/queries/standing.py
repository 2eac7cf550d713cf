"""What somebody may do in a space or in one of its channels: the facts that `bits.evaluate` decides by."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.orm import Session

from app.errors import ForbiddenError
from app.models import Channel, Member, Role, RoleGrant, Space
from app.queries import bits
from app.queries.bits import Bit
from app.queries.permissions import held_privileges, privileges_of_several
from app.queries.visibility import place_of_space, who_may_see

# Built once, because building a statement takes longer than running it.
_STANDING: Select[*tuple[object, ...]] = (
    select(
        Space.owner_id,
        Space.is_home,
        Space.permissions.label("of_space"),
        Member.id.label("member_id"),
        Member.permissions.label("of_member"),
        Member.banned_at,
        Channel.permissions.label("of_channel"),
    )
    .select_from(Space)
    .outerjoin(Member, and_(Member.space_id == Space.actor_id, Member.actor_id == bindparam("actor_id")))
    .outerjoin(Channel, Channel.actor_id == bindparam("channel_id"))
    .where(Space.actor_id == bindparam("space_id"))
)
_OF_ROLES = (
    select(Role.permissions)
    .join(RoleGrant, RoleGrant.role == Role.id)
    .where(
        RoleGrant.space_id == bindparam("space_id"),
        RoleGrant.actor_id == bindparam("actor_id"),
        Role.permissions.is_not(None),
    )
)

_NOT_HERE: Final = "You may not do this here."


class Standing(msgspec.Struct, frozen=True):
    """Somebody in a space. `member_id` is there for who is banned, too; `is_member` is not.

    `latent` are all bits that are set, also those that take others which are not.
    """

    bits: int = 0
    latent: int = 0
    member_id: str | None = None
    is_owner: bool = False
    is_banned: bool = False

    @property
    def is_member(self) -> bool:
        return self.member_id is not None and not self.is_banned

    def has(self, *needed: Bit) -> bool:
        """Whether all of them are held."""
        return all(self.bits & bit for bit in needed)

    def require(self, *needed: Bit) -> None:
        """Raises ForbiddenError."""
        if not self.has(*needed):
            raise ForbiddenError(_NOT_HERE)

    def require_any(self, *needed: Bit) -> None:
        """One of them at least. Raises ForbiddenError."""
        if not any(self.bits & bit for bit in needed):
            raise ForbiddenError(_NOT_HERE)

    def require_reach(self, changed: int) -> None:
        """Nobody sets or clears a bit that they do not hold (contracts/punctum.md, 5.4). Raises ForbiddenError."""
        if changed & ~self.bits:
            raise ForbiddenError("You cannot give or take what you may not do yourself.")


def who_holds_bit(session: Session, space_id: str, bit: Bit, candidates: Collection[str], *, is_home: bool) -> set[str]:
    """Those of `candidates` (actor ids) who hold it in the whole space, in one query."""
    if not is_home:
        return who_may_see(session, replace(place_of_space(space_id, is_home=False), needed=int(bit)), candidates)
    held = privileges_of_several(session, candidates)
    return {actor_id for actor_id, privileges in held.items() if bits.bits_of(privileges) & bit}


def find_standing(session: Session, actor_id: str, space_id: str, channel_id: str | None = None) -> Standing:
    """In the space, or in one channel of it; nothing for who is no member."""
    values = {"actor_id": actor_id, "space_id": space_id}
    row = session.execute(_STANDING, values | {"channel_id": channel_id}).one_or_none()
    if row is None or row.member_id is None:
        return Standing()
    is_owner = row.owner_id == actor_id
    if row.is_home:
        held = bits.bits_of(held_privileges(session, actor_id))
        latent = bits.combine(space=held, is_owner=is_owner, is_banned=row.banned_at is not None)
    else:
        latent = bits.combine(
            space=row.of_space,
            channel=row.of_channel,
            roles=session.scalars(_OF_ROLES, values).all(),
            member=row.of_member,
            is_owner=is_owner,
            is_banned=row.banned_at is not None,
        )
    found = bits.without_dependents(latent)
    return Standing(found, latent, row.member_id, is_owner=is_owner, is_banned=row.banned_at is not None)
