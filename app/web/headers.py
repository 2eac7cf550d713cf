"""Headers that every answer carries: the request's id, browser safety, and who may read it from another origin."""

from __future__ import annotations

import re

import uuid_utils
from flask import Flask, Response, g, request

REQUEST_ID = "X-Request-ID"
_SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key, x-pufferblow-node-session",
    "Access-Control-Max-Age": "600",
}
# What depends on a cookie is for pages of our own, and the authorization endpoint for no page at all (RFC 9700, 2.6).
_OF_COOKIES = re.compile(r"/client\b|/auth/(?!oauth2/)|/auth/oauth2/(authorize/?)?\Z")
_EXPOSED = f"{REQUEST_ID}, Location, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"


def request_id() -> str:
    """The id that the client and the log are told of this request."""
    if "request_id" not in g:
        g.request_id = str(uuid_utils.uuid4())
    return str(g.request_id)


def add_headers(app: Flask) -> None:
    app.before_request(_answer_preflight)
    app.after_request(_add_headers)


def _answer_preflight() -> Response | None:
    """Before routing has its say, so that a browser also learns of a 404 or a 405 (Fetch standard, 3.2)."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    return Response(status=204, headers=_PREFLIGHT)


def _add_headers(response: Response) -> Response:
    response.headers[REQUEST_ID] = request_id()
    for name, value in _SAFETY.items():
        response.headers.setdefault(name, value)
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is not None and not _OF_COOKIES.match(request.path):
        # Any origin: an answer depends on a token the page holds itself.
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response
