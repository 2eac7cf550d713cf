"""Deliveries over real TLS, by the real client, to a host that does what a test tells it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from activitypub.addresses import Address
from activitypub.fetch import GuardedClient
from activitypub.keys import PublicKey
from activitypub.signatures import HttpRequest, Verified, parse, verify
from app.actions.delivery import Turn, deliver
from tests.actions.delivery.world import ORIGIN, World, rsa_key
from tests.activitypub.conftest import GOOD_ADDRESS
from tests.activitypub.peer import Answer, Peer, Received, Stream, http

ACCEPTED = http(202)


class Link:
    """The peer, the way to it, and what it was told."""

    def __init__(self, world: World, peer: Peer, client: GuardedClient) -> None:
        self.world = world
        self.peer = peer
        self.client = client
        self.host = f"good.test:{peer.port}"
        self.inbox = f"https://{self.host}/inbox"
        world.clock.now = datetime.now(UTC)

    def answer(self, *answers: Answer, path: str = "/inbox") -> None:
        """Each request takes the next answer, and the last one for ever."""
        left = list(answers)

        def respond(stream: Stream) -> None:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if callable(answer):
                answer(stream)
            else:
                stream.sendall(answer)

        self.peer.routes[path] = respond

    def queue(self, count: int = 1) -> list[str]:
        return [self.world.queue(self.inbox, host=self.host) for _ in range(count)]

    def deliver(self, *, deadline_seconds: float = 10) -> Turn:
        clock = self.world.clock
        return deliver(self.host, client=self.client, now=clock, pause=clock.pause, deadline_seconds=deadline_seconds)

    def verify(self, received: Received) -> Verified:
        request = HttpRequest(received.method, received.target, tuple(received.headers.items()), received.body)
        owner = f"{ORIGIN}/ap/users/{self.world.alice}"
        key = PublicKey(f"{owner}#main-key", owner, rsa_key().public_key())
        return verify(request, parse(request), key, origin=f"https://{self.host}", now=self.world.clock.now)


def stall(until: threading.Event) -> None:
    until.wait(30)


@pytest.fixture
def link(world: World, start_peer: Callable[..., Peer], make_client: Callable[..., GuardedClient]) -> Link:
    peer = start_peer(GOOD_ADDRESS, "good.test")
    client = make_client(ports={peer.port}, resolver=lambda host, port: [ip_address(GOOD_ADDRESS)])
    linked = Link(world, peer, client)
    linked.answer(ACCEPTED)
    return linked


def test_a_delivery_is_signed_by_its_sender_in_the_draft_everyone_takes(link: Link) -> None:
    link.queue()

    link.deliver()

    (request,) = link.peer.requests
    assert link.verify(request).scheme == "draft-cavage"
    assert request.headers["content-type"] == "application/activity+json"
    assert ", " not in request.headers["signature"]
    assert link.world.states() == ["delivered"]


def test_a_queue_goes_over_one_connection(link: Link) -> None:
    link.queue(12)

    link.deliver()

    assert len(link.peer.requests) == 12
    assert link.peer.accepted == 1


def test_each_attempt_is_signed_afresh_and_carries_the_same_id(link: Link) -> None:
    link.queue()
    link.answer(http(500), ACCEPTED)
    link.deliver()
    link.world.clock.pass_by(seconds=15)

    link.deliver()

    first, second = link.peer.requests
    assert first.body == second.body
    assert first.headers["date"] != second.headers["date"]
    assert link.verify(second).signed_at - link.verify(first).signed_at >= timedelta(seconds=14)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_knocked_at_once_more_by_rfc_9421_and_that_is_remembered(link: Link, status: int) -> None:
    link.queue(2)
    link.answer(http(status), ACCEPTED)

    link.deliver()

    assert [link.verify(request).scheme for request in link.peer.requests] == ["draft-cavage", "rfc9421", "rfc9421"]
    assert link.world.states() == ["delivered"] * 2
    assert link.world.host(link.host).scheme == "rfc9421"


def test_a_host_that_took_rfc_9421_and_refuses_it_now_gets_the_draft_again(link: Link) -> None:
    link.queue(2)
    link.answer(http(401), ACCEPTED, http(401), ACCEPTED)

    link.deliver()

    schemes = [link.verify(request).scheme for request in link.peer.requests]
    assert schemes == ["draft-cavage", "rfc9421", "rfc9421", "draft-cavage"]
    assert link.world.host(link.host).scheme == "draft-cavage"


def test_a_second_knock_that_breaks_the_host_is_no_failure_of_it(link: Link) -> None:
    link.queue()
    link.answer(http(401), http(500))

    link.deliver()

    row = link.world.delivery()
    assert (row.state, row.last_status) == ("queued", 401)
    assert link.world.host(link.host).failures == 0
    assert link.world.host(link.host).scheme is None


def test_only_the_first_attempt_of_a_row_knocks_twice(link: Link) -> None:
    link.queue()
    link.answer(http(401))
    link.deliver()
    link.world.clock.pass_by(seconds=11)

    link.deliver()

    assert len(link.peer.requests) == 3


def test_a_host_that_asks_for_rfc_9421_gets_it(link: Link) -> None:
    link.queue(2)
    asking = http(202, extra={"Accept-Signature": 'sig1=("@method" "@target-uri")'})
    link.answer(asking)

    link.deliver()

    assert [link.verify(request).scheme for request in link.peer.requests] == ["draft-cavage", "rfc9421"]


def test_a_host_that_accepts_and_says_nothing_is_given_up_at_the_deadline(link: Link) -> None:
    link.queue()
    released = threading.Event()
    link.answer(lambda stream: stall(released))
    began = time.monotonic()

    turn = link.deliver(deadline_seconds=0.3)

    assert time.monotonic() - began < 5
    released.set()
    assert link.world.states() == ["queued"]
    assert link.world.host(link.host).failures == 1
    assert turn.is_prompt is False


def test_a_host_that_drips_its_answer_is_believed_for_its_status(link: Link) -> None:
    link.queue()
    released = threading.Event()

    def drip(stream: Stream) -> None:
        stream.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\nx")
        stall(released)

    link.answer(drip)

    link.deliver(deadline_seconds=0.5)

    released.set()
    assert link.world.states() == ["delivered"]


def test_a_host_behind_another_certificate_is_a_failing_host(
    world: World, start_peer: Callable[..., Peer], make_client: Callable[..., GuardedClient]
) -> None:
    peer = start_peer(GOOD_ADDRESS, "other.test")
    client = make_client(ports={peer.port}, resolver=lambda host, port: [ip_address(GOOD_ADDRESS)])
    link = Link(world, peer, client)
    link.queue()

    link.deliver()

    assert peer.requests == []
    assert link.world.host(link.host).failures == 1
    assert link.world.states() == ["queued"]


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_within_the_host_is_followed_once_and_signed_for_its_new_place(link: Link, status: int) -> None:
    link.queue()
    link.answer(http(status, extra={"Location": "/moved"}))
    link.answer(ACCEPTED, path="/moved")

    link.deliver()

    assert [request.target for request in link.peer.requests] == ["/inbox", "/moved"]
    assert [link.verify(request).scheme for request in link.peer.requests] == ["draft-cavage"] * 2
    assert link.world.states() == ["delivered"]


@pytest.mark.parametrize("location", ["https://elsewhere.test/inbox", "/moved"])
def test_any_other_redirect_is_a_failure_of_the_host(link: Link, location: str) -> None:
    link.queue()
    link.answer(http(301, extra={"Location": location}))
    link.answer(ACCEPTED, path="/moved")

    link.deliver()

    assert [request.target for request in link.peer.requests] == ["/inbox"]
    assert link.world.host(link.host).failures == 1
    assert link.world.delivery().inbox == link.inbox


def test_a_name_that_does_not_exist_counts_as_absent(world: World, make_client: Callable[..., GuardedClient]) -> None:
    world.queue()
    world.deliver()
    world.change_host(state="dormant", failing_days=40, probe_at=None)
    world.queue()

    def no_such_name(host: str, port: int) -> list[Address]:
        return []

    deliver("peer.test", client=make_client(ports=set(), resolver=no_such_name), now=world.clock)

    assert world.host().absent_probes == 1
