"""The cookie that a signed-in browser has, and whether it counts for a request."""

from __future__ import annotations

import re
from typing import Final

from flask import request

from app.settings import current

_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_READING: Final = frozenset({"GET", "HEAD"})


def cookie_name() -> str:
    """With the prefix no other host of the domain can set it (RFC 6265bis, section 4.1.3.2)."""
    return "__Host-shoal" if current().is_https else "shoal"


def read_cookie() -> str | None:
    """What was sent, if it can be one of ours."""
    value = request.cookies.get(cookie_name(), "")
    return value if _VALUE.fullmatch(value) else None


def is_meant() -> bool:
    """Whether the person behind a browser asks by it, and not another site: that can make a browser send a cookie along
    with a write, and cannot read an answer."""
    return request.method in _READING or request.headers.get("Origin") == current().origin
