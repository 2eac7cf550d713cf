"""Requests of other instances: which one signed it, and objects as it is shown them (contracts/punctum.md, 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import request

from activitypub.errors import SignatureError
from activitypub.signatures import Verified, parse
from activitypub.uris import host_of
from app.actions.peers.hearing import admit, subscribe
from app.db import reading
from app.errors import ForbiddenError, UnauthenticatedError
from app.facades.punctum.ask import Ask
from app.facades.punctum.problems import HiddenError, MissingObjectError
from app.queries.objects import Found, FoundConversation, find_object, may_read
from app.queries.punctum.federated import instance_viewer, show_found
from app.queries.punctum.shown import Shown
from app.queries.viewers import Viewer
from app.settings import current
from app.web.admission import take_delivery
from app.web.limiting import count_instance
from app.web.signed import on_the_wire, verify_request, viewer_of

# A clock may be so far off (contracts/punctum.md, 4.5). Whatever had to wait is signed when it is sent.
CLOCK_WINDOW: Final = timedelta(minutes=5)

_SIGNATURE: Final = "A signature of the sending instance is needed."


def is_signed() -> bool:
    return "Signature" in request.headers


def check_welcome(ask: Ask) -> None:
    """Of who need not say who they are, and does. Raises ForbiddenError for an instance that is blocked."""
    if not is_signed():
        return
    try:
        presented = parse(on_the_wire(request, ask.raw()))
    except SignatureError:
        return
    if current().refuses(host_of(presented.key_id)):
        raise ForbiddenError("This server is blocked here.")


def sender(ask: Ask) -> Viewer:
    """The instance that does something by this request.

    Raises UnauthenticatedError and SignatureError where nobody proves to be one, and for what was sent before,
    ForbiddenError for one that is blocked, TooManyRequestsError.
    """
    take_delivery(_count_objects(ask))
    viewer, verified = _signer(ask)
    admit(verified, viewer.host or "")
    return viewer


def _by_id(ask: Ask) -> Found:
    with reading() as session:
        found = find_object(session, ask.given["id"])
    if found is None:
        raise MissingObjectError
    return found


def show_to_instance(ask: Ask, find: Callable[[Ask], Found] = _by_id) -> Shown:
    """What the path names; who asks for an account is told of its changes from then on (4.3).

    Raises what `sender` does of a signature before anything is looked for, MissingObjectError, and HiddenError for what
    nobody of the instance may read.
    """
    viewer, _ = _signer(ask)
    found = find(ask)
    domain = viewer.host or ""
    with reading() as session:
        if not may_read(session, instance_viewer(domain), found):
            raise MissingObjectError if isinstance(found.value, FoundConversation) else HiddenError
        shown = show_found(session, domain, [found])
    if not shown:
        raise HiddenError
    if found.kind == "account" and found.value.host is None:
        subscribe(domain, found.id)
    return shown[0]


def _count_objects(ask: Ask) -> int:
    """A stash costs as much as what is in it."""
    listed = ask.data(may_be_empty=True).get("id_list")
    return max(len(listed), 1) if isinstance(listed, list) else 1


def _signer(ask: Ask) -> tuple[Viewer, Verified]:
    if not is_signed():
        raise UnauthenticatedError(_SIGNATURE)
    wire = on_the_wire(request, ask.raw())
    presented = parse(wire)
    verified = verify_request(wire, presented)
    if abs(datetime.now(UTC) - verified.signed_at) > CLOCK_WINDOW:
        raise SignatureError("the signature was made too long ago, or is yet to be")
    viewer = viewer_of(verified)
    if not viewer.asks_for_server:
        raise UnauthenticatedError("Requests between instances are signed by the instance, not by an account.")
    count_instance(viewer.host or "")
    return viewer, verified
