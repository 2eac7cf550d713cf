"""Embeds: boxes with a title that a message shows below its text, and that lead nowhere.

On the wire each is an attachment of type Page with a name, a summary and an image. Servers that know nothing of them
pass over what has no URL. A Page or a Link that has one stays a link, whatever else it says.
"""

from __future__ import annotations

import html as markup
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from activitypub import html
from activitypub.properties import Json, as_list, as_text, locate, natural_text

MAX_EMBEDS: Final = 10
MAX_TITLE: Final = 512
MAX_DESCRIPTION: Final = 4096
MAX_COLOR: Final = 32
MAX_IMAGE: Final = 2048
MAX_CARRIED: Final = 16_384
"""Characters of all embeds of a message."""
_MAX_LOOKED_AT: Final = 64
_TYPES: Final = ("Page", "Link")
_SMALL_IMAGE: Final = 1
_KINDS: Final = (_SMALL_IMAGE, 2)


class Embed(msgspec.Struct, frozen=True):
    """`kind` is 1 with the image at the side and 2 with it as the main thing, `color` is `"R, G, B"`; `is_shown` is
    None where the author has said nothing of it. What has no `description` as it was typed may have a `summary`, which
    is markup."""

    title: str
    kind: int = _SMALL_IMAGE
    description: str | None = None
    color: str | None = None
    image_url: str | None = None
    is_shown: bool | None = None
    summary: str | None = None

    @property
    def length(self) -> int:
        texts = (self.title, self.description, self.color, self.image_url, self.summary)
        return sum(len(text or "") for text in texts)

    def read_description(self) -> str | None:
        """As text. Whoever only looks at a document, as an inbox does before its 202, has no time for markup."""
        return self.description if self.summary is None else html.to_text(self.summary)[:MAX_DESCRIPTION]


def write_embed(embed: Embed) -> dict[str, Any]:
    """A Page. Its description is there as it was typed, too, as a Note's text is."""
    described = embed.description
    optional = {
        "summary": None if described is None else markup.escape(described).replace("\n", "<br>"),
        "source": None if described is None else {"content": described, "mediaType": "text/plain"},
        "image": None if embed.image_url is None else {"type": "Image", "url": embed.image_url},
        "embedColor": embed.color,
        "embedShown": embed.is_shown,
    }
    known = {name: value for name, value in optional.items() if value is not None}
    return {"type": "Page", "name": embed.title, "embedType": embed.kind, **known}


def parse_embeds(document: Json) -> Iterator[Embed]:
    """Those of a Note that are whole and together not too much; the others are passed over."""
    left, found = MAX_CARRIED, 0
    for item in as_list(document.get("attachment"))[:_MAX_LOOKED_AT]:
        embed = _parse(item) if isinstance(item, dict) else None
        if embed is None or embed.length > left:
            continue
        left, found = left - embed.length, found + 1
        yield embed
        if found == MAX_EMBEDS:
            return


def _parse(item: Json) -> Embed | None:
    title = natural_text(item, "name", MAX_TITLE)
    if item.get("type") not in _TYPES or not title or locate(item) is not None:
        return None
    kind, is_shown, typed = item.get("embedType"), item.get("embedShown"), _typed(item.get("source"))
    return Embed(
        title,
        kind if type(kind) is int and kind in _KINDS else _SMALL_IMAGE,
        typed,
        as_text(item.get("embedColor"), MAX_COLOR),
        _picture(item),
        is_shown if isinstance(is_shown, bool) else None,
        None if typed is not None else natural_text(item, "summary", MAX_DESCRIPTION) or None,
    )


def _picture(item: Json) -> str | None:
    located = locate(item.get("image"))
    url = located[0] if located is not None else ""
    return url if len(url) <= MAX_IMAGE and url.split() == [url] else None


def _typed(source: object) -> str | None:
    if not isinstance(source, dict) or source.get("mediaType") != "text/plain":
        return None
    return as_text(source.get("content"), MAX_DESCRIPTION)
