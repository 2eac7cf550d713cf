"""Addresses of files as this facade's clients know them."""

from __future__ import annotations

from app.queries.files import without_key
from app.settings import current


def shown_url(url: str | None) -> str | None:
    """Of a file of ours the path alone, which the web client resolves. Another server's is shown as it is."""
    if url is None or not url.startswith(f"{current().origin}/"):
        return url
    return without_key(url).removeprefix(current().origin)
