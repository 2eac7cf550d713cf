"""What another instance asks for itself: to be told of a target, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from activitypub.errors import SignatureError
from activitypub.signatures import Verified
from app.actions.peers.silence import note_heard
from app.db import transaction
from app.pipeline.peers import CHANGED, SUBSCRIBE
from app.projections import peers


def admit(verified: Verified, domain: str) -> None:
    """A request of the instance that does something. Raises SignatureError for one that was seen before.

    Where the sender did not hear our answer, it signs anew.
    """
    now = datetime.now(UTC)
    with transaction() as session:
        is_new = peers.note_signature(session, verified.fingerprint, now=now)
    if not is_new:
        raise SignatureError("this request was sent before")
    note_heard(domain, now)


def subscribe(domain: str, target_id: str) -> None:
    """From now on the instance is told of every change to the target."""
    now = datetime.now(UTC)
    with transaction() as session:
        peers.hold(session, domain, now=now)
        peers.subscribe(session, target_id, domain, now=now)


def unsubscribe(domain: str, target_id: str) -> None:
    with transaction() as session:
        peers.hold(session, domain, now=datetime.now(UTC))
        peers.unsubscribe(session, target_id, domain)


def welcome(domain: str, space_id: str, actor_id: str) -> None:
    """Somebody of the instance has come into the space: it is told of the space from now on, and asked to tell us of
    them. To be called before they are shown what is there, or what is said meanwhile would reach them on neither way.
    """
    subscribe(domain, space_id)
    with transaction() as session:
        peers.put(session, domain, SUBSCRIBE, actor_id, now=datetime.now(UTC))


def tell_later(domain: str, ids: Sequence[str]) -> None:
    """What there was no room for in an answer."""
    with transaction() as session:
        peers.put_all(session, domain, CHANGED, ids, now=datetime.now(UTC))
