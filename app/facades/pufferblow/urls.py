"""Addresses of files as this facade's clients know them."""

from __future__ import annotations

from app.settings import current


def shown_url(url: str | None) -> str | None:
    """Of a file of ours the path alone, which the web client resolves, and not the key that other servers are given.

    Another server's is shown as it is.
    """
    if url is None or not url.startswith(f"{current().origin}/"):
        return url
    return url.removeprefix(current().origin).partition("?")[0]
