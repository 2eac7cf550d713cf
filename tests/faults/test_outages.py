"""Faults F08 to F15: broker and database go away, come back, forget, or are full."""

from __future__ import annotations

import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import redis

from app.impatience import ANSWER_SECONDS
from tests.e2e.waiting import eventually
from tests.faults.fleet import Fleet
from tests.faults.listener import Listener
from tests.faults.nemesis import frozen, locked, restart_database
from tests.faults.person import Reply
from tests.faults.rooms import Room, reaches_peer, room, words

pytestmark = pytest.mark.timeout(240)

# Sockets poll every 5 s where nobody wakes them.
POLLED_SECONDS = 10.0
SWEPT_SECONDS = 20.0
# So long a request waits for one of the connections to the database, of which there are so many.
POOL_SECONDS = 3.0
_POOL = 20
_MANY = 60


def say_many(market: Room, count: int) -> list[tuple[str, Reply]]:
    with ThreadPoolExecutor(count) as pool:
        texts = _words(count)
        return list(zip(texts, pool.map(market.say, texts), strict=True))


def _words(count: int) -> list[str]:
    return [words() for _ in range(count)]


@pytest.mark.e2e
def test_f08_without_a_broker_messages_are_taken_and_sockets_hear(fleet: Fleet) -> None:
    market, text = room(fleet, "market", "b"), words()
    with Listener(market.place.person, fleet.sites["b"].port) as listener:
        eventually(lambda: listener.connections, what="the socket is open")
        with frozen([psutil.Process(found.pid) for found in fleet.valkey.process.family()]):
            began = time.monotonic()
            assert market.say(text).status == 201
            assert time.monotonic() - began < 5
            eventually(lambda: text in listener.connections[-1].told, timeout_seconds=POLLED_SECONDS)
        reaches_peer(fleet, text, seconds=SWEPT_SECONDS)


@pytest.mark.e2e
def test_f09_a_broker_that_forgot_everything_costs_seconds(fleet: Fleet) -> None:
    market, texts = room(fleet, "market", "b"), [words(), words()]
    assert market.say(texts[0]).status == 201
    with redis.Redis.from_url(fleet.valkey.url) as client:
        client.flushall()
    fleet.valkey.process.kill()
    fleet.valkey.start()

    assert market.say(texts[1]).status == 201  # With the same token: sessions are not in the broker.

    for text in texts:
        reaches_peer(fleet, text, seconds=SWEPT_SECONDS)
        room(fleet, "market", "a").hears(text, seconds=SWEPT_SECONDS)


@pytest.mark.e2e
def test_f10_workers_live_through_a_reset_of_their_brokers_connections(fleet: Fleet) -> None:
    market, text = room(fleet, "market", "b"), words()

    fleet.broker_link.cut()

    assert market.say(text).status == 201
    reaches_peer(fleet, text, seconds=90)


@pytest.mark.faults
def test_f11_a_database_that_is_restarted_at_once_loses_nothing_acknowledged(fleet: Fleet) -> None:
    market = room(fleet, "market", "b")
    said: list[tuple[str, Reply]] = []
    is_over = threading.Event()

    def talk() -> None:
        while not is_over.wait(0.05):
            text = words()
            said.append((text, market.say(text)))

    talkers = [threading.Thread(target=talk) for _ in range(4)]
    for talker in talkers:
        talker.start()
    time.sleep(0.3)
    restart_database(fleet)
    fleet.sites["b"].wait_ready(seconds=5)
    is_over.set()
    for talker in talkers:
        talker.join()

    assert {reply.status for _, reply in said} <= {201, 503}
    texts = [message["message"] for message in market.place.person.history(market.place.target)]
    assert [text for text, reply in said if reply.status == 201 and texts.count(text) != 1] == []


@pytest.mark.e2e
def test_f12_with_the_database_out_of_reach_requests_are_refused_and_none_pile_up(fleet: Fleet) -> None:
    market, site = room(fleet, "market", "b"), fleet.sites["b"]
    fleet.database_link.refuse()
    began = time.monotonic()

    said = say_many(market, 30)

    assert {reply.status for _, reply in said} == {503}
    assert all(reply.retry_after >= 1 for _, reply in said)
    assert time.monotonic() - began < POOL_SECONDS + 3
    fleet.database_link.heal()
    site.wait_ready(seconds=5)
    assert [text for text, _ in said if market.count(text)] == []


@pytest.mark.e2e
def test_f12_a_database_that_hangs_is_waited_for_by_no_more_than_the_pool(fleet: Fleet) -> None:
    """And by those not without end: nobody mends it here before all are answered."""
    market, site = room(fleet, "market", "b"), fleet.sites["b"]
    assert market.count("anything") == 0  # The pool has connections, which then hang.
    fleet.database_link.stall()
    began = time.monotonic()

    with ThreadPoolExecutor(_MANY) as pool:
        answered = list(pool.map(lambda text: (text, market.say(text), time.monotonic() - began), _words(_MANY)))

    fleet.database_link.heal()
    site.wait_ready(seconds=5)
    assert {reply.status for _, reply, _ in answered} == {503}
    assert all(reply.retry_after >= 1 for _, reply, _ in answered)
    prompt = [seconds for _, _, seconds in answered if seconds < POOL_SECONDS + 2]
    assert len(prompt) >= _MANY - _POOL
    assert max(seconds for _, _, seconds in answered) < ANSWER_SECONDS + POOL_SECONDS + 2
    assert [text for text, _, _ in answered if market.count(text)] == []


@pytest.mark.e2e
def test_f13_a_full_disk_refuses_messages_and_heals(fleet: Fleet) -> None:
    """A limit on the size of files is what a process can be given while it runs; SQLite sees a write that fails."""
    harbour, site, text = room(fleet, "harbour", "a"), fleet.sites["a"], words()
    workers = site.find("web")
    before = {found: found.rlimit(psutil.RLIMIT_FSIZE) for found in workers}
    for found, (_, hard) in before.items():
        found.rlimit(psutil.RLIMIT_FSIZE, (4096, hard))
    try:
        assert harbour.say(text).status in (503, 507)
    finally:
        for found, limits in before.items():
            found.rlimit(psutil.RLIMIT_FSIZE, limits)

    assert harbour.count(text) == 0
    assert harbour.say(text).status == 201
    assert harbour.count(text) == 1
    assert resource.RLIM_INFINITY in before[workers[0]]


@pytest.mark.e2e
def test_f15_a_held_lock_of_sqlite_is_a_503_after_five_seconds(fleet: Fleet) -> None:
    harbour, text = room(fleet, "harbour", "a"), words()
    with locked(fleet.sites["a"]):
        began = time.monotonic()
        assert harbour.say(text).status == 503
        assert 4 < time.monotonic() - began < 8
        assert harbour.count(text) == 0  # Reading goes on.

    assert harbour.say(text).status == 201
