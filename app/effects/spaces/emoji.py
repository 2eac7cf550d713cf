"""Custom emoji: of a space, or without one of the whole server."""

from __future__ import annotations

import re

from app.act import Act
from app.effects.spaces.rules import check_said, get_space, standing_of, tell, values_of
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.models import CustomEmoji
from app.projections import spaces
from app.queries.bits import Bit
from app.queries.channels import get_home_space
from app.queries.permissions import get_permissions
from app.queries.spaces import find_emoji, find_emoji_by_shortcode, list_emoji

MAX_EMOJI = 500
NO_SUCH_EMOJI = "There is no such emoji."
_SHORTCODE = re.compile(r"[A-Za-z0-9_]{2,64}")


def authorise_making(act: Act) -> None:
    values = values_of(act)
    space_id: str | None = values.get("space_id")
    if space_id is not None:
        get_space(act, space_id)
    _authorise(act, space_id)
    _check(act, space_id, by=None)
    if len(list_emoji(act.session, space_id)) >= MAX_EMOJI:
        raise ConflictError(f"There are {MAX_EMOJI} emoji at most.")


def make(act: Act) -> None:
    emoji_id, values = act.uris.local_id(act.activity.object_id or "") or "", values_of(act)
    spaces.add_emoji(act.session, emoji_id, values, creator_id=act.actor.id, now=act.now)
    _tell(act, "emoji_changed", emoji_id, values.get("space_id"))


def authorise_change(act: Act) -> None:
    emoji = _emoji(act)
    _authorise(act, emoji.space_id)
    _check(act, emoji.space_id, by=emoji.id)
    act.found["emoji"] = emoji


def change(act: Act) -> None:
    emoji: CustomEmoji = act.found.pop("emoji")
    spaces.change_emoji(act.session, emoji.id, values_of(act), now=act.now)
    _tell(act, "emoji_changed", emoji.id, emoji.space_id)


def authorise_deletion(act: Act) -> None:
    emoji = _emoji(act)
    _authorise(act, emoji.space_id)
    act.found["emoji"] = emoji


def delete(act: Act) -> None:
    emoji: CustomEmoji = act.found.pop("emoji")
    spaces.remove_emoji(act.session, emoji.id)
    _tell(act, "emoji_deleted", emoji.id, emoji.space_id)


def _authorise(act: Act, space_id: str | None) -> None:
    if space_id is None:
        get_permissions(act.session, act.actor).require("manage_server_settings")
        return
    standing_of(act, space_id).require_any(Bit.SPACE, Bit.EMOJI)


def _emoji(act: Act) -> CustomEmoji:
    found = find_emoji(act.session, act.uris.local_id(act.activity.object_id or "") or "")
    if found is None:
        raise NotFoundError(NO_SUCH_EMOJI)
    return found


def _check(act: Act, space_id: str | None, *, by: str | None) -> None:
    values = values_of(act)
    check_said(act)
    if "shortcode" not in values:
        return
    if not _SHORTCODE.fullmatch(values["shortcode"]):
        raise InvalidInputError("A shortcode has 2 to 64 letters (A to Z), digits and underscores.")
    known = find_emoji_by_shortcode(act.session, space_id, values["shortcode"])
    if known is not None and known.id != by:
        raise InvalidInputError("There is an emoji with this shortcode.")


def _tell(act: Act, type_: str, emoji_id: str, space_id: str | None) -> None:
    tell(act, type_, space_id or get_home_space(act.session).actor_id, emoji_id=emoji_id)
