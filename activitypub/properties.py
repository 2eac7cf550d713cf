"""Single properties of a document, however its server spells them; nothing here raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TEXT = 200_000
MAX_URI = 2048  # Bytes: an index of PostgreSQL takes no more than 2,700 of a key.
_MAX_LINKS = 8

Json = Mapping[str, Any]


def natural_text(document: Json, name: str, limit: int = MAX_TEXT) -> str | None:
    """A text as it is written beside its translations, or else the first of them (activitystreams-core, 4.7)."""
    text = document.get(name)
    if not isinstance(text, str):
        languages = document.get(f"{name}Map")
        text = next(iter(languages.values()), None) if isinstance(languages, dict) else None
    return as_text(text, limit)


def link_in(value: object) -> str | None:
    located = locate(value)
    return located[0] if located else None


def locate(value: object) -> tuple[str, Json] | None:
    """The first http(s) URL of a property that may hold a URL, a Link, an Image, or a list of them.

    With it comes what the nodes around the URL say of it, the innermost of them first.
    """
    for item in as_list(value)[:_MAX_LINKS]:
        if isinstance(item, dict):
            inner = locate(item.get("href")) or locate(item.get("url"))
            if inner is not None:
                return inner[0], {**item, **inner[1]}
        elif (url := as_uri(item)) and url.startswith(("https://", "http://")):
            return url, {}
    return None


def as_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def as_uri(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value.encode(errors="replace")) <= MAX_URI else None


def as_text(value: object, limit: int = MAX_TEXT) -> str | None:
    return value[:limit] if isinstance(value, str) else None


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
