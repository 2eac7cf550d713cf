"""What waits to be told over Punctum: whose turn it is, and what the clock may do."""

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


# Whose turn it is.


def lease(until: datetime) -> bool:
    with transaction() as session:
        return peers.lease(session, PEER, now=until - LEASE, until=until)


def test_turn_that_outlasts_its_lease_ends_and_leaves_alone_whoever_came_after_it(pond: Pond, peer: Peer) -> None:
    pond.say("one")
    pond.say("two")

    def refuse_slowly(_: object) -> int:
        peer.now += LEASE + timedelta(seconds=1)
        assert lease(peer.now + LEASE)
        return 400

    peer.answer(refuse_slowly)

    assert len(peer.turn()) == 1
    assert peer.waits() == 2
    assert not lease(peer.now + LEASE), "two speak at once"


def test_turn_of_many_slow_answers_keeps_its_lease(pond: Pond, peer: Peer) -> None:
    for number in range(12):
        pond.say(f"number {number}")

    def refuse_slowly(_: object) -> int:
        peer.now += timedelta(seconds=10)
        assert not lease(peer.now + LEASE)
        return 400

    peer.answer(refuse_slowly)

    assert len(peer.turn()) > LEASE / timedelta(seconds=10)
    assert lease(peer.now + LEASE), "it is let go of at the end"
