"""The Ed25519 keys our actors prove their documents with; opened once a process, because the log needs them always."""

from __future__ import annotations

import threading

from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.keys import private_key_from_der
from app.models import ActorKey
from app.sealing import KEY_SCOPE, on_configure, unseal_row

_opened: LRUCache[str, tuple[str, Ed25519PrivateKey]] = LRUCache(maxsize=2048)
_opened_lock = threading.Lock()
on_configure(_opened.clear)


def get_proof_key(session: Session, actor_id: str) -> tuple[str, Ed25519PrivateKey]:
    """(key id, key). An actor of ours is made with this key, so its absence is a mistake of ours: LookupError."""
    with _opened_lock:
        known = _opened.get(actor_id)
    if known is not None:
        return known
    row = session.execute(
        select(ActorKey.id, ActorKey.private).where(
            ActorKey.actor_id == actor_id, ActorKey.kind == "ed25519", ActorKey.private.is_not(None)
        )
    ).one_or_none()
    if row is None:
        raise LookupError(f"{actor_id} has no Ed25519 key")
    key = private_key_from_der(unseal_row(session, KEY_SCOPE, row.id, row.private))
    if not isinstance(key, Ed25519PrivateKey):
        raise LookupError(f"{row.id} is not an Ed25519 key")
    with _opened_lock:
        _opened[actor_id] = (row.id, key)
    return row.id, key
