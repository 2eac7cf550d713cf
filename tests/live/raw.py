"""A WebSocket client that may break every rule: it sends what it is given and shows each frame as it came."""

import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3

UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes

    @property
    def code(self) -> int | None:
        """The code of a Close frame."""
        return int.from_bytes(self.payload[:2], "big") if self.payload else None


class TruncatedError(AssertionError):
    """The connection ended within a frame."""


class RawClient:
    def __init__(
        self,
        port: int,
        path: str,
        *,
        method: str = "GET",
        protocol: str = "HTTP/1.1",
        headers: dict[str, str] = UPGRADE,
        receive_buffer: int | None = None,
    ) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.connect(("127.0.0.1", port))
        lines = [f"{method} {path} {protocol}", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in headers.items())]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self.was_reset = False
        self._buffer = b""
        head = self._read_head()
        self.status = int(head.split(b" ", 2)[1])
        self.head = head.decode("latin-1").lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    def send_frame(self, opcode: int, payload: bytes = b"", *, first: int | None = None) -> None:
        self.sock.sendall(masked(opcode, payload, first=first))

    def next_frame(self, *, seconds: float = 10) -> Frame | None:
        """None at the end of the stream; TimeoutError, TruncatedError."""
        deadline = time.monotonic() + seconds
        while (frame := self._parse()) is None:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                self.was_reset = True
                data = b""
            if not data:
                if self._buffer:
                    raise TruncatedError(f"{len(self._buffer)} bytes of a frame")
                return None
            self._buffer += data
        return frame

    def frames(self, count: int) -> list[Frame]:
        """So many frames; AssertionError when the stream ends before."""
        found = [frame for frame in (self.next_frame() for _ in range(count)) if frame]
        assert len(found) == count
        return found

    def close_code(self, *, seconds: float = 10) -> int | None:
        """Read on; the code of the server's Close frame, None when there was none."""
        while frame := self.next_frame(seconds=seconds):
            if frame.opcode == CLOSE:
                return frame.code
        return None

    def _parse(self) -> Frame | None:
        if len(self._buffer) < 2:
            return None
        size, start = self._buffer[1], 2
        assert not size & 0x80, "a server does not mask"
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(self._buffer[2:start], "big")
        if len(self._buffer) < max(start + size, start):
            return None
        frame = Frame(self._buffer[0] & 0x0F, self._buffer[start : start + size])
        assert self._buffer[0] & 0xF0 == 0x80, "one frame a message, no extension"
        self._buffer = self._buffer[start + size :]
        return frame

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionResetError(f"no answer: {self._buffer!r}")
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head


def masked(opcode: int, payload: bytes = b"", *, first: int | None = None) -> bytes:
    """A client's frame, with a mask of zeros; `first` replaces the first byte, FIN and the reserved bits with it."""
    head = bytes([0x80 | opcode if first is None else first])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0xFE]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([0xFF]) + len(payload).to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload
