"""Answers to other servers: ActivityPub documents, and a small page for a person who follows a link."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec
from flask import Response, request

from activitypub.vocabulary import ACTIVITY_JSON
from app.errors import NotFoundError
from app.facades.federation.negotiation import HTML, media_type_for

NO_ACTOR = "Local actor not found"
NO_DOCUMENT = "Not found"
_PUBLIC = "public, max-age=60"
_PRIVATE = "private, no-store"
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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


def document(json: Mapping[str, Any], *, status: int = 200, is_public: bool = True) -> Response:
    """The document in the form that was asked for."""
    title = str(json.get("name") or json["type"])
    return _answer(msgspec.json.encode(json), status, is_public=is_public, uri=str(json["id"]), title=title)


def recorded_document(body: bytes, *, uri: str, type: str, is_public: bool) -> Response:
    """A document as it was recorded, byte for byte: its proof is over what it says, and its digest over the bytes."""
    return _answer(body, 200, is_public=is_public, uri=uri, title=type)


def missing(what: str = NO_DOCUMENT) -> NotFoundError:
    """One answer for what is not there and for what is not for the asker."""
    return NotFoundError(what)


def keep_apart(response: Response) -> Response:
    """After each request: what one asker is told, a refusal too, is no answer for another form or another asker."""
    response.vary.update(("Accept", "Signature"))
    return response


def _answer(body: bytes, status: int, *, is_public: bool, uri: str, title: str) -> Response:
    """A public document may be kept for a minute, and asked for again by its ETag (hostile case FED-15)."""
    media_type = media_type_for(request.accept_mimetypes)
    if media_type == HTML:
        body = _PAGE.format(title=escape(title), uri=escape(uri), type=ACTIVITY_JSON).encode()
    response = Response(body, status, content_type="text/html; charset=utf-8" if media_type == HTML else media_type)
    if media_type == HTML:
        response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = _PUBLIC if is_public else _PRIVATE
    if is_public and status == 200:
        response.add_etag()
        response.make_conditional(request)
    return response
