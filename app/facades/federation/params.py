"""Query parameters of collections: which page, and how much of it."""

from __future__ import annotations

from flask import request

from app.errors import InvalidInputError
from app.ids import is_id

_HIGHEST = 10**12  # Times any page's size it is still a number that both databases take.


def has_any(*names: str) -> bool:
    return any(name in request.args for name in names)


def find_number(name: str, *, default: int, low: int, message: str, high: int = _HIGHEST) -> int:
    """Raises InvalidInputError with `message`. `page=true` is how many servers ask for the first page."""
    text = request.args.get(name)
    if text is None or text == "true":
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and low <= int(text) <= high):
        raise InvalidInputError(message)
    return int(text)


def find_id(name: str) -> str | None:
    """An id of ours, though perhaps of another collection, which harms nobody. Raises InvalidInputError."""
    text = request.args.get(name)
    if text is not None and not is_id(text):
        raise InvalidInputError(f"{name} must be an id of the collection")
    return text
