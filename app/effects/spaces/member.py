"""What is a member's own in a space: a nickname, and permissions for this member alone."""

from __future__ import annotations

from app.act import Act
from app.effects.spaces.rules import check_bits, check_name, get_space, standing_of, tell, values_of
from app.effects.speaking import authorise_naming
from app.errors import ForbiddenError, NotFoundError
from app.models import Member
from app.projections import spaces
from app.queries.bits import Bit
from app.queries.spaces import find_member, view_members
from app.queries.standing import Standing, find_standing

NO_SUCH_MEMBER = "There is no such member."


def authorise_making(act: Act) -> None:
    raise ForbiddenError("Members are made by joining.")


def make(act: Act) -> None:
    raise ForbiddenError("Members are made by joining.")


def authorise_change(act: Act) -> None:
    member = find_member(act.session, act.uris.local_id(act.activity.object_id or "") or "")
    if member is None:
        raise NotFoundError(NO_SUCH_MEMBER)
    standing, values = standing_of(act, member.space_id), values_of(act)
    if "nickname" in values:
        if member.actor_id == act.actor.id:
            standing.require(Bit.OWN_NICKNAME)
        else:
            standing.require(Bit.NICKNAMES)
            require_rank_over(act, standing, member.space_id, member.actor_id)
        authorise_naming(act)
        if values["nickname"] is not None:
            check_name(values["nickname"], what="A nickname")
    if "permissions" in values:
        if get_space(act, member.space_id).is_home:
            raise ForbiddenError("What members of the home conference may do is decided by their roles.")
        _authorise_bits(act, standing, member, values["permissions"])
    act.found["member"] = member


def change(act: Act) -> None:
    member: Member = act.found.pop("member")
    spaces.change_member(act.session, member.id, values_of(act))
    tell(act, "member_changed", member.space_id, member_id=member.id)


def authorise_deletion(act: Act) -> None:
    raise ForbiddenError("Members leave, or are put out.")


def delete(act: Act) -> None:
    raise ForbiddenError("Members leave, or are put out.")


def require_rank_over(act: Act, standing: Standing, space_id: str, actor_id: str) -> None:
    """Nobody acts on the owner, or on who may do what they may not (contracts/punctum.md, 5.4).

    Raises ForbiddenError.
    """
    other = find_standing(act.session, actor_id, space_id)
    if other.is_owner or other.latent & ~standing.bits:
        raise ForbiddenError("This member may do more than you here.")


def _authorise_bits(act: Act, standing: Standing, member: Member, bits: int | None) -> None:
    check_bits(bits)
    standing.require(Bit.ROLES)
    require_rank_over(act, standing, member.space_id, member.actor_id)
    [view] = view_members(act.session, [member])
    standing.require_reach((view.inherited_permissions if bits is None else bits) ^ view.permissions)
