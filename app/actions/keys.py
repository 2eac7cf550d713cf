"""The RSA keys our actors sign requests with: made in the background, opened once a process."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activitypub.keys import generate_rsa, private_key_to_der, public_key_to_multikey
from app.db import reading, transaction
from app.errors import NotFoundError
from app.models import ActorKey
from app.projections.actors import add_key
from app.queries.actors import NO_SUCH_ACTOR, find_by_id
from app.sealing import KEY_SCOPE, on_configure, unseal_row

RSA = "rsa"

_opened: LRUCache[str, SigningKey] = LRUCache(maxsize=2048)
_opened_lock = threading.Lock()
on_configure(_opened.clear)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is published."""

    id: str
    key: RSAPrivateKey = field(repr=False)


def signing_key(actor_id: str) -> SigningKey:
    """The key of one of our actors; made now if no worker came to it yet.

    Raises NotFoundError when the actor is not ours.
    """
    with _opened_lock:
        known = _opened.get(actor_id)
    if known is not None:
        return known
    key = _load(actor_id)
    if key is None:
        make_keys(actor_id)
        key = _load(actor_id)
    if key is None:
        raise NotFoundError("The actor has no key.")
    with _opened_lock:
        _opened[actor_id] = key
    return key


def make_keys(actor_id: str) -> None:
    """Give the actor its RSA key if it has none; may run twice, and at the same time elsewhere.

    The Ed25519 key is made with the actor. Raises NotFoundError when the actor is not ours.
    """
    with reading() as session:
        if _find_row(session, actor_id) is not None:
            return
    key = generate_rsa()  # Tens of milliseconds: before the transaction, never in it.
    try:
        with transaction() as session:
            actor = find_by_id(session, actor_id)
            if actor is None or not actor.is_local:
                raise NotFoundError(NO_SUCH_ACTOR)
            add_key(
                session,
                actor,
                key_id=f"{actor.uri}#main-key",
                kind=RSA,
                public=public_key_to_multikey(key.public_key()),
                private=private_key_to_der(key),
                now=datetime.now(UTC),
            )
    except IntegrityError:
        return  # Another worker was faster, and its key is the actor's.


def _load(actor_id: str) -> SigningKey | None:
    with reading() as session:
        row = _find_row(session, actor_id)
        if row is None:
            return None
        key_id, sealed = row
        der = unseal_row(session, KEY_SCOPE, key_id, sealed)
    # Checking an RSA key takes 40 ms. It was sound when we made it, and the seal proves that it is still the same.
    key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise NotFoundError("The actor has no RSA key.")
    return SigningKey(key_id, key)


def _find_row(session: Session, actor_id: str) -> tuple[str, bytes] | None:
    row = session.execute(
        select(ActorKey.id, ActorKey.private).where(
            ActorKey.actor_id == actor_id, ActorKey.kind == RSA, ActorKey.private.is_not(None)
        )
    ).one_or_none()
    return None if row is None else (row.id, row.private)
