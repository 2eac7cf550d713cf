"""The newest release, as far as this server was told to look (contracts/pufferblow.md, 10)."""

from __future__ import annotations

from msgspec import convert

from app.db import reading
from app.facades.pufferblow.api import API
from app.queries.snapshots import RELEASE, find_snapshot
from app.settings import current
from app.web.api import NoParams
from app.web.shapes import Shape


class Release(Shape):
    """The reference names things its own way, and the web client as GitHub does."""

    version: str
    url: str
    published_at: str
    body: str
    tag_name: str
    name: str
    html_url: str


class ReleaseShown(Shape, kw_only=True):
    status_code: int
    message: str | None = None
    release: Release | None


@API.public(
    "GET",
    "/api/v1/system/latest-release",
    params=NoParams,
    answer=ReleaseShown,
    tag="Administration",
    summary="The newest release; nobody is asked for it unless the operator says so",
)
def show_latest_release(_: NoParams) -> ReleaseShown:
    if current().check_releases is None:
        message = "This server does not look for releases. SHOAL_CHECK_RELEASES has it do so."
        return ReleaseShown(status_code=200, message=message, release=None)
    with reading() as session:
        snapshot = find_snapshot(session, RELEASE)
    if snapshot is None:
        message = "No release is known yet. The background task github_releases_check has not found one."
        return ReleaseShown(status_code=200, message=message, release=None)
    known = snapshot.figures
    names = {"version": known["tag_name"].removeprefix("v"), "url": known["html_url"]}
    return ReleaseShown(status_code=200, release=convert({**known, **names}, Release))
