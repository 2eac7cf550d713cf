"""Embeds as Punctum has them (contracts/punctum.md, 1.6), and as other servers are told them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from activitypub.embeds import Embed
from app.settings import current

Shown = dict[str, Any]


def tell_embeds(embeds: Sequence[Mapping[str, Any]]) -> list[Embed]:
    """An image that is named by a path is one of ours."""
    return [
        Embed(
            one["embed_title"],
            one["embed_type"],
            one.get("embed_description"),
            one.get("embed_color"),
            _absolute(one.get("embed_image")),
            one.get("embed"),
        )
        for one in embeds
    ]


def show_embeds(embeds: Sequence[Embed]) -> list[Shown]:
    """Without what the author left out."""
    several = (
        {
            "embed": one.is_shown,
            "embed_title": one.title,
            "embed_description": one.read_description(),
            "embed_color": one.color,
            "embed_image": one.image_url,
            "embed_type": one.kind,
        }
        for one in embeds
    )
    return [{key: value for key, value in one.items() if value is not None} for one in several]


def _absolute(url: str | None) -> str | None:
    return current().origin + url if url is not None and url.startswith("/") else url
