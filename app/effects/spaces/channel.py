"""Channels of a space with bits: of text or media, and the categories that they are shown under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.act import Act, LiveEvent
from app.effects.spaces.rules import check_bits, check_name, check_said, get_space, standing_of, values_of
from app.errors import ConflictError, ErrorCode, ForbiddenError, InvalidInputError
from app.models import Channel
from app.projections import channels, messages, spaces
from app.queries.bits import Bit
from app.queries.channels import find_channel
from app.queries.spaces import list_channels_of

MAX_CHANNELS = 500
TOO_MANY = f"A conference has {MAX_CHANNELS} channels at most."
CATEGORY = "category"


class WrongCategoryError(InvalidInputError):
    error_code = ErrorCode.NOT_PART_OF


def authorise_making(act: Act) -> None:
    space = get_space(act, act.private["space_id"])
    standing = standing_of(act, space.id)
    standing.require_any(Bit.CHANNELS, Bit.SPACE)
    values = values_of(act)
    if values.get("permissions") is not None:
        standing.require_reach(values["permissions"] ^ space.permissions)
    _check(act, space.id)
    if len(list_channels_of(act.session, space.id)) >= MAX_CHANNELS:
        raise ConflictError(TOO_MANY)


def make(act: Act) -> None:
    channel_id = act.uris.local_id(act.activity.object_id or "") or ""
    values = values_of(act)
    name, type_ = values.pop("name").strip(), values.pop("type")
    channels.add_local(
        act.session,
        act.uris,
        id=channel_id,
        space_id=act.private["space_id"],
        name=name,
        type=type_,
        is_private=True,
        has_bits=True,
        creator_id=act.actor.id,
        now=act.now,
    )
    channel = find_channel(act.session, channel_id)
    if channel is not None and values:
        spaces.change_channel(act.session, channel, values)
    act.found["channel_id"] = channel_id
    act.publish(LiveEvent("channel_created", channel_id=channel_id, actor_id=act.actor.id))


def authorise_change(act: Act) -> None:
    channel = _channel(act)
    standing = standing_of(act, channel.space_id or "", channel.actor_id)
    standing.require(Bit.CHANNELS)
    values = values_of(act)
    if "permissions" in values:
        space = get_space(act, channel.space_id)
        before = space.permissions if channel.permissions is None else channel.permissions
        after = space.permissions if values["permissions"] is None else values["permissions"]
        standing.require_reach(before ^ after)
    if values.get("space_id", channel.space_id) != channel.space_id:
        # What was said in it goes along, to where other people's bits decide who reads it.
        standing.require(Bit.READ)
        _authorise_move(act, channel, values)
    _check(act, values.get("space_id", channel.space_id))
    act.found["channel"] = channel


def _authorise_move(act: Act, channel: Channel, values: Mapping[str, Any]) -> None:
    """As if it were made there."""
    target = get_space(act, values["space_id"])
    standing = standing_of(act, target.id)
    standing.require(Bit.CHANNELS)
    own = values.get("permissions", channel.permissions)
    if own is not None:
        standing.require_reach(own ^ target.permissions)
    if len(list_channels_of(act.session, target.id)) >= MAX_CHANNELS:
        raise ConflictError(TOO_MANY)


def change(act: Act) -> None:
    channel: Channel = act.found.pop("channel")
    values = values_of(act)
    data: dict[str, str | None] = {}
    if values.get("space_id", channel.space_id) != channel.space_id:
        spaces.ungroup(act.session, channel.actor_id)
        values = {"category_id": None} | values
        data = {"former_space_id": channel.space_id}
    spaces.change_channel(act.session, channel, values)
    act.publish(LiveEvent("channel_updated", channel_id=channel.actor_id, actor_id=act.actor.id, data=data))


def authorise_deletion(act: Act) -> None:
    channel = _channel(act)
    standing_of(act, channel.space_id or "", channel.actor_id).require(Bit.CHANNELS)
    act.found["channel"] = channel


def delete(act: Act) -> None:
    channel: Channel = act.found.pop("channel")
    channels.mark_deleted(act.session, channel, now=act.now)
    messages.erase_all_in(act.session, channel.actor_id, now=act.now)
    spaces.ungroup(act.session, channel.actor_id)
    act.publish(
        LiveEvent("channel_deleted", channel_id=channel.actor_id, actor_id=act.actor.id, data={"member_ids": []})
    )


def _channel(act: Act) -> Channel:
    found = find_channel(act.session, act.uris.local_id(act.activity.object_id or ""))
    if found is None:
        raise ForbiddenError("There is no such channel.")
    return found


def _check(act: Act, space_id: str | None) -> None:
    values = values_of(act)
    if "name" in values:
        check_name(values["name"], what="A channel's name")
    check_said(act)
    check_bits(values.get("permissions"))
    if values.get("category_id") is not None:
        category = find_channel(act.session, values["category_id"])
        if category is None or category.type != CATEGORY or category.space_id != space_id:
            raise WrongCategoryError("category: a category of the same conference.")
