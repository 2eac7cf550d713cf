"""Faults F01 to F07: a process dies between two steps, or there is one too many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.processes import ManagedProcess
from tests.e2e.waiting import eventually
from tests.faults.fleet import Fleet
from tests.faults.person import new_key
from tests.faults.rooms import carriers, reaches_peer, room, words
from tests.faults.site import Site

pytestmark = pytest.mark.timeout(300)

# Two seconds on a machine that is not also four servers and a test; the supervisor's pause is a quarter of one.
RESTARTED_SECONDS = 5.0
# The hint is lost with the process, so the sweep, every 15 s, has to find it.
SWEPT_SECONDS = 20.0
# The lease of a worker that died is over after 60 s, and the next sweep comes 15 s later.
LEASED_SECONDS = 100.0


def dies(site: Site, armed: Path, *, seconds: float = 15) -> None:
    eventually(lambda: not armed.exists(), timeout_seconds=seconds, what=f"{armed.name} is reached")
    # It dies right after it has taken the file away.
    eventually(site.revive, timeout_seconds=seconds, what=f"the process that reached {armed.name} is dead")


@dataclass(frozen=True, slots=True)
class Crashes:
    """The texts of three workers of B that died, one after the other; each is waited for until its lease is over."""

    before_post: str
    after_answer: str
    in_the_middle: str


@pytest.fixture(scope="module", autouse=True)
def crashes(shared_fleet: Fleet) -> Iterator[Crashes]:
    """All at once and first of all: the leases run out while C and A are tested."""
    fleet, site, market = shared_fleet, shared_fleet.sites["b"], room(shared_fleet, "market", "b")
    said = Crashes(words(), words(), words())
    try:
        for failpoint, text in (("deliver.leased", said.before_post), ("deliver.answered", said.after_answer)):
            armed = site.arm(failpoint)
            assert market.say(text).status == 201
            # The worker that died before may have held the lease of every host.
            dies(site, armed, seconds=LEASED_SECONDS)
        armed = site.arm("receive.performed")
        activity = fleet.peer.create(fleet.channel_uris["market"], said.in_the_middle, said.in_the_middle)
        assert fleet.peer.post(activity, f"{site.host.origin}/ap/inbox") == 202
        dies(site, armed)
        yield said
    finally:
        fleet.heal()


@pytest.mark.e2e
@pytest.mark.parametrize("failpoint", ["submit.performed", "submit.committed"], ids=["F01 before", "F02 after"])
def test_web_dies_around_its_commit_and_the_same_key_gives_one_message(shared_fleet: Fleet, failpoint: str) -> None:
    harbour, site = room(shared_fleet, "harbour", "c"), shared_fleet.sites["c"]
    text, key = words(), new_key()
    armed = site.arm(failpoint)

    assert harbour.say(text, key=key).status == 0

    dies(site, armed)
    site.wait_ready(seconds=RESTARTED_SECONDS)
    # In a web process that begins anew, what was committed is there before anybody asks again.
    assert harbour.count(text) == (failpoint == "submit.committed")
    assert harbour.say(text, key=key).status == 201
    assert harbour.count(text) == 1
    reaches_peer(shared_fleet, text, seconds=SWEPT_SECONDS)


@pytest.mark.e2e
def test_f03_web_dies_with_the_hint_and_the_sweep_delivers(shared_fleet: Fleet) -> None:
    harbour, site, text = room(shared_fleet, "harbour", "c"), shared_fleet.sites["c"], words()
    armed = site.arm("hint.taken")

    reply = harbour.say_until_told(text)

    assert reply.status == 201
    dies(site, armed)
    site.wait_ready(seconds=RESTARTED_SECONDS)
    reaches_peer(shared_fleet, text, seconds=SWEPT_SECONDS)


@pytest.mark.e2e
def test_f04_worker_dies_before_its_post_and_another_sends(shared_fleet: Fleet, crashes: Crashes) -> None:
    reaches_peer(shared_fleet, crashes.before_post, seconds=LEASED_SECONDS)


@pytest.mark.e2e
def test_f05_worker_dies_after_the_answer_and_the_same_id_comes_again(shared_fleet: Fleet, crashes: Crashes) -> None:
    """It died after the first answer of some host; wherever the message is shown, it is shown once."""
    reaches_peer(shared_fleet, crashes.after_answer, seconds=LEASED_SECONDS)
    for site in "ac":
        room(shared_fleet, "market", site).hears(crashes.after_answer, seconds=LEASED_SECONDS)


@pytest.mark.e2e
def test_f06_worker_dies_in_the_middle_of_a_request_and_it_is_applied_once(
    shared_fleet: Fleet, crashes: Crashes
) -> None:
    for site in "bac":
        room(shared_fleet, "market", site).hears(crashes.in_the_middle, seconds=LEASED_SECONDS)


@pytest.mark.faults
def test_f07_two_beats_do_nothing_twice_and_sweeps_outlive_both(fleet: Fleet) -> None:
    site, market, text = fleet.sites["b"], room(fleet, "market", "b"), words()
    beat: ManagedProcess = site.extra("beat")
    beat.start()
    try:
        swept = _last_sweep(site)
        assert market.say(text).status == 201
        eventually(lambda: _last_sweep(site) != swept, timeout_seconds=SWEPT_SECONDS, what="a sweep")
        # One of the workers that died before may have held the peer's lease.
        reaches_peer(fleet, text, seconds=LEASED_SECONDS)
    finally:
        beat.kill()

    site.crash("worker")  # With its own beat.

    swept = _last_sweep(site)
    eventually(lambda: _last_sweep(site) != swept, timeout_seconds=60, what="a sweep after both beats died")
    assert len(carriers(fleet, text)) == 1


def _last_sweep(site: Site) -> object:
    return site.rows("SELECT value FROM settings WHERE name = 'last_sweep_at'")[0][0]
