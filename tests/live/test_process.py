"""Whole processes: fan-out, two of them on one database, an absent Redis, limits, and a shutdown."""

import json
import signal
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.e2e.postgres import PostgresCluster
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually

from .conftest import Gunicorn, make_tables
from .raw import CLOSE, TEXT, RawClient

Start = Callable[..., Gunicorn]


def join(stack: ExitStack, server: Gunicorn, count: int) -> list[RawClient]:
    """So many sockets, each of its own user and address, which have been greeted."""
    clients = [
        stack.enter_context(RawClient(server.port, f"/join?user=user{number}&ip=ip{number}")) for number in range(count)
    ]
    for client in clients:
        assert client.frames(1)[0].opcode == TEXT
    return clients


def told(client: RawClient) -> dict[str, float]:
    event: dict[str, float] = json.loads(client.frames(1)[0].payload)
    return event


@pytest.fixture
def pair(start_gunicorn: Start, postgres: PostgresCluster, valkey: ValkeyServer) -> list[Gunicorn]:
    url = make_tables(postgres.create_database(f"pair_{time.monotonic_ns()}").replace("postgres://", "postgresql://"))
    return [start_gunicorn(database_url=url, TEST_REDIS_URL=valkey.url) for _ in range(2)]


def test_message_reaches_300_sockets(server: Gunicorn) -> None:
    with ExitStack() as stack:
        clients = join(stack, server, 300)

        began = time.monotonic()
        server.post("/send", count=1, size=200)
        payloads = {client.frames(1)[0].payload for client in clients}

        assert len(payloads) == 1
        assert time.monotonic() - began < 2


def test_commit_is_pushed_within_milliseconds(server: Gunicorn) -> None:
    with ExitStack() as stack:
        (client,) = join(stack, server, 1)
        delays = []
        for _ in range(20):
            server.post("/event")
            delays.append(time.time() - told(client)["sent"])

    assert statistics.median(delays) < 0.05


def test_commit_in_one_process_is_pushed_by_the_other(pair: list[Gunicorn]) -> None:
    here, there = pair
    with ExitStack() as stack:
        (client,) = join(stack, there, 1)
        here.post("/event")
        told(client)  # The bus of `there` is connected from here on.
        delays = []
        for _ in range(20):
            here.post("/event")
            delays.append(time.time() - told(client)["sent"])

    assert statistics.median(delays) < 0.1


def test_both_processes_push_every_event_once_and_in_order(pair: list[Gunicorn]) -> None:
    with ExitStack() as stack:
        clients = [join(stack, server, 1)[0] for server in pair]
        for _ in range(10):
            for server in pair:
                server.post("/event", count=3)

        for client in clients:
            assert [told(client)["position"] for _ in range(60)] == list(range(1, 61))


@pytest.mark.slow
def test_without_redis_the_other_process_pushes_by_polling(pair: list[Gunicorn], valkey: ValkeyServer) -> None:
    here, there = pair
    with ExitStack() as stack:
        (near,), (far,) = join(stack, here, 1), join(stack, there, 1)
        valkey.process.kill()
        try:
            began = time.monotonic()
            here.post("/event")
            here.post("/publish", text='{"position": 0}')

            # What is recorded is read back first, so what is not may overtake it.
            assert {told(near)["position"], told(near)["position"]} == {0, 1}
            assert time.monotonic() - began < 1
            assert told(far)["position"] == 1
            assert time.monotonic() - began < 8
        finally:
            valkey.start()

        # What is not recorded was lost to the other process; it hears again when the bus is back.
        def is_heard() -> bool:
            here.post("/publish", text='{"position": -1}')
            far.sock.settimeout(0.2)
            frame = far.next_frame(seconds=0.2)
            return frame is not None and json.loads(frame.payload)["position"] == -1

        eventually(is_heard, what="the bus is back")


@pytest.mark.slow
def test_feed_goes_on_after_the_database_was_killed(pair: list[Gunicorn], postgres: PostgresCluster) -> None:
    here = pair[0]
    with ExitStack() as stack:
        (client,) = join(stack, here, 1)
        here.post("/event")
        assert told(client)["position"] == 1
        postgres.process.kill()
        eventually(lambda: "the feed cannot read the database" in here.log(), what="the feed has noticed")
        postgres.start()

        eventually(lambda: here.post("/event") == {}, what="an event is committed again")

        assert told(client)["position"] > 1
        assert "Traceback" not in here.log()


def test_sockets_beyond_the_limits_are_answered_429(server: Gunicorn) -> None:
    with ExitStack() as stack:
        for number in range(10):
            client = stack.enter_context(RawClient(server.port, f"/join?user=alice&ip=ip{number}"))
            assert client.status == 101
            client.frames(1)

        with RawClient(server.port, "/join?user=alice&ip=elsewhere") as eleventh:
            assert eleventh.status == 429
        with RawClient(server.port, "/join?user=bob&ip=elsewhere") as other:
            assert other.status == 101


def test_ban_and_sign_out_close_the_sockets(server: Gunicorn) -> None:
    with ExitStack() as stack:
        alice, phone, bob = (
            stack.enter_context(RawClient(server.port, path))
            for path in ("/join?user=alice&session=1", "/join?user=alice&session=2", "/join?user=bob&session=3")
        )
        server.wait_for_sockets(3)

        server.post("/close", session="2")
        assert phone.close_code() == 1008
        server.post("/close", user="alice")
        assert alice.close_code() == 1008
        server.wait_for_sockets(1)
        assert bob.status == 101


@pytest.mark.slow
def test_shutdown_tells_every_socket_1012_and_is_quick(start_gunicorn: Start) -> None:
    server = start_gunicorn()
    with ExitStack() as stack:
        clients = join(stack, server, 30)
        (stopped,) = (stack.enter_context(RawClient(server.port, "/join?user=stopped", receive_buffer=4096)),)
        server.post("/send", count=14, size=65536, users=["stopped"])
        began = time.monotonic()

        server.process.family()[0].send_signal(signal.SIGTERM)
        codes = {client.close_code() for client in clients}
        told_after = time.monotonic() - began
        eventually(lambda: not server.process.is_running, timeout_seconds=10, what="gunicorn has ended")

        assert codes == {1012}
        assert told_after < 1.5
        assert time.monotonic() - began < 6
        stopped.sock.close()
    assert "Traceback" not in server.log()


def test_socket_with_queued_messages_gets_them_before_the_1012(start_gunicorn: Start) -> None:
    server = start_gunicorn()
    with ExitStack() as stack:
        (client,) = join(stack, server, 1)
        server.post("/send", count=200)
        server.process.family()[0].send_signal(signal.SIGTERM)

        frames = list(iter(client.next_frame, None))

    assert [int(frame.payload) for frame in frames[:-1]] == list(range(200))
    assert frames[-1].opcode == CLOSE
    assert frames[-1].code == 1012
