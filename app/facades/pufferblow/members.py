"""Who is in a private channel: letting people in and putting them out (contracts/pufferblow.md, 4)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import Field
from sqlalchemy.orm import Session

from app.db import reading
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id
from app.facades.pufferblow.peers import find_known, is_person
from app.pipeline import compose, submit
from app.queries.accounts import get_profile
from app.queries.channels import get_visible, list_members
from app.queries.viewers import Viewer
from app.web.fields import Params

TAG = "Channels"

Who = Annotated[str, Field(min_length=1, max_length=2048)]


class AddUser(Params):
    channel_id: Id
    to_add_user_id: Who


class RemoveUser(Params):
    channel_id: Id
    to_remove_user_id: Who


class MembersChanged(Done):
    """`detail` is `message` again: the official SDK looks for it in a success, too."""

    detail: str


@API.signed_in(
    "PUT",
    "/api/v1/channels/{channel_id}/add_user",
    params=AddUser,
    answer=MembersChanged,
    privilege="manage_channel_users",
    tag=TAG,
    summary="Let somebody into a private channel",
    errors={404, 409},
    scope="channel:moderate",
)
def add_user(viewer: Viewer, params: AddUser) -> MembersChanged:
    """Whoever is in already stays in."""
    found = _find(viewer, params.channel_id, params.to_add_user_id, doing="add")
    if found.sees_all:
        return _changed(
            "Skipping the operation, the targeted user already has private-channel access through their instance roles."
        )
    if not found.is_member:
        submit(compose.admission(viewer, params.channel_id, found.person))
    return _changed(f"User ID: '{params.to_add_user_id}' added to Channel ID: '{params.channel_id}'")


@API.signed_in(
    "DELETE",
    "/api/v1/channels/{channel_id}/remove_user",
    params=RemoveUser,
    answer=MembersChanged,
    privilege="manage_channel_users",
    tag=TAG,
    summary="Put somebody out of a private channel",
    errors={404, 409},
    scope="channel:moderate",
)
def remove_user(viewer: Viewer, params: RemoveUser) -> MembersChanged:
    """Whoever is not in it stays out."""
    user_id = params.to_remove_user_id
    found = _find(viewer, params.channel_id, user_id, doing="remove")
    if found.sees_all:
        raise ForbiddenError(f"Error removing User ID: '{user_id}'. Their roles show them every private channel.")
    if found.is_member:
        submit(compose.expulsion(viewer, params.channel_id, found.person))
    return _changed(f"User ID: '{user_id}' removed from Channel ID: '{params.channel_id}'")


class _Found(msgspec.Struct, frozen=True):
    """`sees_all`: the person's roles open every private channel of ours, in or not."""

    person: Any
    sees_all: bool
    is_member: bool


def _find(viewer: Viewer, channel_id: str, user_id: str, *, doing: str) -> _Found:
    """The person, as they stand to a private channel that the viewer sees.

    Raises NotFoundError and InvalidInputError in the words that clients look for.
    """
    person = find_known(user_id)
    with reading() as session:
        _check_private(session, viewer, channel_id)
        if person is None or not is_person(person):
            raise NotFoundError(
                f"To {doing} User ID: '{user_id}' is invalid/not found. Please enter a valid 'user_id' and try again."
            )
        return _Found(
            person,
            sees_all="view_private_channels" in get_profile(session, person.id).privileges,
            is_member=person.id in list_members(session, [channel_id]).get(channel_id, ()),
        )


def _check_private(session: Session, viewer: Viewer, channel_id: str) -> None:
    """The official SDK looks for the channel's id in what it is told of one that is not there.

    Nobody is let into a channel of a conference or put out of it: permission bits decide who sees it.
    """
    try:
        channel, _ = get_visible(session, viewer, channel_id)
    except NotFoundError as error:
        raise NotFoundError(f"Channel ID: '{channel_id}' does not exist or could not be found.") from error
    if not channel.is_private or channel.has_bits:
        raise InvalidInputError(
            f"Channel with Channel ID: '{channel_id}' is not private. Only private channels are allowed."
        )


def _changed(message: str) -> MembersChanged:
    return MembersChanged(status_code=200, message=message, detail=message)
