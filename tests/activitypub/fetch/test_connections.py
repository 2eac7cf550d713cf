"""Kept connections: reused, replaced when dead, shared between threads, bounded."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from activitypub.fetch import UnreachableError
from activitypub.fetch.connection import Connection
from activitypub.fetch.pool import ConnectionPool
from tests.activitypub.conftest import World
from tests.activitypub.peer import Stream, http


def test_one_connection_carries_many_requests(world: World) -> None:
    world.good.routes["/"] = http(body=b"hello")
    world.good.routes["/inbox"] = http(202)
    world.good.routes["/chunked"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    for _ in range(5):
        assert world.client.get(world.url("/")).body == b"hello"
        assert world.client.get(world.url("/chunked")).body == b"hello"
        assert world.client.get(world.url("/missing")).status == 404
        assert world.client.post(world.url("/inbox"), body=b"{}", headers={}).status == 202

    assert len(world.good.requests) == 20
    assert world.good.accepted == 1
    assert world.dns.asked == ["good.test"]


@pytest.mark.parametrize(
    "answer",
    [
        http(body=b"hello", extra={"Connection": "close"}),
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        http(body=b"hello") + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    ],
    ids=["asked to close", "HTTP/1.0", "said more than it was asked"],
)
def test_connection_that_should_not_be_kept_is_not(world: World, answer: bytes) -> None:
    world.good.routes["/"] = answer

    assert [world.client.get(world.url("/")).body for _ in range(2)] == [b"hello", b"hello"]

    assert world.good.accepted == 2


def test_connection_closed_while_idle_is_replaced(world: World) -> None:
    world.good.routes["/"] = http(body=b"hello")
    world.client.get(world.url("/"))
    world.good.close_connections()

    assert world.client.get(world.url("/")).body == b"hello"

    assert world.good.accepted == 2


def test_request_that_met_a_dying_connection_is_sent_again_once(world: World) -> None:
    def hang_up(stream: Stream) -> None:
        raise ConnectionResetError

    world.good.routes.update({"/": http(body=b"hello"), "/inbox": hang_up})
    world.client.get(world.url("/"))

    with pytest.raises(UnreachableError):
        world.client.post(world.url("/inbox"), body=b"{}", headers={})

    # The kept connection died without a byte, which happens; a new one that does the same is a failure.
    assert world.good.targets == ["/", "/inbox", "/inbox"]
    assert world.good.accepted == 2


def test_half_read_answer_does_not_leak_into_the_next(world: World) -> None:
    world.good.routes["/big"] = http(body=b"x" * 200_000)
    world.good.routes["/"] = http(body=b"hello")

    world.client.post(world.url("/big"), body=b"{}", headers={})

    assert world.client.get(world.url("/")).body == b"hello"
    assert world.good.accepted == 2


def test_many_threads_share_the_client(world: World) -> None:
    bodies = {f"/{n}": f"answer {n}".encode() for n in range(40)}
    world.good.routes.update({path: http(body=body) for path, body in bodies.items()})

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda path: world.client.get(world.url(path)).body, bodies))

    assert answers == list(bodies.values())
    assert world.good.accepted <= 6


class StandIn:
    """A connection that only knows whether it was closed."""

    def __init__(self, *, usable: bool = True) -> None:
        self.usable = usable
        self.closed = False
        self.idle_seconds = 0.0

    def rest(self) -> bool:
        return True

    def is_usable(self, *, max_idle_seconds: float) -> bool:
        return self.usable and self.idle_seconds < max_idle_seconds

    def close(self) -> None:
        self.closed = True


def give(pool: ConnectionPool, host: str, **stand_in: bool) -> StandIn:
    connection = StandIn(**stand_in)
    pool.give((host, 443), cast("Connection", connection))
    return connection


class TestPool:
    def test_host_that_rested_longest_is_forgotten_first(self) -> None:
        pool = ConnectionPool(max_hosts=2)
        first, second = give(pool, "a.test"), give(pool, "b.test")
        again = give(pool, "a.test")

        third = give(pool, "c.test")

        assert second.closed
        assert [first.closed, again.closed, third.closed] == [False, False, False]

    def test_connections_of_one_host_are_bounded(self) -> None:
        pool = ConnectionPool()

        given = [give(pool, "a.test") for _ in range(20)]

        assert [connection.closed for connection in given] == [True] * 14 + [False] * 6

    def test_expired_hosts_are_closed_when_another_comes(self) -> None:
        pool = ConnectionPool(max_idle_seconds=30)
        old = give(pool, "a.test")
        old.idle_seconds = 31

        give(pool, "b.test")

        assert old.closed

    def test_unusable_connection_is_closed_and_the_next_taken(self) -> None:
        pool = ConnectionPool()
        usable, dead = give(pool, "a.test"), give(pool, "a.test", usable=False)

        assert pool.take(("a.test", 443)) is cast("Connection", usable)
        assert dead.closed
        assert pool.take(("a.test", 443)) is None

    def test_closing_closes_all(self) -> None:
        pool = ConnectionPool()
        given = [give(pool, host) for host in ("a.test", "b.test")]

        pool.close()

        assert all(connection.closed for connection in given)
