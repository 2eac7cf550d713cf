"""Faults F18 to F30: other servers fail, hang, ask for time, repeat themselves, or are cut off from us."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.waiting import eventually
from tests.faults import hosts
from tests.faults.fleet import Fleet
from tests.faults.listener import Listener
from tests.faults.peer import Answer
from tests.faults.person import Reply
from tests.faults.rooms import carriers, reaches_peer, room, words

pytestmark = pytest.mark.timeout(240)

# The first wait after a failure is 10 s and a fifth; the second 30 s.
RETRIED_SECONDS = 60.0


@pytest.mark.e2e
def test_f18_a_peer_that_fails_is_sent_everything_in_order_once_it_heals(fleet: Fleet) -> None:
    market, texts = room(fleet, "market", "b"), [words() for _ in range(4)]
    fleet.peer.script = lambda _activity: Answer(500)
    for text in texts:
        assert market.say(text).status == 201
    eventually(lambda: carriers(fleet, texts[0]), what="the peer is tried")
    asked_in_vain = len(fleet.peer.arrivals)
    fleet.peer.heal()

    for text in texts:
        reaches_peer(fleet, text, seconds=RETRIED_SECONDS)

    answered = [arrival.activity["id"] for arrival in fleet.peer.arrivals[asked_in_vain:]]
    order = [answered.index(carriers(fleet, text)[0]) for text in texts]
    assert order == sorted(order)


@pytest.mark.e2e
def test_f19_a_peer_that_hangs_holds_up_nobody_else(fleet: Fleet) -> None:
    market, text = room(fleet, "market", "b"), words()
    fleet.peer.script = lambda _activity: Answer(None, wait_seconds=15)
    assert market.say(text).status == 201
    eventually(lambda: carriers(fleet, text), what="the peer is tried")

    for _ in range(3):
        text = words()
        assert market.say(text).status == 201
        room(fleet, "market", "c").hears(text, seconds=6)


@pytest.mark.e2e
def test_f21_a_peer_that_asks_for_time_gets_it_and_is_not_blamed(fleet: Fleet) -> None:
    market, text = room(fleet, "market", "b"), words()
    answers = iter([Answer(429, {"Retry-After": "3"})])
    fleet.peer.script = lambda _activity: next(answers, Answer(202))

    assert market.say(text).status == 201

    eventually(lambda: len(carriers(fleet, text)) == 2, timeout_seconds=30, what="the peer is asked again")
    first, second = [arrival.at for arrival in fleet.peer.arrivals if arrival.activity["id"] in carriers(fleet, text)]
    assert second - first >= 2.9
    assert fleet.sites["b"].rows(f"SELECT failures FROM hosts WHERE host = '{hosts.MOCK.name}'") == [(0,)]


@pytest.mark.e2e
def test_f25_the_same_activity_ten_times_at_once_by_two_inboxes_is_one_message(fleet: Fleet) -> None:
    text, uri = words(), fleet.channel_uris["harbour"]
    activity = fleet.peer.create(uri, text, text)
    inboxes = [f"{hosts.A.origin}/ap/inbox", f"{uri}/inbox"] * 5

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda inbox: fleet.peer.post(activity, inbox), inboxes))

    assert {*statuses} == {202}
    for site in "abc":
        room(fleet, "harbour", site).hears(text, seconds=30)


@pytest.mark.e2e
def test_f26_a_deletion_that_came_first_leaves_no_message(fleet: Fleet) -> None:
    text, later, uri = words(), words(), fleet.channel_uris["harbour"]
    activity = fleet.peer.create(uri, text, text)
    inbox = f"{hosts.A.origin}/ap/inbox"

    assert fleet.peer.post(fleet.peer.deletion(activity, f"{text}-deleted"), inbox) == 202
    assert fleet.peer.post(activity, inbox) == 202
    assert fleet.peer.post(fleet.peer.create(uri, later, later), inbox) == 202

    room(fleet, "harbour", "a").hears(later, seconds=30)  # One host is heard in order.
    assert room(fleet, "harbour", "a").count(text) == 0


@pytest.mark.e2e
def test_f29_a_polite_restart_under_load_fails_nobody_who_asks_again(fleet: Fleet) -> None:
    market, site = room(fleet, "market", "b"), fleet.sites["b"]
    replies: list[Reply] = []
    is_over = threading.Event()

    def talk() -> None:
        while not is_over.wait(0.1):
            replies.append(market.say_until_told(words()))

    talkers = [threading.Thread(target=talk) for _ in range(4)]
    with Listener(market.place.person, site.port) as listener:
        eventually(lambda: listener.connections, what="the socket is open")
        for talker in talkers:
            talker.start()
        site.stop()
        site.start()
        site.wait_ready()
        eventually(lambda: len(listener.connections) > 1, what="the socket is open again")
        is_over.set()
        for talker in talkers:
            talker.join()

    assert replies
    assert {reply.status for reply in replies} == {201}


@pytest.mark.faults
def test_f30_a_partition_heals_into_one_history_in_the_order_of_each_author(fleet: Fleet) -> None:
    a, b = room(fleet, "harbour", "a"), room(fleet, "harbour", "b")
    fleet.sites["a"].ingress.refuse()
    fleet.sites["b"].ingress.refuse()
    said = {"a": [words() for _ in range(3)], "b": [words() for _ in range(3)]}
    for ours, theirs in zip(said["a"], said["b"], strict=True):
        assert a.say(ours).status == 201
        assert b.say(theirs).status == 201
        time.sleep(0.5)
    time.sleep(4)
    fleet.heal()

    for side in (a, b, room(fleet, "harbour", "c")):
        for text in [*said["a"], *said["b"]]:
            side.hears(text, seconds=RETRIED_SECONDS)
        texts = [message["message"] for message in side.place.person.history(side.place.target)]
        for own in said.values():
            places = [texts.index(text) for text in own]
            assert places == sorted(places)
