"""Answers to other servers: ActivityPub documents, and a small page for a person who follows a link."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec
from flask import Response, request

from activitypub.vocabulary import ACTIVITY_JSON
from app.errors import NotFoundError

_PUBLIC = "public, max-age=60"
_PRIVATE = "private, no-store"
_LD_JSON = "application/ld+json"
_TYPES = (ACTIVITY_JSON, _LD_JSON, "application/json", "text/html")
NOT_FOUND = "Not found"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="alternate" type="{type}" href="{uri}">
</head>
<body>
<main>
<h1>{title}</h1>
<p>This is an address on the fediverse. Search for it in the client of your own server:</p>
<p><code>{uri}</code></p>
</main>
</body>
</html>
"""


def document(json: Mapping[str, Any], *, status: int = 200, is_public: bool = True, title: str = "") -> Response:
    """The document in the type that was asked for.

    Everything that is not HTML gets ActivityPub: peers ask with either media type, with and without the profile, or
    with none at all (contracts/peers.md, 6).
    """
    if request.accept_mimetypes.best_match(_TYPES, default=ACTIVITY_JSON) == "text/html":
        response = _page(title or str(json.get("name") or json.get("type")), str(json.get("id", "")), status)
    else:
        response = Response(msgspec.json.encode(json), status, mimetype=_media_type())
    response.headers["Cache-Control"] = _PUBLIC if is_public else _PRIVATE
    response.vary.update(("Accept", "Signature"))
    return response


def raw_document(body: bytes, *, is_public: bool) -> Response:
    """A document as it was recorded, byte for byte."""
    response = Response(body, mimetype=_media_type())
    response.headers["Cache-Control"] = _PUBLIC if is_public else _PRIVATE
    response.vary.update(("Accept", "Signature"))
    return response


def missing() -> NotFoundError:
    """One answer for what is not there and for what is not for the asker."""
    return NotFoundError(NOT_FOUND)


def _media_type() -> str:
    """The profile is part of the type only where JSON-LD was asked for (activitypub, section 3.2)."""
    asked = request.headers.get("Accept", "")
    if _LD_JSON in asked and ACTIVITY_JSON not in asked:
        return 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
    return ACTIVITY_JSON


def _page(title: str, uri: str, status: int) -> Response:
    body = _PAGE.format(title=escape(title), uri=escape(uri), type=ACTIVITY_JSON)
    response = Response(body, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response
