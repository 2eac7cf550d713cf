"""What waits to be told over Punctum: whose turn it is, whatever the clock says."""

from __future__ import annotations

from datetime import datetime, timedelta

from activitypub.fetch import Reason, UnreachableError
from app.actions.sweeps import sweep
from app.db import transaction
from app.projections import peers
from app.queries.peers import LEASE
from tests.facades.federation.punctum import Pond, pond
from tests.facades.federation.test_punctum_sending import PEER, Peer, peer

__all__ = ["peer", "pond"]

AWAY = UnreachableError("nobody there", reason=Reason.CONNECT)
HOUR = timedelta(hours=1)


def is_hinted_at(now: datetime) -> bool:
    hints: list[tuple[str, str]] = []
    sweep(lambda kind, key: hints.append((kind, key)), now)
    return ("peers", PEER) in hints


# A clock that was put back.


def test_instance_that_was_silent_by_a_clock_that_was_ahead_is_asked_at_once(pond: Pond, peer: Peer) -> None:
    pond.say("hello")
    peer.answer(AWAY)
    peer.now += HOUR
    is_hinted_at(peer.now)
    peer.turn()
    assert not is_hinted_at(peer.now)

    peer.now -= HOUR
    peer.answer({})

    assert is_hinted_at(peer.now)
    assert len(peer.turn()) == 1


def test_lease_by_a_clock_that_was_ahead_holds_nobody_up(pond: Pond, peer: Peer) -> None:
    pond.say("hello")
    peer.now += HOUR
    with transaction() as session:  # By a worker that is killed then.
        assert peers.lease(session, PEER, now=peer.now, until=peer.now + LEASE)
    assert not is_hinted_at(peer.now)
    assert peer.turn() == []

    peer.now -= HOUR

    assert is_hinted_at(peer.now)
    assert len(peer.turn()) == 1
