"""The load generator: keep-alive HTTP clients on raw sockets in one thread, so that it costs the server little."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import quantiles

STALL_SECONDS = 30.0
_CHUNK = 262_144
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)\r\n", re.IGNORECASE)

NextRequest = Callable[[int], bytes | None]


@dataclass(slots=True)
class Load:
    """What came of a load. Only answers that were as expected are counted; the others are named.

    `shed` is how many were 503: what a server says that has too much to do, and neither good nor wrong.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    shed: int = 0
    unexpected: Counter[str] = field(default_factory=Counter)
    last_body: bytes = b""

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Expected answers per second."""
        return self.count / self.seconds

    @property
    def shed_percent(self) -> float:
        return 100 * self.shed / (self.count + self.shed)

    def percentile_ms(self, percent: int) -> float:
        if self.count < 2:
            return self.latencies[0] * 1000
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1] * 1000


@dataclass(frozen=True, slots=True)
class Expected:
    """How an answer must look to count."""

    status: int
    part: bytes = b""

    def fits(self, status: int, body: bytes) -> bool:
        return status == self.status and self.part in body


def repeat(port: int, requests: Sequence[bytes], expected: Expected, *, seconds: float) -> Load:
    """One client for each request, which sends it again and again for so long."""
    ends_at = time.perf_counter() + seconds
    return _run(
        port,
        len(requests),
        lambda client: requests[client] if time.perf_counter() < ends_at else None,
        expected,
    )


def send_each(port: int, requests: Sequence[bytes], expected: Expected, *, clients: int) -> Load:
    """Every request once; each client takes the next as soon as it is free."""
    waiting = iter(requests)
    return _run(port, clients, lambda _client: next(waiting, None), expected)


def request_bytes(method: str, target: str, *, host: str, headers: Sequence[str] = (), body: bytes = b"") -> bytes:
    """A whole request of HTTP/1.1."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def spread(requests: Sequence[bytes], clients: int) -> list[bytes]:
    """As many requests as clients, of those there are."""
    return [request for request, _ in zip(cycle(requests), range(clients), strict=False)]


class Client:
    """A keep-alive connection with at most one request on it."""

    def __init__(self, port: int, number: int = 0) -> None:
        self.number = number
        self.sent_at = 0.0
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=STALL_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def send(self, request: bytes) -> None:
        self._received.clear()
        self.sent_at = time.perf_counter()
        self.sock.sendall(request)

    def receive(self) -> tuple[int, bytes] | None:
        """Status and body of the answer, once it is complete."""
        data = self.sock.recv(_CHUNK)
        if not data:
            raise ConnectionError(f"the server closed a connection after {bytes(self._received[:200])!r}")
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return None
        length = _LENGTH.search(self._received, 0, head_end + 2)
        if length is None:
            raise ConnectionError(f"an answer without a length: {bytes(self._received[:200])!r}")
        if len(self._received) < head_end + 4 + int(length[1]):
            return None
        return int(self._received[9:12]), bytes(self._received[head_end + 4 :])

    def close(self) -> None:
        self.sock.close()

    def wait(self) -> tuple[int, bytes]:
        """Status and body of the answer."""
        while (answer := self.receive()) is None:
            pass
        return answer


def _run(port: int, clients: int, next_request: NextRequest, expected: Expected) -> Load:
    load = Load()
    with selectors.DefaultSelector() as selector:
        for number in range(clients):
            client = Client(port, number)
            selector.register(client.sock, selectors.EVENT_READ, client)
        began_at = time.perf_counter()
        for key in list(selector.get_map().values()):
            _go_on(selector, key.data, next_request)
        while selector.get_map():
            ready = selector.select(STALL_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer in {STALL_SECONDS} s")
            for key, _ in ready:
                client = key.data
                answer = client.receive()
                if answer is not None:
                    _note(load, client, answer, expected)
                    _go_on(selector, client, next_request)
        load.seconds = time.perf_counter() - began_at
    return load


def _go_on(selector: selectors.BaseSelector, client: Client, next_request: NextRequest) -> None:
    request = next_request(client.number)
    if request is None:
        selector.unregister(client.sock)
        client.sock.close()
    else:
        client.send(request)


def _note(load: Load, client: Client, answer: tuple[int, bytes], expected: Expected) -> None:
    status, body = answer
    if expected.fits(status, body):
        load.latencies.append(time.perf_counter() - client.sent_at)
        load.last_body = body
    elif status == 503:
        load.shed += 1
    else:
        load.unexpected[f"{status} {body[:120].decode(errors='replace')}"] += 1
