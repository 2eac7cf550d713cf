"""Putting members out of a space with bits, for now or for good."""

from __future__ import annotations

from app.act import Act
from app.effects.spaces.member import require_rank_over
from app.effects.spaces.rules import require, standing_of, tell
from app.errors import ForbiddenError, NotFoundError
from app.models import Actor
from app.projections import audit, blocks, spaces
from app.queries.actors import find_actor
from app.queries.bits import Bit
from app.queries.spaces import SpaceView, find_member_of, find_space, hold_owner


def space_of(act: Act, uri: str | None) -> SpaceView | None:
    """The space with bits that a URI, or that of its collection of members, names."""
    named = (uri or "").removesuffix("/followers")
    if act.uris.kind_of(named) != "spaces":
        return None
    found = find_space(act.session, act.uris.local_id(named) or "")
    return found if found is not None and not found.is_home else None


def authorise_kick(act: Act, space: SpaceView) -> None:
    person = _person_for_ours(act)
    hold_owner(act.session, space.id)
    standing = require(act, space.id, Bit.KICK)
    member = find_member_of(act.session, space.id, person.id)
    if member is None or member.banned_at is not None:
        raise NotFoundError("There is no such member.")
    require_rank_over(act, standing, space.id, person.id)


def kick(act: Act, space: SpaceView) -> None:
    person = _person(act)
    member = find_member_of(act.session, space.id, person.id)
    spaces.remove_member(act.session, space.id, person.id)
    tell(act, "member_kicked", space.id, member_id=member.id if member else None, account_id=person.id)


def authorise_ban(act: Act, space: SpaceView) -> None:
    person = _person_for_ours(act)
    if person.id == hold_owner(act.session, space.id):
        raise ForbiddenError("The owner cannot be banned.")
    require_rank_over(act, require(act, space.id, Bit.BAN), space.id, person.id)


def ban(act: Act, space: SpaceView) -> None:
    person = _person(act)
    blocks.add(act.session, act.actor, person, space_id=space.id, activity_uri=act.activity.id or "", now=act.now)
    spaces.ban_member(act.session, space.id, person.id, now=act.now, is_home=False)
    audit.note(act.session, "user_banned", actor_id=act.actor.id, target=person.id, now=act.now, space=space.id)
    member = find_member_of(act.session, space.id, person.id)
    tell(act, "member_kicked", space.id, member_id=member.id if member else None, account_id=person.id)


def authorise_lift(act: Act, space: SpaceView) -> None:
    standing_of(act, space.id).require(Bit.BAN)


def lift(act: Act, space_id: str, person_id: str) -> None:
    """They may come back, by an invite."""
    spaces.lift_ban(act.session, space_id, person_id, stays=False)
    audit.note(act.session, "user_unbanned", actor_id=act.actor.id, target=person_id, now=act.now, space=space_id)


def _person_for_ours(act: Act) -> Actor:
    """Whom one of ours would put out: a moderator from elsewhere, whatever bits they hold, does nothing here over
    ActivityPub, by which such a space is not there. Raises ForbiddenError."""
    if not act.is_local:
        raise ForbiddenError("only people of the space's own server put somebody out of it")
    return _person(act)


def _person(act: Act) -> Actor:
    found = find_actor(act.session, act.activity.object_id)
    if found is None:
        raise NotFoundError("There is no such account.")
    return found
