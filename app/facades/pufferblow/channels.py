"""Channels: list, create, delete, and how far they were read (contracts/pufferblow.md, 4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.actions.read_marks import mark_all_read, mark_read
from app.db import reading
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Flag, Id
from app.pipeline import compose, submit
from app.queries.channels import (
    ChannelView,
    count_unread,
    get_visible,
    list_members,
    list_read_message_ids,
    list_visible,
    view_channel,
)
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Channels"


class CreateChannel(Params):
    channel_name: Annotated[str, Field(min_length=1, max_length=100)]
    is_private: Flag = False
    channel_type: Literal["text", "voice", "mixed"] = "text"


class WhichChannel(Params):
    channel_id: Id


class UpdateChannel(WhichChannel):
    channel_name: Annotated[str, Field(min_length=1, max_length=100)]


class ReadMessage(WhichChannel):
    message_id: Id


class ChannelData(Shape):
    """`allowed_users` are the members of a private channel."""

    channel_id: str
    channel_name: str
    channel_type: str
    messages_ids: list[str]
    is_private: bool
    allowed_users: list[str]
    participant_ids: list[str]
    created_at: Time


class ChannelsListed(Shape):
    status_code: int
    channels: list[ChannelData]


class ChannelShown(Done):
    channel_data: ChannelData


class ChannelRead(Shape):
    status_code: int
    channel_id: str
    newly_marked_read: int


class ServerRead(Shape):
    """`channels_touched` are those that had something unread."""

    status_code: int
    channels_touched: int
    newly_marked_read: int


class ReadHistory(Shape):
    """Channels that were read to their end have no count."""

    status_code: int
    viewed_message_ids: list[str]
    unread_counts: dict[str, int]


@API.public("GET", "/api/v1/channels", params=NoParams, answer=Done, tag=TAG, summary="That the channels are here")
def channels_route(_: NoParams) -> Done:
    return Done(status_code=200, message="Channels route")


@API.signed_in(
    "POST",
    "/api/v1/channels/list/",
    params=NoParams,
    answer=ChannelsListed,
    tag=TAG,
    summary="Channels one may read",
    scope="channel:read",
)
def list_channels(viewer: Viewer, _: NoParams) -> ChannelsListed:
    with reading() as session:
        views = list_visible(session, viewer)
    return ChannelsListed(status_code=200, channels=[channel_data(view) for view in views])


@API.signed_in(
    "POST",
    "/api/v1/channels/create/",
    params=CreateChannel,
    answer=ChannelShown,
    privilege="create_channels",
    tag=TAG,
    summary="Create a channel",
    errors={409},
    scope="channel:write",
)
def create_channel(viewer: Viewer, params: CreateChannel) -> ChannelShown:
    activity, private = compose.channel(
        viewer, params.channel_name, type=params.channel_type, is_private=params.is_private
    )
    channel_id = submit(activity, private=private).found["channel_id"]
    return _shown(viewer, channel_id, "Channel created successfully")


@API.signed_in(
    "PUT",
    "/api/v1/channels/{channel_id}/update",
    params=UpdateChannel,
    answer=ChannelShown,
    privilege="edit_channels",
    tag=TAG,
    summary="Give a channel another name; its handle for other servers stays",
    errors={404, 409},
    scope="channel:write",
)
def update_channel(viewer: Viewer, params: UpdateChannel) -> ChannelShown:
    submit(compose.channel_update(viewer, params.channel_id, params.channel_name))
    return _shown(viewer, params.channel_id, "Channel updated successfully")


@API.signed_in(
    "DELETE",
    "/api/v1/channels/{channel_id}/delete",
    params=WhichChannel,
    answer=Done,
    privilege="delete_channels",
    tag=TAG,
    summary="Delete a channel",
    errors={404, 409},
    scope="channel:write",
)
def delete_channel(viewer: Viewer, params: WhichChannel) -> Done:
    submit(compose.channel_deletion(viewer, params.channel_id))
    return Done(status_code=200, message=f"Channel: '{params.channel_id}' deleted successfully")


@API.signed_in(
    "PUT",
    "/api/v1/channels/{channel_id}/mark_message_as_read",
    params=ReadMessage,
    answer=Done,
    tag=TAG,
    summary="Mark a channel as read up to a message",
    status=201,
    errors={404},
    scope="message:write",
)
def mark_message_as_read(viewer: Viewer, params: ReadMessage) -> Done:
    mark_read(viewer, params.message_id, channel_id=params.channel_id)
    return Done(status_code=201, message="The message_id was successfully marked as read")


@API.signed_in(
    "POST",
    "/api/v1/channels/{channel_id}/mark_all_read",
    params=WhichChannel,
    answer=ChannelRead,
    tag=TAG,
    summary="Mark all of a channel as read",
    errors={404},
    scope="message:write",
)
def mark_channel_read(viewer: Viewer, params: WhichChannel) -> ChannelRead:
    marked = mark_all_read(viewer, channel_id=params.channel_id)
    return ChannelRead(status_code=200, channel_id=params.channel_id, newly_marked_read=sum(marked.values()))


@API.signed_in(
    "POST",
    "/api/v1/channels/mark_all_read",
    params=NoParams,
    answer=ServerRead,
    tag=TAG,
    summary="Mark all channels as read",
    scope="message:write",
)
def mark_server_read(viewer: Viewer, _: NoParams) -> ServerRead:
    marked = mark_all_read(viewer)
    return ServerRead(status_code=200, channels_touched=len(marked), newly_marked_read=sum(marked.values()))


@API.signed_in(
    "GET",
    "/api/v1/channels/read-history",
    params=NoParams,
    answer=ReadHistory,
    tag=TAG,
    summary="What one has read, and how much one has not",
    scope="message:read",
)
def show_read_history(viewer: Viewer, _: NoParams) -> ReadHistory:
    with reading() as session:
        return ReadHistory(
            status_code=200,
            viewed_message_ids=list_read_message_ids(session, viewer),
            unread_counts=count_unread(session, viewer),
        )


def _shown(viewer: Viewer, channel_id: str, message: str) -> ChannelShown:
    with reading() as session:
        channel, actor = get_visible(session, viewer, channel_id)
        members = list_members(session, [channel_id] if channel.is_private else [])
    view = view_channel(channel, actor.uri, actor.host, members.get(channel_id, ()))
    return ChannelShown(status_code=200, message=message, channel_data=channel_data(view))


def channel_data(view: ChannelView) -> ChannelData:
    return ChannelData(
        channel_id=view.id,
        channel_name=view.name,
        channel_type=view.type,
        messages_ids=[],  # Every id there is in the reference server; nobody reads them.
        is_private=view.is_private,
        allowed_users=list(view.member_ids),
        participant_ids=[],
        created_at=iso(view.created_at),
    )
