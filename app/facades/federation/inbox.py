"""Inboxes: verify, decide, store, 202. Everything else happens in a worker."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request

from activitypub.documents import parse_activity
from activitypub.errors import ActivityPubError
from activitypub.origin import Verdict, decide
from activitypub.signatures import parse
from activitypub.strict_json import load_object
from activitypub.uris import host_of
from app.actions.hosts import note_inbound
from app.actions.remote_actors import is_known_key
from app.db import reading
from app.errors import UnsupportedMediaError
from app.facades.federation.answers import missing
from app.facades.federation.signed import on_the_wire, verify_request
from app.pipeline import accept
from app.queries.actors import find_actor
from app.settings import current
from app.uris import Uris
from app.web.bodies import read_body

inboxes = Blueprint("inboxes", __name__)

_MEDIA_TYPES = frozenset({"application/activity+json", "application/ld+json", "application/json"})


@inboxes.post("/ap/inbox")
def post_shared_inbox() -> Response:
    return _receive()


@inboxes.post("/ap/instance/inbox")
def post_instance_inbox() -> Response:
    return _receive()


@inboxes.post("/ap/<any(users, channels, spaces):kind>/<id>/inbox")
def post_inbox(kind: str, id: str) -> Response:
    with reading() as session:
        if find_actor(session, f"{Uris(current().origin).origin}/ap/{kind}/{id}") is None:
            raise missing()
    return _receive()


def _receive() -> Response:
    """Raises ActivityPubError and AppError; until the 202 nothing is promised, and after it nothing is lost."""
    if request.mimetype not in _MEDIA_TYPES:
        raise UnsupportedMediaError("An inbox takes application/activity+json.")
    wire = on_the_wire(request, read_body(request))
    presented = parse(wire)
    # Everybody tells everybody of deleted accounts; for those we never knew there is nothing to do, and no key to ask
    # for either (hostile case SIG-23).
    if not is_known_key(presented.key_id) and _is_own_deletion(wire.body):
        return _accepted("Delete", "ignored")
    verified = verify_request(wire)
    document = load_object(wire.body)
    activity = parse_activity(document)
    note_inbound(host_of(verified.owner))
    decision = decide(document, signer=verified.owner, local_origin=current().origin)
    if decision.verdict is Verdict.DROP:
        return _accepted(activity.type, "ignored")
    return _accepted(activity.type, accept(verified, activity, wire.body))


def _is_own_deletion(body: bytes) -> bool:
    try:
        document = load_object(body)
    except ActivityPubError:
        return False
    actor, deleted = document.get("actor"), document.get("object")
    target = deleted.get("id") if isinstance(deleted, dict) else deleted
    return document.get("type") == "Delete" and isinstance(actor, str) and actor == target


def _accepted(type_: str, action: str) -> Response:
    body = {
        "status_code": 202,
        "message": "Activity accepted",
        "result": {"processed": False, "activity_type": type_, "action": action},
    }
    return Response(msgspec.json.encode(body), 202, mimetype="application/json")
