"""Decentralized node auth: a device answers a challenge and gets a session of its own (contracts/pufferblow.md, 2).

Two proofs are taken. A key: the node signs the nonce with the private half of the public key it shows. A shared secret:
the node sends the secret and the nonce's HMAC under it, which proves nothing by itself, so the first secret of a node
is kept (hashed) and no other is taken from it ever after. What a node proved itself with first, it must go on using.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from activitypub.errors import UnusableKeyError
from activitypub.keys import KeyMaterial, is_signed_by, public_key_from_pem, public_key_to_multikey
from app.actions.digests import digest_of
from app.actions.passwords import hash_password, is_password
from app.db import reading, transaction, upsert
from app.errors import ConflictError, NotFoundError, TooManyRequestsError, UnauthenticatedError
from app.ids import new_id
from app.models import NodeChallenge, NodeSession, NodeTrust
from app.queries.nodes import count_open_challenges, find_challenge, find_live_session, find_trust
from app.queries.scopes import NODE_SCOPES
from app.queries.viewers import Viewer

CHALLENGE_TTL = timedelta(seconds=120)
SESSION_TTL = timedelta(hours=24)
SCOPES = NODE_SCOPES
MAX_OPEN_CHALLENGES = 20

_HMAC = re.compile(r"[0-9a-f]{64}")
_WRONG = "Invalid challenge signature"
_NO_SESSION = "Session not found for current user"


class Challenge(msgspec.Struct, frozen=True):
    id: str
    nonce: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """What a node answers a challenge with. `signature` is base64 of a key's signature or, in hex, an HMAC-SHA256."""

    public_key: str
    signature: str
    shared_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedNodeSession:
    """The token is told here and never again."""

    id: str
    token: str = field(repr=False)
    node_id: str
    expires_at: datetime
    scopes: tuple[str, ...]


class ShownNodeSession(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    node_id: str
    public_key: str
    expires_at: datetime
    scopes: tuple[str, ...]


def challenge(viewer: Viewer, node_id: str) -> Challenge:
    """A nonce for one of the viewer's nodes to answer. Raises TooManyRequestsError for one who answers none."""
    now = datetime.now(UTC)
    made = Challenge(new_id("challenge"), secrets.token_urlsafe(32), now + CHALLENGE_TTL)
    with transaction() as session:
        if count_open_challenges(session, viewer.actor_id, now=now) >= MAX_OPEN_CHALLENGES:
            wait = int(CHALLENGE_TTL.total_seconds())
            raise TooManyRequestsError("Too many open challenges. Answer one first.", retry_after_seconds=wait)
        values = {
            "id": made.id,
            "account_id": viewer.actor_id,
            "node_id": node_id,
            "nonce": made.nonce,
            "expires_at": made.expires_at,
        }
        session.execute(insert(NodeChallenge).values(values))
    return made


def verify(challenge_id: str, proof: Proof) -> OpenedNodeSession:
    """Open a session for the node that answers rightly; a challenge opens one at most.

    Raises NotFoundError, ConflictError for a challenge that was answered, UnauthenticatedError for one that ended and
    for a wrong answer.
    """
    now = datetime.now(UTC)
    with reading() as session:
        asked = find_challenge(session, challenge_id)
        if asked is None:
            raise NotFoundError("Challenge not found")
        trust = find_trust(session, asked.account_id, asked.node_id)
    if asked.consumed_at is not None:
        raise ConflictError("Challenge already consumed")
    if asked.expires_at <= now:
        raise UnauthenticatedError("Challenge expired")
    proved = _prove(asked.nonce, proof, trust)  # Outside of a transaction: hashing a secret takes a quarter second.
    with transaction() as session:
        _consume(session, asked.id, now)
        if trust is None:
            _trust(session, asked, proved, now)
        return _open(session, asked, proof, now)


def introspect(token: str) -> ShownNodeSession:
    """Raises UnauthenticatedError for a token that is none, or no longer."""
    with reading() as session:
        found = find_live_session(session, digest_of(token), now=datetime.now(UTC))
    if found is None:
        raise UnauthenticatedError("Invalid or expired session token")
    return ShownNodeSession(
        found.id, found.account_id, found.node_id, found.public_key, found.expires_at, tuple(found.scopes)
    )


def revoke(viewer: Viewer, session_id: str) -> None:
    """End one of the viewer's own node sessions. Raises NotFoundError for any other, and for one that was ended."""
    now = datetime.now(UTC)
    with transaction() as session:
        ended = session.execute(
            update(NodeSession)
            .where(
                NodeSession.id == session_id,
                NodeSession.account_id == viewer.actor_id,
                NodeSession.revoked_at.is_(None),
            )
            .values(revoked_at=now)
            .returning(NodeSession.id)
        )
        if ended.one_or_none() is None:
            raise NotFoundError(_NO_SESSION)


class _Proved(msgspec.Struct, frozen=True):
    """What will be asked of the node from now on: one of the two."""

    public_key: str | None = None
    secret_hash: str | None = None


def _prove(nonce: str, proof: Proof, trust: NodeTrust | None) -> _Proved:
    """Raises UnauthenticatedError, in the same words whatever was wrong."""
    if proof.shared_secret is not None and _HMAC.fullmatch(proof.signature):
        return _prove_secret(nonce, proof.signature, proof.shared_secret, trust)
    return _prove_key(nonce, proof, trust)


def _prove_secret(nonce: str, signature: str, secret: str, trust: NodeTrust | None) -> _Proved:
    expected = hmac.new(secret.encode(), nonce.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise UnauthenticatedError(_WRONG)
    if trust is None:
        return _Proved(secret_hash=hash_password(secret))
    if trust.secret_hash is None or not is_password(secret, trust.secret_hash):
        raise UnauthenticatedError(_WRONG)
    return _Proved(secret_hash=trust.secret_hash)


def _prove_key(nonce: str, proof: Proof, trust: NodeTrust | None) -> _Proved:
    try:
        key = _read_key(proof.public_key)
        signature = base64.b64decode(proof.signature, validate=True)
    except (UnusableKeyError, ValueError) as error:
        raise UnauthenticatedError(_WRONG) from error
    name = public_key_to_multikey(key)
    if not is_signed_by(key, signature, nonce.encode()) or (trust is not None and trust.public_key != name):
        raise UnauthenticatedError(_WRONG)
    return _Proved(public_key=name)


def _read_key(text: str) -> KeyMaterial:
    """PEM, or the 32 bytes of an Ed25519 key in base64. Raises UnusableKeyError or ValueError."""
    if text.lstrip().startswith("-----BEGIN"):
        return public_key_from_pem(text)
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def _consume(session: Session, challenge_id: str, now: datetime) -> None:
    """Of two answers at the same moment one is told that it came too late."""
    consumed = session.execute(
        update(NodeChallenge)
        .where(NodeChallenge.id == challenge_id, NodeChallenge.consumed_at.is_(None))
        .values(consumed_at=now)
        .returning(NodeChallenge.id)
    )
    if consumed.one_or_none() is None:
        raise ConflictError("Challenge already consumed")


def _trust(session: Session, asked: NodeChallenge, proved: _Proved, now: datetime) -> None:
    """Raises ConflictError when another first proof of the same node was faster: this one may be another's."""
    kept = session.execute(
        upsert(session, NodeTrust)
        .values(
            account_id=asked.account_id,
            node_id=asked.node_id,
            public_key=proved.public_key,
            secret_hash=proved.secret_hash,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(NodeTrust.node_id)
    )
    if kept.one_or_none() is None:
        raise ConflictError("This node proved itself at the same moment. Try again.")


def _open(session: Session, asked: NodeChallenge, proof: Proof, now: datetime) -> OpenedNodeSession:
    token = secrets.token_urlsafe(48)
    opened = OpenedNodeSession(new_id("node"), token, asked.node_id, now + SESSION_TTL, SCOPES)
    values = {
        "id": opened.id,
        "account_id": asked.account_id,
        "node_id": asked.node_id,
        "public_key": proof.public_key,
        "digest": digest_of(token),
        "scopes": list(opened.scopes),
        "created_at": now,
        "expires_at": opened.expires_at,
    }
    session.execute(insert(NodeSession).values(values))
    return opened
