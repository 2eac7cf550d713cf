"""What a post says beside its content and is read as text: a warning, a poll's options, when and where an event is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from activitypub.names import read_name
from activitypub.properties import Json, as_list, as_text, natural_text
from activitypub.times import parse_time

MAX_WARNING: Final = 500
MAX_OPTIONS: Final = 20
MAX_LINE: Final = 255
_WARNED_BY_SUMMARY: Final = frozenset({"ChatMessage", "Note", "Question"})
_PLAIN: Final = ("text/plain", "text/markdown")
_ADDRESS: Final = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")


def warning_of(document: Json, type_: str) -> str | None:
    """What Mastodon and others have read before the rest; the `summary` of an Article and its like is its beginning,
    unless it says that it is `sensitive`."""
    if type_ not in _WARNED_BY_SUMMARY and document.get("sensitive") is not True:
        return None
    return read_name(natural_text(document, "summary", MAX_WARNING) or "") or None


def details_of(document: Json, type_: str) -> tuple[str, ...]:
    """Lines below the content."""
    match type_:
        case "Question":
            return tuple(f"- {option}" for option in _options(document))
        case "Event":
            return tuple(line for line in (_when(document), _where(document.get("location"))) if line)
    return ()


def is_plain(document: Json) -> bool:
    """Whether its content is no markup: PeerTube's comments and videos are Markdown."""
    # In a tuple and not in a set: what a stranger sends need not be hashable.
    return document.get("mediaType") in _PLAIN


def plain_source(source: object) -> str | None:
    if not isinstance(source, dict) or source.get("mediaType") not in _PLAIN:
        return None
    return as_text(source.get("content"))


def _options(document: Json) -> Iterator[str]:
    """Without their votes, which are counted elsewhere and change all the time."""
    for option in (as_list(document.get("oneOf")) or as_list(document.get("anyOf")))[:MAX_OPTIONS]:
        if isinstance(option, dict) and (name := read_name(natural_text(option, "name", MAX_LINE) or "")):
            yield name


def _when(document: Json) -> str:
    times = (parse_time(document.get(name)) for name in ("startTime", "endTime"))
    return " \N{EN DASH} ".join(_show(time) for time in times if time is not None)


def _show(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")


def _where(location: object) -> str:
    place = next((item for item in as_list(location) if isinstance(item, dict)), None)
    if place is None:
        return ""
    address = place.get("address")
    parts = [place.get("name"), *(address.get(name) for name in _ADDRESS)] if isinstance(address, dict) else []
    named = (read_name(as_text(part, MAX_LINE) or "") for part in parts or [place.get("name"), address])
    return ", ".join(dict.fromkeys(part for part in named if part))
