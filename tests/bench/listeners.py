"""Many open sockets in a process of their own, which notes when each of them hears a message."""

from __future__ import annotations

import base64
import multiprocessing
import os
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from tests.bench.figures import NotMeasuredError

CONNECT_SECONDS = 120.0
HEAR_SECONDS = 20.0
_QUIET_SECONDS = 1.0
_QUIET_WITHIN_SECONDS = 20.0
_CHUNK = 65_536
_PING, _TEXT = 9, 1


@dataclass(frozen=True, slots=True)
class Heard:
    """When (monotonic) each socket had the whole frame, the first first, and how often one had it again."""

    times: list[float]
    repeats: int


class Listeners:
    """One socket for each of `openings`, the requests of WebSocket handshakes; an empty one opens without."""

    def __init__(self, port: int, openings: Sequence[bytes]) -> None:
        self._size = len(openings)
        self._pipe, child_pipe = multiprocessing.Pipe()
        self._child_pipe = child_pipe
        self._process = multiprocessing.get_context("spawn").Process(
            target=_listen, args=(child_pipe, port, openings), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self._child_pipe.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets by ending their process."""
        self._pipe.close()
        self._process.join(HEAR_SECONDS)
        self._process.kill()

    def wait_until_open(self) -> None:
        """Until all sockets are open and nothing more comes on them of itself."""
        self._receive(CONNECT_SECONDS + _QUIET_WITHIN_SECONDS)

    def expect(self, marker: str) -> None:
        """Note from now on who hears a message with these letters in it."""
        self._pipe.send(marker.encode())
        self._receive(HEAR_SECONDS)

    def heard(self) -> Heard:
        """Once everybody has heard it. Raises NotMeasuredError when somebody has not, or twice."""
        heard: Heard = self._receive(2 * HEAR_SECONDS)
        if len(heard.times) != self._size or heard.repeats:
            raise NotMeasuredError(f"{len(heard.times)} of {self._size} sockets heard it, {heard.repeats} repeats")
        return heard

    def _receive(self, seconds: float) -> Any:
        try:
            if self._pipe.poll(seconds):
                return self._pipe.recv()
        except EOFError:
            raise NotMeasuredError("the process with the sockets ended") from None
        raise NotMeasuredError(f"the process with the sockets said nothing in {seconds} s")


@dataclass(slots=True)
class _Socket:
    sock: socket.socket
    received: bytearray = field(default_factory=bytearray)

    def read(self) -> Iterator[bytes]:
        """The text messages that are complete now; pings are answered."""
        data = self.sock.recv(_CHUNK)
        if not data:
            raise ConnectionError("the server closed a socket")
        self.received += data
        while (frame := _take_frame(self.received)) is not None:
            opcode, payload = frame
            if opcode == _TEXT:
                yield payload
            elif opcode == _PING:
                self.sock.sendall(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)


def _take_frame(received: bytearray) -> tuple[int, bytes] | None:
    """The first frame's opcode and payload, taken out, if all of it is there (RFC 6455, section 5.2)."""
    if len(received) < 2:
        return None
    length, start = received[1] & 0x7F, 2
    if length >= 126:
        form, start = (">H", 4) if length == 126 else (">Q", 10)
        if len(received) < start:
            return None
        length = struct.unpack(form, received[2:start])[0]
    if len(received) < start + length:
        return None
    opcode, payload = received[0] & 0x0F, bytes(received[start : start + length])
    del received[: start + length]
    return opcode, payload


def _listen(pipe: Connection, port: int, openings: Sequence[bytes]) -> None:
    """The child's life: until the parent closes its end of the pipe."""
    with selectors.DefaultSelector() as selector:
        for opening in openings:
            opened = _open(port, opening)
            selector.register(opened.sock, selectors.EVENT_READ, opened)
        _drain(selector)
        pipe.send("open")
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            while not pipe.poll():
                _read(selector, HEAR_SECONDS)
            try:
                marker = pipe.recv()
            except EOFError:
                return
            pipe.send("ready")
            pipe.send(_hear(selector, marker, len(openings)))


def _drain(selector: selectors.BaseSelector) -> None:
    """Read until nothing comes any more: each account that comes online is told to everybody."""
    ends_at = time.monotonic() + _QUIET_WITHIN_SECONDS
    while time.monotonic() < ends_at and selector.select(_QUIET_SECONDS):
        _read(selector, 0)


def _hear(selector: selectors.BaseSelector, marker: bytes, sockets: int) -> Heard:
    first: dict[int, float] = {}
    repeats = 0
    ends_at = time.monotonic() + HEAR_SECONDS
    while len(first) < sockets and (left := ends_at - time.monotonic()) > 0:
        for number, message in _read(selector, left):
            if marker in message:
                repeats += number in first
                first.setdefault(number, time.monotonic())
    return Heard(sorted(first.values()), repeats)


def _read(selector: selectors.BaseSelector, seconds: float) -> list[tuple[int, bytes]]:
    """What came, by socket, as soon as anything did; the parent's pipe wakes it up, too."""
    return [
        (key.fd, message)
        for key, _ in selector.select(seconds)
        if isinstance(key.data, _Socket)
        for message in key.data.read()
    ]


def _open(port: int, opening: bytes) -> _Socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_SECONDS)
    opened = _Socket(sock)
    if opening:
        sock.sendall(opening)
        while (end := opened.received.find(b"\r\n\r\n")) < 0:
            data = sock.recv(_CHUNK)
            if not data:
                break
            opened.received += data
        if not opened.received.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"no socket: {bytes(opened.received[:300])!r}")
        del opened.received[: end + 4]
    return opened


def handshake(path: str, *, host: str, client_ip: str) -> bytes:
    """A WebSocket's opening request, as a reverse proxy passes it on for a client with this address."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"X-Forwarded-For: {client_ip}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
