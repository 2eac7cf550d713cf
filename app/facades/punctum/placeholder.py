"""The icon of what was given none (contracts/punctum.md, 1.3): a picture of our own, the same for all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Response, send_from_directory

_HERE: Final = Path(__file__).parent
_CACHE_SECONDS: Final = 86400


def get_placeholder() -> Response:
    response = send_from_directory(_HERE, "placeholder.svg", max_age=_CACHE_SECONDS)
    # Opened by itself, an SVG is a document.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
