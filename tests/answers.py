"""Answers as clients see them."""

from __future__ import annotations

from typing import Any

# What contracts/punctum.md (3.2 and 7) has for a status, unless the error is one that it knows better.
_CODES = {401: 3, 403: 3, 404: 4, 405: 5, 408: 2, 412: 2, 413: 11, 414: 2, 415: 2, 429: 3, 500: 1, 503: 1}
_OF_A_VALUE = 7


def refusal(status: int, detail: str, *, code: int | None = None, **also: Any) -> tuple[int, dict[str, Any]]:
    """The status and the whole body of an error: all that whoever is refused is told."""
    error_code = _CODES.get(status, _OF_A_VALUE) if code is None else code
    body = {"type": "ping", "ping_type": "error", "error_code": error_code, "error": detail, "detail": detail}
    return status, body | also
