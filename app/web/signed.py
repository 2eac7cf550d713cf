"""Signed requests: what was on the wire, and who sent it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Request, request

from activitypub.errors import SignatureError
from activitypub.signatures import HttpRequest, PresentedSignature, Verified, check_policy, parse, verify
from activitypub.uris import host_of
from app.actions.remote_actors import key_for, newer_key
from app.db import reading
from app.errors import ForbiddenError
from app.queries.actors import get_actor
from app.queries.viewers import Viewer, remote_viewer
from app.settings import current
from app.web.admission import waiting


def on_the_wire(incoming: Request, body: bytes) -> HttpRequest:
    """The request target is gunicorn's, undecoded: a signature is over those very bytes."""
    raw = incoming.environ.get("RAW_URI") or incoming.full_path.rstrip("?")
    return HttpRequest(incoming.method, raw, tuple(incoming.headers.items()), body)


def verify_request(wire: HttpRequest, presented: PresentedSignature) -> Verified:
    """Who sent it. A key that did not make the signature may have been changed since we saw it: then its home is asked,
    but for no key at all where it could not help: of a wrong time, body or place.

    Raises ForbiddenError for who is blocked, SignatureError, or KeyUnavailableError where the sender should try again.
    """
    origin, now = current().origin, datetime.now(UTC)
    if current().refuses(host_of(presented.key_id)):
        raise ForbiddenError("This server is blocked here.")
    check_policy(wire, presented, origin=origin, now=now)
    with waiting():  # For the key's home, which may let us wait for as long as we do.
        key = key_for(presented.key_id)
    try:
        return verify(wire, presented, key, origin=origin, now=now)
    except SignatureError:
        with waiting():
            newer = newer_key(key, since=now)
        if newer is None:
            raise
        return verify(wire, presented, newer, origin=origin, now=now)


def viewer_of(verified: Verified) -> Viewer:
    """Raises NotFoundError where the actor was deleted meanwhile."""
    with reading() as session:
        return remote_viewer(get_actor(session, verified.owner))


def asking_viewer() -> Viewer | None:
    """Who signed this GET; None for a stranger. Raises what `verify_request` raises.

    Only for what not everybody may see: a public document must be had without proof and without a fetch of ours, or
    two servers that ask for each other's keys would wait for each other.
    """
    if "Signature" not in request.headers:
        return None
    wire = on_the_wire(request, b"")
    return viewer_of(verify_request(wire, parse(wire)))
