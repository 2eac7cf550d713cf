"""Inboxes: verify, decide, store, 202. Everything else happens in a worker."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request

from activitypub.documents import id_of, type_of
from activitypub.errors import ActivityPubError
from activitypub.judgement import judge
from activitypub.origin import Verdict
from activitypub.signatures import parse
from activitypub.strict_json import JsonObject, load_object
from activitypub.uris import host_of
from app.actions.hosts import note_inbound, note_signature
from app.actions.remote_actors import is_known_key
from app.db import reading
from app.errors import UnsupportedMediaError
from app.facades.federation.opening import ACTOR_PATH, open_living_actor
from app.pipeline import accept
from app.queries.actors import find_actor
from app.settings import current
from app.web.admission import take_delivery
from app.web.bodies import read_body
from app.web.signed import on_the_wire, verify_request, viewer_of

blueprint = Blueprint("inboxes", __name__)

_MEDIA_TYPES = frozenset({"application/activity+json", "application/ld+json", "application/json"})
_MAX_DELETION = 65_536  # Bytes; one that tells of an account names it and who is told.
_MAX_TYPE = 100  # Characters of a type we do not know that are said back to its sender.


@blueprint.post("/ap/inbox")
@blueprint.post("/ap/instance/inbox")
@blueprint.post(f"{ACTOR_PATH}/inbox")
def post_inbox(kind: str | None = None, id: str | None = None) -> Response:
    """Raises ActivityPubError and AppError; until the 202 nothing is promised, and after it nothing is lost.

    All inboxes are one; an actor's own must be that of a living actor whom the sender may know of.
    """
    if request.mimetype not in _MEDIA_TYPES:
        raise UnsupportedMediaError("An inbox takes application/activity+json.")
    wire = on_the_wire(request, read_body(request))
    take_delivery()
    presented = parse(wire)
    if not is_known_key(presented.key_id) and _is_deletion_of_nobody(_read_unproved(wire.body)):
        return _accepted("Delete", "ignored")
    verified = verify_request(wire, presented)
    if kind is not None and id is not None:
        open_living_actor(kind, id, asker=lambda: viewer_of(verified))
    judged = judge(wire.body, signer=verified.owner, local_origin=current().origin)
    host = host_of(verified.owner)
    note_inbound(host)
    note_signature(host, verified.scheme)
    if judged.activity is None or judged.decision.verdict is Verdict.DROP or _is_deletion_of_nobody(judged.document):
        return _accepted(judged.type[:_MAX_TYPE], "ignored")
    return _accepted(judged.type, accept(verified, judged.activity, wire.body))


def _read_unproved(body: bytes) -> JsonObject:
    """Only what may be a deletion, so that nobody without a key has us read a mebibyte; empty for all else. That it
    cannot be read is its sender's to hear once we know them."""
    if len(body) > _MAX_DELETION or b"Delete" not in body:
        return {}
    try:
        return load_object(body)
    except ActivityPubError:
        return {}


def _is_deletion_of_nobody(document: JsonObject) -> bool:
    """Everybody tells everybody of deleted accounts, and some do so twice.

    For one we never knew, or know to be deleted, there is nothing to do: no key to ask for where it is signed by its
    actor, no home to ask where somebody passes it on (hostile case SIG-23).
    """
    actor = id_of(document.get("actor"))
    if type_of(document) != "Delete" or actor is None or actor != id_of(document.get("object")):
        return False
    with reading() as session:
        return find_actor(session, actor) is None


def _accepted(type_: str, action: str) -> Response:
    body = {
        "status_code": 202,
        "message": "Activity accepted",
        "result": {"processed": False, "activity_type": type_, "action": action},
    }
    return Response(msgspec.json.encode(body), 202, mimetype="application/json")
