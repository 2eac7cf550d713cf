"""What a socket does to clients that are slow, wrong, or too many, under gunicorn."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from app.live.writer import QUEUE_BYTES_MAX
from tests.e2e.waiting import eventually

from .conftest import Gunicorn
from .raw import BINARY, CLOSE, PING, PONG, TEXT, UPGRADE, Frame, RawClient, masked

KIB = 1024
LARGE = 64 * KIB


@pytest.fixture(autouse=True)
def _worker_stays_well(server: Gunicorn) -> Iterator[None]:
    """No test leaves a socket behind, or a trace in the log that a stranger's bytes put there."""
    before = len(server.log())
    yield
    server.wait_for_sockets(0)
    server.process.check_running()
    assert "Traceback" not in server.log()[before:]


def test_text_and_binary_messages_of_64_kib_pass(server: Gunicorn) -> None:
    with RawClient(server.port, "/echo") as client:
        client.send_frame(TEXT, b"x" * LARGE)
        client.send_frame(BINARY, bytes(LARGE))

        assert client.next_frame() == Frame(TEXT, b"x" * LARGE)
        assert client.next_frame() == Frame(BINARY, bytes(LARGE))


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(masked(TEXT, b"x" * (LARGE + 1)), id="one-frame"),
        pytest.param(masked(TEXT, b"x" * LARGE, first=0x01) + masked(0, b"x"), id="fragments"),
        pytest.param(masked(TEXT, "😀".encode() * (LARGE // 4) + b"x"), id="bytes-not-characters"),
        pytest.param(masked(BINARY, bytes(8 * LARGE)), id="much-more"),
    ],
)
def test_message_over_64_kib_is_closed_with_1009(server: Gunicorn, frames: bytes) -> None:
    with RawClient(server.port, "/echo") as client:
        client.sock.sendall(frames)

        assert client.close_code() == 1009
        assert client.next_frame() is None


def test_announced_terabyte_costs_only_what_arrives(server: Gunicorn) -> None:
    with RawClient(server.port, "/echo") as client:
        client.sock.sendall(b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0" + bytes(LARGE + 1))

        assert client.close_code() == 1009


def test_compression_is_refused(server: Gunicorn) -> None:
    offer = {**UPGRADE, "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}

    with RawClient(server.port, "/echo", headers=offer) as client:
        client.send_frame(TEXT, b"x" * 1000)

        assert client.status == 101
        assert "sec-websocket-extensions" not in client.head
        assert client.next_frame() == Frame(TEXT, b"x" * 1000)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        pytest.param(b"\x81\x05Hello", 1002, id="unmasked"),
        pytest.param(masked(TEXT, b"x", first=0xC1), 1002, id="rsv1"),
        pytest.param(masked(TEXT, b"x", first=0xA1), 1002, id="rsv2"),
        pytest.param(masked(TEXT, b"x", first=0x91), 1002, id="rsv3"),
        pytest.param(masked(3, b"x"), 1002, id="opcode-3"),
        pytest.param(masked(11, b"x"), 1002, id="opcode-11"),
        pytest.param(masked(PING, b"x" * 126), 1002, id="ping-of-126"),
        pytest.param(masked(PING, b"x", first=0x09), 1002, id="ping-in-fragments"),
        pytest.param(masked(0, b"x"), 1002, id="continuation-of-nothing"),
        pytest.param(masked(TEXT, b"x", first=0x01) + masked(TEXT, b"x"), 1002, id="text-within-text"),
        pytest.param(masked(CLOSE, b"x"), 1002, id="close-of-one-byte"),
        pytest.param(masked(CLOSE, (1005).to_bytes(2, "big")), 1002, id="close-1005"),
        pytest.param(masked(CLOSE, (999).to_bytes(2, "big")), 1002, id="close-999"),
        pytest.param(masked(CLOSE, (1000).to_bytes(2, "big") + b"\xff"), 1007, id="close-reason-not-utf-8"),
        pytest.param(masked(TEXT, b"\xce\xba\xff"), 1007, id="text-not-utf-8"),
        pytest.param(masked(TEXT, b"\xed\xa0\x80"), 1007, id="surrogate"),
        pytest.param(b"\x81\xfe\x00\x01\0\0\0\0x", 1002, id="length-not-minimal"),
        pytest.param(b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0", 1002, id="length-negative"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002, id="http"),
    ],
)
def test_violation_is_closed_with_its_code(server: Gunicorn, octets: bytes, code: int) -> None:
    with RawClient(server.port, "/echo") as client:
        client.sock.sendall(octets)

        assert client.close_code() == code
        assert client.next_frame() is None


def test_goodbye_is_not_lost_to_a_reset_though_the_client_talks_on(server: Gunicorn) -> None:
    """A close with unread bytes is a reset, and some systems drop what came before a reset."""
    is_heard = threading.Event()

    def talk_on(sock: socket.socket) -> None:
        with suppress(OSError):
            while not is_heard.is_set():
                sock.sendall(b"x" * 1000)

    with RawClient(server.port, "/echo") as client, ThreadPoolExecutor() as pool:
        talking = pool.submit(talk_on, client.sock)
        assert client.close_code() == 1002
        is_heard.set()
        talking.result()

        assert client.next_frame() is None
        assert not client.was_reset


def test_pings_in_single_octets_are_answered_in_order(server: Gunicorn) -> None:
    payloads = [f"payload-{number}".encode() for number in range(10)]

    with RawClient(server.port, "/echo") as client:
        for octet in b"".join(masked(PING, payload) for payload in payloads):
            client.sock.sendall(bytes([octet]))

        assert client.frames(10) == [Frame(PONG, payload) for payload in payloads]


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([masked(TEXT, b"x")] * 200, id="messages"),
        pytest.param([masked(PING)] * 2000, id="pings"),
        pytest.param([masked(PONG)] * 2000, id="pongs"),
        pytest.param([masked(TEXT, first=0x01), *[masked(0, first=0x00)] * 2000], id="empty-fragments"),
    ],
)
def test_flood_is_closed_with_1008(server: Gunicorn, frames: list[bytes]) -> None:
    with RawClient(server.port, "/echo") as client:
        client.sock.sendall(b"".join(frames))

        assert client.close_code() == 1008


def test_burst_of_40_messages_passes(server: Gunicorn) -> None:
    with RawClient(server.port, "/echo") as client:
        client.sock.sendall(masked(TEXT, b"x") * 40)

        assert client.frames(40) == [Frame(TEXT, b"x")] * 40


def test_client_faster_than_its_handler_is_held_back(server: Gunicorn) -> None:
    """The kernel's buffers fill and then the client waits: nothing piles up in the process."""
    with RawClient(server.port, "/stuck") as client:
        client.sock.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < 64 * KIB * KIB:
                sent += client.sock.send(masked(BINARY, bytes(LARGE)))
        server.post("/resume")

    assert sent < 16 * KIB * KIB


@pytest.mark.parametrize(
    ("text", "code"), [pytest.param(b"bug", 1011, id="bug"), pytest.param(b"away", 1013, id="storage-away")]
)
def test_failed_handler_is_logged_and_closes(server: Gunicorn, text: bytes, code: int) -> None:
    with RawClient(server.port, "/broken") as client:
        client.send_frame(TEXT, text)

        assert client.close_code() == code
    assert "a socket's handler failed" in server.log()
    server.process.log.write_text("")  # It is meant to have a trace.


def test_client_that_reads_slowly_gets_whole_frames_or_1013(server: Gunicorn) -> None:
    """8 MiB are queued for a client with a small window that reads when all is sent."""
    with RawClient(server.port, "/join?user=slow", receive_buffer=4 * KIB) as client:
        server.wait_for_sockets(1)
        server.post("/send", count=128, size=LARGE, pause=0.002)
        frames = []
        while frame := client.next_frame(seconds=20):
            frames.append(frame)

    numbers = [int(frame.payload[:8]) for frame in frames[1:-1]]
    assert all(len(frame.payload) == LARGE for frame in frames[1:-1])
    assert numbers == list(range(len(numbers)))
    assert frames[-1].opcode == CLOSE
    assert frames[-1].code == 1013


def test_client_that_reads_gets_all_8_mib(server: Gunicorn) -> None:
    with RawClient(server.port, "/join?user=quick") as client:
        server.wait_for_sockets(1)
        with ThreadPoolExecutor() as pool:
            pool.submit(server.post, "/send", count=128, size=LARGE, pause=0.01)
            frames = client.frames(129)

    assert [int(frame.payload[:8]) for frame in frames[1:]] == list(range(128))
    assert all(len(frame.payload) == LARGE for frame in frames[1:])


def test_a_message_larger_than_a_queue_comes_through(server: Gunicorn) -> None:
    with RawClient(server.port, "/join?user=reader") as client:
        server.wait_for_sockets(1)
        server.post("/send", count=1, size=2 * QUEUE_BYTES_MAX)
        frames = client.frames(2)

    assert len(frames[1].payload) == 2 * QUEUE_BYTES_MAX


@pytest.mark.slow
def test_client_that_stops_reading_does_not_hold_up_the_others(server: Gunicorn) -> None:
    with ExitStack() as stack:
        stopped = [
            stack.enter_context(RawClient(server.port, f"/join?user=stopped{number}", receive_buffer=4 * KIB))
            for number in range(5)
        ]
        reader = stack.enter_context(RawClient(server.port, "/join?user=reader"))
        server.wait_for_sockets(6)

        with ThreadPoolExecutor() as pool:
            sending = pool.submit(server.post, "/send", count=3000, size=500, pause=0.0005)
            frames = reader.frames(3001)

        assert [int(frame.payload[:8]) for frame in frames[1:]] == list(range(3000))
        assert sending.result()["seconds"] < 10
        assert [client.close_code() for client in stopped] == [1013] * 5


def test_socket_whose_client_vanished_is_forgotten(server: Gunicorn) -> None:
    client = RawClient(server.port, "/join")
    server.wait_for_sockets(1)

    # A reset, not a FIN.
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.sock.close()

    server.wait_for_sockets(0)


def test_client_that_is_gone_before_the_101_leaves_no_trace(server: Gunicorn) -> None:
    for _ in range(20):
        sock = socket.create_connection(("127.0.0.1", server.port))
        lines = ["GET /late HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in UPGRADE.items()), "", ""]
        sock.sendall("\r\n".join(lines).encode())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    eventually(lambda: server.get("/stats")["ended"] == 20)


def test_churn_leaves_nothing_behind(server: Gunicorn) -> None:
    threads = server.get("/stats")["threads"]

    for number in range(100):
        with RawClient(server.port, f"/join?user=user{number}") as client:
            client.next_frame()
            if number % 2:
                client.send_frame(CLOSE, (1000).to_bytes(2, "big"))
                assert client.close_code() == 1000

    server.wait_for_sockets(0)
    assert server.get("/stats")["threads"] <= threads + 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Sec-WebSocket-Version": "0"}, id="version-0"),
        pytest.param({"Sec-WebSocket-Version": "14"}, id="version-14"),
        pytest.param({"Sec-WebSocket-Version": None}, id="no-version"),
        pytest.param({"Sec-WebSocket-Key": None}, id="no-key"),
        pytest.param({"Sec-WebSocket-Key": "c2hvcnQ="}, id="short-key"),
        pytest.param({"Sec-WebSocket-Key": "?"}, id="key-not-base64"),
        pytest.param({"Upgrade": "h2c"}, id="h2c"),
        pytest.param({"Upgrade": None}, id="no-upgrade"),
        pytest.param({"Connection": "keep-alive"}, id="no-connection-upgrade"),
        pytest.param({"Content-Length": "1"}, id="body"),
        pytest.param({"Transfer-Encoding": "chunked"}, id="chunked-body"),
        pytest.param({"X-Odd": "a\x0bb"}, id="header-that-h11-refuses"),
    ],
)
def test_bad_upgrade_is_answered_400(server: Gunicorn, change: dict[str, str | None]) -> None:
    headers = {name: value for name, value in {**UPGRADE, **change}.items() if value is not None}

    with RawClient(server.port, "/echo", headers=headers) as client:
        assert client.status == 400


def test_upgrade_of_an_older_protocol_is_answered_400(server: Gunicorn) -> None:
    with RawClient(server.port, "/echo", protocol="HTTP/1.0") as client:
        assert client.status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE"])
def test_upgrade_with_another_method_is_refused(server: Gunicorn, method: str) -> None:
    with RawClient(server.port, "/echo", method=method, headers={**UPGRADE, "Content-Length": "0"}) as client:
        assert client.status in (400, 405)


def test_silent_clients_are_closed_within_two_pings_and_others_stay(
    start_gunicorn: Callable[..., Gunicorn], server: Gunicorn
) -> None:
    impatient = start_gunicorn(TEST_PING_SECONDS="0.4")
    began = time.monotonic()
    with (
        RawClient(impatient.port, "/join?user=half-open") as half_open,
        RawClient(impatient.port, "/join?user=alive") as alive,
    ):
        alive.next_frame()
        for _ in range(4):
            assert alive.next_frame() == Frame(PING, b"")
            alive.send_frame(PONG)

        impatient.wait_for_sockets(1)
        assert impatient.get("/stats")["viewers"] == ["alive"]
        assert [frame.opcode for frame in iter(half_open.next_frame, None)] == [TEXT, PING]
    assert time.monotonic() - began < 5


def test_peer_that_takes_nothing_is_cut_off(start_gunicorn: Callable[..., Gunicorn], server: Gunicorn) -> None:
    """Not enough is queued for 1013: the deadline of a send ends it."""
    impatient = start_gunicorn(TEST_SEND_SECONDS="0.5")
    with RawClient(impatient.port, "/join", receive_buffer=4 * KIB):
        impatient.wait_for_sockets(1)
        impatient.post("/send", count=14, size=LARGE)

        impatient.wait_for_sockets(0)
