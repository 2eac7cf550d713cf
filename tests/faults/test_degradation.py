"""Whoever floods, stalls or hangs costs nobody else more than a moment."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from app.web.admission import MAX_OPEN
from app.web.bodies import BODY_SECONDS
from tests.bench.load import Expected, request_bytes, send_each
from tests.e2e.waiting import eventually
from tests.faults import hosts
from tests.faults.fleet import Fleet, Place, uri_of
from tests.faults.observation import wait_until_drained
from tests.faults.peer import SILENCE_SECONDS, Answer, Peer
from tests.faults.raw import answer_of, inbox_request, sent_at_once, unfinished_request
from tests.faults.rooms import Room, reaches_peer, room, words
from tests.faults.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

_FLOOD = 2000
_FLOOD_CLIENTS = 64
_SENDS = 250  # For some seconds, in which the server lets in more and less.
# What a machine of two cores, that runs the flood and all servers too, takes away from everybody at times.
_ALLOWANCE_SECONDS = 0.01
_PROMPT_SECONDS = 6.0
_SPARE_BYTES = 128 << 20


@pytest.fixture(scope="module")
def crowd(shared_fleet: Fleet) -> Iterator[list[Peer]]:
    """Peers that do not know each other."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Peer(host, shared_fleet.authority)) for host in hosts.CROWD]


@contextlib.contextmanager
def hanging(crowd: list[Peer]) -> Iterator[None]:
    """None of them answers to a POST, or what is asked for under /silence/; no connection is refused."""
    for peer in crowd:
        peer.script = lambda _activity: Answer(None, wait_seconds=SILENCE_SECONDS)
        peer.is_silent = True
    try:
        yield
    finally:
        for peer in crowd:
            peer.heal()


def own_room(fleet: Fleet, site: str, name: str) -> Room:
    """A new channel of the owner's that nobody elsewhere knows."""
    owner = fleet.people[f"owner_{site}"]
    return Room(fleet, Place(name, owner, owner.create_channel(name), True))


def median_seconds(talk: Room, count: int = _SENDS) -> float:
    """What a send takes one local person, who says one thing after the other."""
    durations = []
    for _ in range(count):
        began = time.monotonic()
        assert talk.say(words()).status == 201
        durations.append(time.monotonic() - began)
    return statistics.median(durations)


@pytest.mark.parametrize("name", ["a", "c"], ids=["SQLite", "PostgreSQL"])
def test_a_flood_from_one_host_slows_local_chat_by_no_more_than_twice(fleet: Fleet, name: str) -> None:
    """The medians of three rounds, because others use this machine, too."""
    site, talk = fleet.sites[name], own_room(fleet, name, "talk")
    own_room(fleet, name, "flooded")
    channel, inbox = uri_of(site, "flooded"), f"{site.host.origin}/ap/inbox"
    assert fleet.peer.post(fleet.peer.create(channel, "first", words()), inbox) == 202  # Its key is known from here on.
    median_seconds(talk, 10)
    calm, flooded = [], []
    for _ in range(3):
        wait_until_drained(fleet)
        posts = [fleet.peer.signed(fleet.peer.create(channel, "flood", words()), inbox) for _ in range(_FLOOD)]
        calm.append(median_seconds(talk))
        with flood(site, [inbox_request(site, headers, body) for headers, body in posts]):
            flooded.append(median_seconds(talk))

    times = statistics.median(flooded) / statistics.median(calm)
    print(f"{name}: {_milliseconds(calm)} in peace, {_milliseconds(flooded)} flooded: {times:.2f} times")
    assert statistics.median(flooded) <= 2 * statistics.median(calm) + _ALLOWANCE_SECONDS


@contextlib.contextmanager
def flood(site: Site, requests: list[bytes]) -> Iterator[None]:
    """By a process of its own, which is well under way when the block begins and has not ended with it."""
    before = _accepted(site)
    sender = multiprocessing.get_context("spawn").Process(
        target=send_each, args=(site.port, requests, Expected(202)), kwargs={"clients": _FLOOD_CLIENTS}, daemon=True
    )
    sender.start()
    try:
        eventually(lambda: _accepted(site) > before + 100, what="the flood has begun")
        yield
        assert sender.is_alive()
    finally:
        sender.kill()
        sender.join()


def _milliseconds(durations: list[float]) -> str:
    return ", ".join(f"{duration * 1000:.1f}" for duration in durations) + " ms"


def _accepted(site: Site) -> int:
    count: int = site.rows(f"SELECT count(*) FROM inbox_items WHERE host = '{hosts.MOCK.name}'")[0][0]
    return count


def test_bodies_that_stall_or_drip_are_cut_off_and_hold_up_nobody(fleet: Fleet) -> None:
    """More of them than may be at work at once."""
    site, talk = fleet.sites["a"], room(fleet, "harbour", "a")
    paths = ["/ap/inbox", "/api/v1/users/signin"]
    stalled = [unfinished_request(site, path, announced=1000) for path in paths] * (MAX_OPEN // 2 + 20)
    files = _open_files(site)
    began = time.monotonic()
    with sent_at_once(site, stalled) as connections:
        is_over = threading.Event()
        dripping = threading.Thread(target=_drip, args=(connections[:2], is_over))
        dripping.start()
        assert median_seconds(talk) < 0.25
        assert time.monotonic() - began < BODY_SECONDS
        try:
            with ThreadPoolExecutor(20) as pool:
                answers = list(
                    pool.map(lambda connection: answer_of(connection, seconds=BODY_SECONDS + 15), connections)
                )
        finally:
            is_over.set()
            dripping.join()

    assert time.monotonic() - began < BODY_SECONDS + 10
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 REQUEST TIMEOUT"}
    eventually(lambda: _open_files(site) <= files + 5, what="the connections are gone")
    assert talk.say(words()).status == 201


def _drip(connections: list[socket.socket], is_over: threading.Event) -> None:
    while not is_over.wait(1):
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.send(b"x")


def _open_files(site: Site) -> int:
    return sum(process.num_fds() for process in site.find("web"))


def test_hosts_that_hang_when_asked_for_keys_hold_up_nobody(fleet: Fleet, crowd: list[Peer]) -> None:
    site, talk, heard = fleet.sites["a"], room(fleet, "harbour", "a"), words()
    inbox = f"{site.host.origin}/ap/inbox"
    requests = []
    for number in range(MAX_OPEN + 40):
        peer = crowd[number % len(crowd)]
        key_id = f"{peer.host.origin}/silence/{number}#key"
        headers, body = peer.signed(peer.follow(fleet.channel_uris["harbour"], words()), inbox, key_id=key_id)
        requests.append(inbox_request(site, headers, body))

    with hanging(crowd), sent_at_once(site, requests) as connections:
        eventually(lambda: _asked(crowd) >= len(crowd), what="all are asked for keys")
        assert median_seconds(talk) < 0.25
        assert fleet.peer.post(fleet.peer.create(fleet.channel_uris["harbour"], heard, heard), inbox) == 202
        talk.hears(heard, seconds=_PROMPT_SECONDS)
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        answers = [answer_of(connection, seconds=20) for connection in connections[: len(crowd)]]

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 503 SERVICE UNAVAILABLE"}
    assert all(b"\r\nRetry-After: " in answer for answer in answers)


def test_hosts_that_hang_while_their_posts_are_applied_hold_up_no_other_host(fleet: Fleet, crowd: list[Peer]) -> None:
    """More of them than a worker has threads for tasks."""
    site, market, heard = fleet.sites["b"], room(fleet, "market", "b"), words()
    inbox, owner = f"{site.host.origin}/ap/inbox", uri_of(site, "owner_b")
    asked = _asked(crowd)
    with hanging(crowd):
        for peer in crowd:
            assert peer.post(peer.letter(owner, f"{peer.host.origin}/silence/stranger", words()), inbox) == 202
        eventually(lambda: _asked(crowd) >= asked + len(crowd), what="the worker waits for all of them")

        assert fleet.peer.post(fleet.peer.create(fleet.channel_uris["market"], heard, heard), inbox) == 202
        market.hears(heard, seconds=_PROMPT_SECONDS)
        text = words()
        assert market.say(text).status == 201
        reaches_peer(fleet, text, seconds=_PROMPT_SECONDS)


def test_hosts_that_hang_when_delivered_to_hold_up_no_other_host(fleet: Fleet, crowd: list[Peer]) -> None:
    market, channel, inbox = room(fleet, "market", "b"), fleet.channel_uris["market"], f"{hosts.B.origin}/ap/inbox"
    follows = [peer.follow(channel, words()) for peer in crowd]
    for peer, follow in zip(crowd, follows, strict=True):
        assert peer.post(follow, inbox) == 202
    eventually(lambda: all(peer.arrivals for peer in crowd), what="all follow")
    with hanging(crowd):
        for _ in range(5):
            text = words()
            assert market.say(text).status == 201
            room(fleet, "market", "c").hears(text, seconds=_PROMPT_SECONDS)
            reaches_peer(fleet, text, seconds=_PROMPT_SECONDS)
        eventually(lambda: all(len(peer.arrivals) > 1 for peer in crowd), what="all were tried")
    for peer, follow in zip(crowd, follows, strict=True):
        assert peer.post(peer.undo(follow, words()), inbox) == 202


def _asked(crowd: list[Peer]) -> int:
    return sum(peer.kept_waiting for peer in crowd)


def test_f35_a_process_short_of_memory_answers_or_refuses_and_lives(fleet: Fleet) -> None:
    """Ten thousand requests, a thousand at a time, where there is memory for little more than it has already.

    How many are refused is the machine's affair: those that come to more than may be at work at once.
    """
    site, talk = fleet.sites["c"], own_room(fleet, "c", "crowded")
    token = talk.place.person.token
    path = f"/api/v1/channels/{talk.place.target}/load_messages"
    headers = ["X-Forwarded-Proto: https", f"Authorization: Bearer {token}", "Connection: close"]
    request = request_bytes("GET", path, host=site.host.name, headers=headers)
    process = max(site.find("web"), key=lambda found: found.memory_info().rss)
    before = process.rlimit(psutil.RLIMIT_AS)
    process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + _SPARE_BYTES, before[1]))
    answers: Counter[bytes] = Counter()
    try:
        for _ in range(10):
            with sent_at_once(site, [request] * 1000) as connections, ThreadPoolExecutor(4) as pool:
                lines = pool.map(lambda connection: answer_of(connection, seconds=30)[:12], connections)
                answers.update(lines)
            began = time.monotonic()
            assert talk.say_until_told(words()).status == 201
            assert time.monotonic() - began < 5
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_AS, before)

    assert process.is_running(), answers
    assert set(answers) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}, answers
    assert answers[b"HTTP/1.1 200"] > 0
