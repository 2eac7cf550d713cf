"""Query parameters of collections: which page, and how much of it."""

from __future__ import annotations

from flask import request

from app.errors import InvalidInputError
from app.ids import is_id

_HIGHEST = 10**12  # Times any page's size it is still a number that both databases take.


def has_any(*names: str) -> bool:
    return any(name in request.args for name in names)


def read_page_number() -> int:
    """The first page by default; `page=true` is how many servers ask for it. Raises InvalidInputError."""
    if request.args.get("page") == "true":
        return 1
    return _find_number("page", low=1, high=_HIGHEST, mistake="page must be >= 1") or 1


def read_page_size(*, default: int) -> int:
    """Raises InvalidInputError."""
    return _find_number("limit", low=1, high=100, mistake="limit must be between 1 and 100") or default


def find_position(name: str) -> int | None:
    """Raises InvalidInputError."""
    return _find_number(name, low=0, high=_HIGHEST, mistake=f"{name} must be a position in the collection")


def find_id(name: str) -> str | None:
    """An id of ours, though perhaps of another collection, which harms nobody. Raises InvalidInputError."""
    text = request.args.get(name)
    if text is not None and not is_id(text):
        raise InvalidInputError(f"{name} must be an id of the collection")
    return text


def _find_number(name: str, *, low: int, high: int, mistake: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and low <= int(text) <= high):
        raise InvalidInputError(mistake)
    return int(text)
