"""Record: the log's envelope, the sealed document, and for our own activities the proof of who said it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import update

from activitypub.proofs import add_proof
from app.act import Act
from app.db import row_count
from app.insertion import insert_rows
from app.models import Activity, ActivityDocument
from app.queries.keys import get_proof_key
from app.sealing import seal_row

Document = Mapping[str, Any]


def record(act: Act) -> None:
    """Write the activity to the log, with its proof if it is ours."""
    document = act.recorded = _with_proof(act) if act.is_local else act.activity.document
    if _revive(act):
        return
    body = msgspec.json.encode(document)
    insert_rows(act.session, Activity, _envelope(act, digest=hashlib.sha256(body).hexdigest()))
    sealed = seal_row(act.session, act.scope, act.id, body)
    insert_rows(act.session, ActivityDocument, {"activity_id": act.id, "scope": act.scope, "sealed": sealed})


def _envelope(act: Act, *, digest: str) -> dict[str, Any]:
    return {
        "id": act.id,
        "uri": act.activity.id,
        "type": act.activity.type,
        "actor_id": act.actor.id,
        "object_uri": act.activity.object_id,
        "target_uri": act.activity.target,
        "audience": act.audience,
        "digest": digest,
        "idempotency_key": act.idempotency_key,
        "request_digest": act.request_digest,
        "signed_at": act.signed_at,
        "recorded_at": act.now,
    }


def _with_proof(act: Act) -> Document:
    key_id, key = get_proof_key(act.session, act.actor.id)
    return add_proof(dict(act.activity.document), verification_method=key_id, private_key=key, created=act.now)


def _revive(act: Act) -> bool:
    """A Follow with the id of an undone one is the same row of the log, alive again."""
    if act.is_local or act.activity.type != "Follow":
        return False
    revived = act.session.execute(
        update(Activity)
        .where(Activity.uri == act.activity.id, Activity.undone_at.is_not(None))
        .values(undone_at=None, signed_at=act.signed_at)
    )
    return row_count(revived) > 0
