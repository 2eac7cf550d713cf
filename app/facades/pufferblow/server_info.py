"""What this server calls itself and what it allows, for everybody to read and for its staff to change."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from app.actions.server import change_server
from app.db import reading
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.media_quality import MEDIA_QUALITY
from app.facades.pufferblow.params import Flag
from app.facades.pufferblow.urls import shown_url
from app.queries.instance import get_instance
from app.queries.server_settings import (
    MAX_DESCRIPTION,
    MAX_MESSAGE_LENGTH,
    MAX_NAME,
    MAX_SIZE_MB,
    MAX_TYPES,
    server_settings,
)
from app.queries.statistics import count_people
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Administration"

_VERSION = version("shoal")


def _check_name(name: str) -> str:
    if not name.strip():
        raise ValueError("server_name: a server needs a name.")
    return name.strip()


def _tidy_type(given: str) -> str:
    return given.strip().lower().removeprefix(".")


FileType = Annotated[str, Field(max_length=16, pattern=r"^\s*\.?[A-Za-z0-9]{1,12}\s*$"), AfterValidator(_tidy_type)]
FileTypes = Annotated[list[FileType] | None, Field(min_length=1, max_length=MAX_TYPES)]
Megabytes = Annotated[int | None, Field(ge=1, le=MAX_SIZE_MB)]


class ServerChanges(Params):
    """Whatever is left out stays as it is. `max_users` 0 is no limit; sizes are megabytes."""

    server_name: Annotated[str | None, Field(max_length=MAX_NAME), AfterValidator(_check_name)] = None
    server_description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION)] = None
    welcome_message: Annotated[str | None, Field(max_length=MAX_DESCRIPTION)] = None
    is_private: Flag | None = None
    max_users: Annotated[int | None, Field(ge=0, le=10_000_000)] = None
    max_message_length: Annotated[int | None, Field(ge=1, le=MAX_MESSAGE_LENGTH)] = None
    max_image_size: Megabytes = None
    max_video_size: Megabytes = None
    max_sticker_size: Megabytes = None
    max_gif_size: Megabytes = None
    max_audio_size: Megabytes = None
    max_file_size: Megabytes = None
    max_total_attachment_size: Megabytes = None
    allowed_image_types: FileTypes = None
    allowed_video_types: FileTypes = None
    allowed_audio_types: FileTypes = None
    allowed_file_types: FileTypes = None
    allowed_sticker_types: FileTypes = None
    allowed_gif_types: FileTypes = None


class ServerInfo(Shape):
    server_id: str
    server_name: str
    server_description: str
    version: str
    max_users: int | None
    is_private: bool
    creation_date: Time
    avatar_url: str | None
    banner_url: str | None
    welcome_message: str
    members_count: int
    online_members: int
    max_message_length: int
    max_image_size: int
    max_video_size: int
    max_sticker_size: int
    max_gif_size: int
    allowed_image_types: list[str]
    allowed_video_types: list[str]
    allowed_file_types: list[str]
    allowed_sticker_types: list[str]
    allowed_gif_types: list[str]
    max_audio_size: int
    max_file_size: int
    max_total_attachment_size: int
    allowed_audio_types: list[str]
    rtc_media_quality: dict[str, Any]


class ServerInfoShown(Shape):
    status_code: int
    server_info: ServerInfo


class ServerChanged(Done):
    updated_fields: list[str]


@API.public(
    "GET",
    "/api/v1/system/server-info",
    params=NoParams,
    answer=ServerInfoShown,
    tag=TAG,
    summary="What this server is called and what it allows",
)
def show_server_info(_: NoParams) -> ServerInfoShown:
    settings = server_settings()
    with reading() as session:
        instance = get_instance(session)
        people = count_people(session, datetime.now(UTC))
    allowed = {name: getattr(settings, name) for name in ServerInfo.__struct_fields__ if hasattr(settings, name)}
    info = ServerInfo(
        server_id=instance.id,
        version=_VERSION,
        creation_date=iso(instance.created_at),
        avatar_url=shown_url(instance.icon_url),
        banner_url=shown_url(instance.image_url),
        members_count=people.total,
        online_members=people.online,
        rtc_media_quality=MEDIA_QUALITY,
        **allowed | {"server_name": instance.name, "server_description": instance.description},
    )
    return ServerInfoShown(status_code=200, server_info=info)


@API.signed_in(
    "PUT",
    "/api/v1/system/server-info",
    params=ServerChanges,
    answer=ServerChanged,
    tag=TAG,
    summary="Change this server's name, description and limits; they hold at once",
    privilege="manage_server_settings",
    scope="instance:modify",
)
def change_server_info(viewer: Viewer, params: ServerChanges) -> ServerChanged:
    changes = changes_of(params)
    change_server(viewer, changes)
    return ServerChanged(status_code=200, message="Server settings updated successfully", updated_fields=list(changes))


def changes_of(params: ServerChanges) -> dict[str, Any]:
    """What is to be changed, by the names of `ServerSettings`."""
    given = params.model_dump(exclude_none=True)
    return given | ({"max_users": given["max_users"] or None} if "max_users" in given else {})
