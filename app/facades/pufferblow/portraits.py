"""Avatars and banners, of people and of this server (contracts/pufferblow.md, 3 and 10)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions.files.portraits import Portrait, set_own, set_servers, use_stored
from app.actions.files.rules import max_portrait_bytes
from app.errors import InvalidInputError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.users import TAG
from app.pipeline.portraits import Kind
from app.queries.viewers import Viewer
from app.web.fields import Params, Upload

Address = Annotated[str, Field(max_length=2048)]


class NewAvatar(Params):
    """A file, or the URL of a picture that is here already."""

    file: Upload | None = None
    avatar_url: Address | None = None


class NewBanner(Params):
    file: Upload | None = None
    banner_url: Address | None = None


class NewServerAvatar(Params):
    avatar: Upload


class NewServerBanner(Params):
    banner: Upload


class AvatarSet(Done):
    avatar_url: str
    duplicate_status: str


class BannerSet(Done):
    banner_url: str
    duplicate_status: str


class ServerAvatarSet(Done):
    avatar_url: str


class ServerBannerSet(Done):
    banner_url: str


@API.signed_in(
    "POST",
    "/api/v1/users/profile/avatar",
    params=NewAvatar,
    answer=AvatarSet,
    tag=TAG,
    summary="A new avatar: at most 5 MB and 2048 x 2048 pixels, without what the file tells besides the picture",
    status=201,
    max_file_bytes=max_portrait_bytes,
    scope="account:write",
)
def upload_avatar(viewer: Viewer, params: NewAvatar) -> AvatarSet:
    portrait = _set(viewer, "avatar", params.file, params.avatar_url)
    return AvatarSet(
        status_code=201,
        message=_message("Avatar", portrait),
        avatar_url=portrait.url,
        duplicate_status=_status(portrait),
    )


@API.signed_in(
    "POST",
    "/api/v1/users/profile/banner",
    params=NewBanner,
    answer=BannerSet,
    tag=TAG,
    summary="A new banner, like an avatar",
    status=201,
    max_file_bytes=max_portrait_bytes,
    scope="account:write",
)
def upload_banner(viewer: Viewer, params: NewBanner) -> BannerSet:
    portrait = _set(viewer, "banner", params.file, params.banner_url)
    return BannerSet(
        status_code=201,
        message=_message("Banner", portrait),
        banner_url=portrait.url,
        duplicate_status=_status(portrait),
    )


@API.signed_in(
    "POST",
    "/api/v1/system/upload-avatar",
    params=NewServerAvatar,
    answer=ServerAvatarSet,
    tag="Administration",
    summary="A new avatar of this server",
    status=201,
    privilege="manage_server_settings",
    max_file_bytes=max_portrait_bytes,
    scope="instance:modify",
)
def upload_server_avatar(viewer: Viewer, params: NewServerAvatar) -> ServerAvatarSet:
    portrait = set_servers(viewer, "avatar", params.avatar)
    return ServerAvatarSet(status_code=201, message="Server avatar uploaded successfully", avatar_url=portrait.url)


@API.signed_in(
    "POST",
    "/api/v1/system/upload-banner",
    params=NewServerBanner,
    answer=ServerBannerSet,
    tag="Administration",
    summary="A new banner of this server",
    status=201,
    privilege="manage_server_settings",
    max_file_bytes=max_portrait_bytes,
    scope="instance:modify",
)
def upload_server_banner(viewer: Viewer, params: NewServerBanner) -> ServerBannerSet:
    portrait = set_servers(viewer, "banner", params.banner)
    return ServerBannerSet(status_code=201, message="Server banner uploaded successfully", banner_url=portrait.url)


def _set(viewer: Viewer, kind: Kind, file: Upload | None, url: str | None) -> Portrait:
    if file is not None:
        return set_own(viewer, kind, file)
    if url:
        return use_stored(viewer, kind, url)
    raise InvalidInputError("file: required.")


def _message(what: str, portrait: Portrait) -> str:
    if portrait.is_new:
        return f"{what} uploaded successfully"
    return f"{what} updated via existing file (duplicate detected)"


def _status(portrait: Portrait) -> str:
    return "new" if portrait.is_new else "existing"
