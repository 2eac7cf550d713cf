"""What waits to be told over Punctum: whose turn it is, what the clock may do, and how others get past what fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from activitypub.fetch import Reason, UnreachableError
from app.actions.peers import expiry
from app.actions.peers.expiry import LIFE
from app.actions.peers.silence import PROBE_AFTER
from app.actions.pruning import prune
from app.actions.sweeps import sweep
from app.db import reading, transaction
from app.projections import peers
from app.queries.peers import GIVEN_UP_AFTER, LEASE, find_peer, list_outgoing
from app.queries.punctum import federated
from app.queries.punctum.shown import Shown
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


def test_object_that_was_set_aside_by_a_clock_that_was_ahead_is_told_at_once(pond: Pond, peer: Peer) -> None:
    said = pond.say("hello")
    peer.now += HOUR
    is_hinted_at(peer.now)
    with transaction() as session:
        [row] = list_outgoing(session, PEER, now=peer.now, limit=2)
        peers.put_off(session, row.position, until=peer.now + HOUR)
    assert not is_hinted_at(peer.now)

    peer.now -= HOUR

    assert is_hinted_at(peer.now)
    assert said in str(peer.turn())


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


# What fails, and those behind it.


def breaks_over(text: str) -> Callable[[Any], int | dict[str, Any]]:
    """An instance that says 500 to whatever holds the text, and takes all else."""
    return lambda said: 500 if said is not None and text in str(said) else {}


def is_silent() -> bool:
    with reading() as session:
        peer = find_peer(session, PEER)
    return peer is not None and peer.silent_since is not None


def test_object_that_cannot_be_shown_waits_and_the_others_are_told(
    pond: Pond, peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault F32, outwards."""
    broken = {pond.say("bad")}
    pond.say("good")

    def show_for(session: Session, domain: str, ids: Sequence[str]) -> list[Shown]:
        if broken & {*ids}:
            raise KeyError("a mistake of ours")
        return federated.show_for(session, domain, ids)

    monkeypatch.setattr("app.actions.peers.sending.show_for", show_for)

    assert "good" in str(peer.turn())
    assert peer.waits() == 1
    assert "cannot be told" in caplog.text
    assert not is_hinted_at(peer.now)

    broken.clear()
    peer.now += timedelta(minutes=10)
    assert is_hinted_at(peer.now)
    assert "bad" in str(peer.turn())


def test_object_that_the_instance_breaks_over_is_told_behind_all_others_and_then_less_and_less(
    pond: Pond, peer: Peer
) -> None:
    pond.say("bad")
    pond.say("good")
    peer.answer(breaks_over("bad"))
    assert "good" in str(peer.turn())  # Both at once, of which nothing was taken.
    peer.now += PROBE_AFTER
    peer.turn()  # By itself.
    assert is_silent()

    peer.now += PROBE_AFTER
    told = str(peer.turn())
    assert told.index("good") < told.index("bad")
    assert not is_silent()

    pond.say("also good")
    assert "also good" in str(peer.turn())
    peer.now += timedelta(days=1)
    assert "bad" in str(peer.turn())
    assert not is_silent(), "it is the object's fault, as was found"
    peer.now += timedelta(hours=1)
    assert peer.turn() == []
    assert peer.waits() == 1


def test_object_among_others_that_the_instance_breaks_over_is_found_when_it_is_asked_again(
    pond: Pond, peer: Peer
) -> None:
    for text in ("one", "bad", "two"):
        pond.say(text)
    peer.answer(breaks_over("bad"))
    peer.turn()
    assert is_silent()

    peer.now += PROBE_AFTER
    peer.turn()

    assert peer.waits() == 1
    assert not is_silent()


def test_instance_that_answers_when_asked_and_takes_nothing_is_given_up_all_the_same(pond: Pond, peer: Peer) -> None:
    pond.say("hello")
    peer.answer(breaks_over("hello"))
    peer.turn()
    for _ in range(3):
        peer.now += GIVEN_UP_AFTER / 4
        assert len(peer.turn()) == 1
        assert is_silent()

    peer.now += GIVEN_UP_AFTER / 4
    pond.wire.asked.clear()
    assert (peer.turn(), pond.wire.asked) == ([], [])


def test_nothing_is_kept_for_an_instance_that_was_given_up(pond: Pond, peer: Peer) -> None:
    pond.say("the last")
    with transaction() as session:
        peers.change(session, PEER, silent_since=peer.now - GIVEN_UP_AFTER)

    pond.say("too late")

    assert peer.waits() == 1


def test_what_waited_a_month_is_told_no_more(pond: Pond, peer: Peer) -> None:
    old = pond.say("old")
    pond.say("older")
    peer.now += timedelta(days=1)
    with transaction() as session:
        peers.put(session, PEER, "changed", old, now=peer.now)

    prune(peer.now + LIFE - timedelta(hours=1))

    assert peer.waits() == 1


def test_queue_past_its_limit_loses_its_oldest(pond: Pond, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "QUEUE_MAX", 2)
    for text in ("first", "second", "third"):
        pond.say(text)

    prune(peer.now)

    assert peer.waits() == 2
    assert "first" not in str(peer.turn())
