"""How long, how large and how odd an answer may be."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from activitypub.errors import FetchError, ResponseTooLargeError
from activitypub.fetch import GuardedClient, Reason, UnreachableError
from tests.activitypub.conftest import GOOD_ADDRESS, FakeDns, World
from tests.activitypub.peer import Answer, Peer, Stream, http, server_context

SHORT = 0.3
# The deadline, and what a busy machine may add; far less than a drip would take.
PATIENCE = 1.5

PROXY_ADDRESS = "127.0.0.13"


def dripping(start: bytes, drop: bytes, *, every_seconds: float = 0.1) -> Callable[[Stream], None]:
    """Send the start at once, and then a drop again and again until the client has gone."""

    def drip(stream: Stream) -> None:
        stream.sendall(start)
        while True:
            time.sleep(every_seconds)
            stream.sendall(drop)

    return drip


def flooding(start: bytes, chunk: bytes) -> Callable[[Stream], None]:
    return dripping(start, chunk, every_seconds=0)


def hang_up_after(start: bytes) -> Callable[[Stream], None]:
    def answer(stream: Stream) -> None:
        stream.sendall(start)
        raise ConnectionResetError

    return answer


@contextlib.contextmanager
def dripping_proxy(peer: Peer, *, is_slow: Callable[[], bool]) -> Iterator[None]:
    """Stands before the peer and, once it is slow, passes its bytes on one by one."""

    def run() -> None:
        with listener.accept()[0] as client, socket.create_connection((peer.address, peer.port)) as server:
            back = threading.Thread(target=pass_on, args=(server, client, is_slow))
            back.start()
            pass_on(client, server, lambda: False)
            back.join()

    with socket.create_server((PROXY_ADDRESS, peer.port)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield
        thread.join()


def pass_on(source: socket.socket, sink: socket.socket, is_slow: Callable[[], bool]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if not is_slow():
                sink.sendall(data)
                continue
            for byte in data:
                sink.sendall(bytes([byte]))
                time.sleep(0.05)
        sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def soon() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < PATIENCE


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "answer",
    [
        dripping(b"", b"H"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drip: drop\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
    ids=["status line", "headers", "interim answers", "body", "chunks", "body without a length"],
)
def test_slow_drip_ends_at_the_deadline(world: World, answer: Callable[[Stream], None]) -> None:
    world.good.routes["/"] = answer

    with pytest.raises(UnreachableError) as failed:
        world.client.get(world.url("/"), deadline_seconds=SHORT)

    assert failed.value.reason is Reason.TIMEOUT
    assert not failed.value.permanent


@pytest.mark.usefixtures("soon")
def test_deadline_covers_all_redirects_together(world: World) -> None:
    def slowly_redirect(stream: Stream) -> None:
        time.sleep(0.3)
        hop = len(world.good.requests)
        stream.sendall(f"HTTP/1.1 302 Found\r\nLocation: /{hop}\r\nContent-Length: 0\r\n\r\n".encode())

    world.good.routes.update({f"/{hop}": slowly_redirect for hop in range(9)})

    with pytest.raises(UnreachableError) as failed:
        world.client.get(world.url("/0"), deadline_seconds=SHORT)

    assert failed.value.reason is Reason.TIMEOUT


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("from_start", [True, False], ids=["handshake", "record of the answer"])
def test_drip_inside_tls_records_ends_at_the_deadline(world: World, from_start: bool) -> None:
    world.dns.answers["good.test"] = [[PROXY_ADDRESS]]
    world.good.routes["/"] = http(body=b"x" * 10_000)

    with (
        dripping_proxy(world.good, is_slow=lambda: from_start or bool(world.good.requests)),
        pytest.raises(UnreachableError) as failed,
    ):
        world.client.get(world.url("/"), deadline_seconds=SHORT)

    assert failed.value.reason is Reason.TIMEOUT
    assert bool(world.good.requests) is not from_start


@pytest.mark.usefixtures("soon")
def test_slow_name_service_ends_at_the_deadline(world: World) -> None:
    answered = threading.Event()

    def never(host: str, port: int) -> None:
        answered.wait(10)

    world.client._lookup._resolver = never  # type: ignore[assignment]  # it never returns anything

    with pytest.raises(UnreachableError) as failed:
        world.client.get(world.url("/"), deadline_seconds=SHORT)
    answered.set()

    assert failed.value.reason is Reason.DNS


class TestSize:
    def test_body_of_exactly_the_limit_is_read(self, world: World) -> None:
        world.good.routes["/"] = http(body=b"x" * 1000)

        assert len(world.client.get(world.url("/"), max_bytes=1000).body) == 1000

    @pytest.mark.parametrize(
        "answer",
        [
            http(body=b"x" * 1001),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
            flooding(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
            flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
            flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        ],
        ids=["length", "chunked", "endless length", "endless", "endless interim answers"],
    )
    def test_larger_answer_is_refused_for_good(self, world: World, answer: Answer) -> None:
        world.good.routes["/"] = answer

        with pytest.raises(ResponseTooLargeError) as refused:
            world.client.get(world.url("/"), max_bytes=1000)

        assert refused.value.permanent

    @pytest.mark.usefixtures("soon")
    def test_megabyte_in_one_byte_chunks_is_refused_early(self, world: World) -> None:
        start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        world.good.routes["/"] = flooding(start, b"1\r\nx\r\n" * 10_000)

        with pytest.raises(ResponseTooLargeError, match="wrapping"):
            world.client.get(world.url("/"))

    @pytest.mark.usefixtures("soon")
    def test_megabyte_in_one_byte_records_is_refused_early(self, world: World) -> None:
        def answer(stream: Stream) -> None:
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            for _ in range(10_000):
                stream.sendall(b"x")

        world.good.routes["/"] = answer

        with pytest.raises(ResponseTooLargeError, match="wrapping"):
            world.client.get(world.url("/"))

    def test_endless_headers_are_refused(self, world: World) -> None:
        world.good.routes["/"] = flooding(b"HTTP/1.1 200 OK\r\n", b"X-Flood: drop\r\n" * 100)

        with pytest.raises(FetchError):
            world.client.get(world.url("/"))

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "zstd"])
    def test_compressed_body_is_refused_unopened(self, world: World, encoding: str) -> None:
        bomb = gzip.compress(b"\0" * 10_000_000)
        world.good.routes["/"] = http(body=bomb, extra={"Content-Encoding": encoding})

        with pytest.raises(FetchError, match="compressed") as refused:
            world.client.get(world.url("/"))

        assert refused.value.permanent

    def test_post_reads_64_kib_of_an_endless_answer_and_is_done(self, world: World) -> None:
        world.good.routes["/inbox"] = flooding(b"HTTP/1.1 202 Accepted\r\n\r\n", b"x" * 65536)

        response = world.client.post(world.url("/inbox"), body=b"{}", headers={})

        assert (response.status, len(response.body)) == (202, 65536)

    @pytest.mark.usefixtures("soon")
    def test_post_is_answered_by_its_status_though_the_body_stalls(self, world: World) -> None:
        head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n"
        world.good.routes["/inbox"] = dripping(head, b"x")

        response = world.client.post(world.url("/inbox"), body=b"{}", headers={}, deadline_seconds=SHORT)

        assert response.status == 202


@pytest.mark.usefixtures("soon")
def test_peer_that_does_not_read_ends_at_the_deadline(
    authority: trustme.CA, make_client: Callable[..., GuardedClient]
) -> None:
    released = threading.Event()

    def shake_hands_and_wait() -> None:
        accepted, _ = listener.accept()
        with server_context(authority, "good.test").wrap_socket(accepted, server_side=True):
            released.wait(10)

    with socket.create_server((GOOD_ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]
        client = make_client(ports={port}, resolver=FakeDns({"good.test": [[GOOD_ADDRESS]]}))
        peer = threading.Thread(target=shake_hands_and_wait)
        peer.start()
        more_than_the_kernel_takes = b"x" * 30_000_000
        with pytest.raises(UnreachableError) as failed:
            client.post(
                f"https://good.test:{port}/inbox",
                body=more_than_the_kernel_takes,
                headers={},
                deadline_seconds=SHORT,
            )
        released.set()
        peer.join()

    assert failed.value.reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
def test_answer_cut_off_or_not_http_is_a_temporary_failure(world: World, start: bytes) -> None:
    world.good.routes["/"] = hang_up_after(start)

    with pytest.raises(UnreachableError) as failed:
        world.client.get(world.url("/"))

    assert failed.value.reason is Reason.EXCHANGE
    assert not failed.value.permanent
