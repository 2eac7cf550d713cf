"""Signed requests: what was on the wire, and who sent it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Request, request

from activitypub.errors import SignatureError
from activitypub.signatures import HttpRequest, Verified, parse, verify
from app.actions.remote_actors import key_for, refreshed_key
from app.db import reading
from app.queries.actors import get_actor
from app.queries.viewers import Viewer, remote_viewer
from app.settings import current


def on_the_wire(incoming: Request, body: bytes) -> HttpRequest:
    """The request target is gunicorn's, undecoded: a signature is over those very bytes."""
    raw = incoming.environ.get("RAW_URI") or incoming.full_path.rstrip("?")
    return HttpRequest(incoming.method, raw, tuple(incoming.headers.items()), body)


def verify_request(wire: HttpRequest) -> Verified:
    """Who sent it. A key that does not fit may have been changed since we saw it, so its home is asked once more.

    Raises SignatureError, or KeyUnavailableError where the sender should try again.
    """
    presented = parse(wire)
    origin, now = current().origin, datetime.now(UTC)
    key = key_for(presented.key_id)
    try:
        return verify(wire, presented, key, origin=origin, now=now)
    except SignatureError:
        fresh = refreshed_key(presented.key_id)
        if fresh is None or fresh.key == key.key:
            raise
        return verify(wire, presented, fresh, origin=origin, now=now)


def asking_viewer() -> Viewer | None:
    """Who signed this GET; None for a stranger. Raises SignatureError for a signature that does not hold."""
    if "Signature" not in request.headers:
        return None
    verified = verify_request(on_the_wire(request, b""))
    with reading() as session:
        return remote_viewer(get_actor(session, verified.owner))
