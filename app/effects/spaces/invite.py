"""Invites to a space: each has a name of its own on the server, lets in whoever has it, and never ends by itself."""

from __future__ import annotations

import re

from app.act import Act
from app.effects.spaces.rules import get_space, require, standing_of, tell
from app.effects.speaking import authorise_naming
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.ids import id_beside
from app.models import Invite
from app.projections import spaces
from app.queries.bits import Bit
from app.queries.spaces import find_invite, find_invite_by_name, list_invites

MAX_INVITES = 500
NO_SUCH_INVITE = "There is no such invite."
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NO_NAMES = frozenset({"by-name", "by-time"})


def authorise_making(act: Act) -> None:
    space = get_space(act, act.private["space_id"])
    require(act, space.id, Bit.INVITE)
    _check_name(act, act.private["name"])
    if len(list_invites(act.session, space.id, creator_id=None)) >= MAX_INVITES:
        raise ConflictError(f"A conference has {MAX_INVITES} invites at most.")


def make(act: Act) -> None:
    invite_id, space_id = id_beside("invite", act.id), act.private["space_id"]
    spaces.add_invite(
        act.session,
        id=invite_id,
        name=act.private["name"],
        space_id=space_id,
        creator_id=act.actor.id,
        now=act.now,
    )
    tell(act, "invite_changed", space_id, invite_id=invite_id)


def authorise_change(act: Act) -> None:
    invite = _invite(act)
    require(act, invite.space_id, Bit.INVITE)
    _check_name(act, act.private["name"], by=invite.id)
    act.found["invite"] = invite


def change(act: Act) -> None:
    invite: Invite = act.found.pop("invite")
    spaces.rename_invite(act.session, invite.id, act.private["name"])
    tell(act, "invite_changed", invite.space_id, invite_id=invite.id)


def authorise_deletion(act: Act) -> None:
    """Whoever made it may always take it back."""
    invite = _invite(act)
    if invite.creator_id != act.actor.id:
        standing_of(act, invite.space_id).require(Bit.INVITE)
    act.found["invite"] = invite


def delete(act: Act) -> None:
    invite: Invite = act.found.pop("invite")
    spaces.remove_invite(act.session, invite.id)
    tell(act, "invite_deleted", invite.space_id, invite_id=invite.id, creator_id=invite.creator_id)


def _invite(act: Act) -> Invite:
    found = find_invite(act.session, act.uris.local_id(act.activity.object_id or "") or "")
    if found is None:
        raise NotFoundError(NO_SUCH_INVITE)
    return found


def _check_name(act: Act, name: str, *, by: str | None = None) -> None:
    authorise_naming(act)
    if not _NAME.fullmatch(name) or name in _NO_NAMES:
        raise InvalidInputError("An invite's name has 1 to 128 letters (A to Z), digits, hyphens and underscores.")
    known = find_invite_by_name(act.session, name)
    if known is not None and known.id != by:
        raise InvalidInputError("There is an invite with this name.")
