"""What is attached to a message: pictures, sounds, films, files and links, each at its own server."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from activitypub.properties import Json, as_count, as_list, as_text, locate, natural_text

MAX_ATTACHMENTS = 32  # Of one document; the rest is dropped (hostile case PAR-13).
MAX_DESCRIPTION = 1500
MAX_BLURHASH = 200
MAX_MEDIA_TYPE = 100


class Attachment(msgspec.Struct, frozen=True):
    """`size` is in bytes, `width` and `height` in pixels; None where a server does not say. `name` is read aloud."""

    url: str
    media_type: str = ""
    name: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    blurhash: str = ""


def parse_attachments(document: Json) -> Iterator[Attachment]:
    """Those that lead to an http(s) URL; what else is attached has no place in a message."""
    for item in as_list(document.get("attachment"))[:MAX_ATTACHMENTS]:
        located = locate(item)
        if located is None:
            continue
        url, about = located
        media_type = about.get("mediaType")
        yield Attachment(
            url,
            media_type if isinstance(media_type, str) and len(media_type) < MAX_MEDIA_TYPE else "",
            _description(item) or _description(about),
            size=as_count(about.get("size")),
            width=as_count(about.get("width")),
            height=as_count(about.get("height")),
            blurhash=as_text(about.get("blurhash"), MAX_BLURHASH) or "",
        )


def _description(item: object) -> str:
    """Most servers write it as `name`, Owncast as `content`."""
    if not isinstance(item, dict):
        return ""
    return next(
        (text for name in ("name", "summary", "content") if (text := natural_text(item, name, MAX_DESCRIPTION))), ""
    )
