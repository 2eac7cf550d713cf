"""Silence: an instance that does not take what it is told is asked now and then whether it is back."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from activitypub.errors import FetchError
from activitypub.fetch import FetchBudget
from app.actions.peers.calls import INBOX, ask
from app.db import reading, transaction, wake
from app.models import Peer
from app.projections import peers
from app.queries.peers import find_peer, is_given_up, list_outgoing

PROBE_AFTER: Final = timedelta(minutes=10)

_log = logging.getLogger(__name__)


def note_heard(domain: str, now: datetime) -> None:
    """The instance has sent something, so what waits for it is tried again."""
    with reading() as session:
        peer = find_peer(session, domain)
    if peer is not None and peer.silent_since is None:
        return
    with transaction() as session:
        peers.ensure(session, domain, now=now)
        peers.end_silence(session, domain)
        if list_outgoing(session, domain, now=now, limit=1):
            wake(session, "peers", domain)


def note_taken(domain: str) -> None:
    """The instance has taken what it was told, or refused it for good."""
    with transaction() as session:
        peers.end_silence(session, domain)


def note_silence(domain: str, now: datetime, error: str) -> None:
    _log.info("%s does not take what it is told: %s", domain, error)
    with transaction() as session:
        peers.note_silence(session, domain, now=now, next_probe_at=now + PROBE_AFTER, error=error[:500])


def find_silent(domain: str) -> Peer | None:
    """None for one that takes what it is told."""
    with reading() as session:
        peer = find_peer(session, domain)
    return peer if peer is not None and peer.silent_since is not None else None


def ask_again(peer: Peer, now: datetime) -> bool:
    """Whether it is time to ask a silent instance, and it answers; it is silent until it takes what it is told."""
    is_time = peer.next_probe_at is None or peer.next_probe_at <= now
    if not is_time or is_given_up(peer, now):
        return False
    try:
        if ask(peer.domain, INBOX, budget=FetchBudget(4)) is not None:
            return True
    except FetchError:
        pass
    with transaction() as session:
        peers.change(session, peer.domain, next_probe_at=now + PROBE_AFTER)
    return False
