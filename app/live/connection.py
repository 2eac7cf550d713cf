"""A client's socket: a simple-websocket server that flask-sock has opened, made safe for gevent and for strangers.

simple-websocket itself would send with `send`, which cuts frames short when the buffer is full, from any greenlet at
any time, and would read without a bound. So it does the handshake only: here the request's own greenlet reads, which
lets TCP hold back a client that is faster than its handler, and a `Writer` sends.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from simple_websocket import Server
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from app.errors import UnavailableError
from app.live.bucket import TokenBucket
from app.live.frames import CloseCode, close_frame, text_frame
from app.live.handshake import BEARER, HandshakeSocket
from app.live.writer import Writer

MESSAGE_BYTES_MAX = 64 * 1024
MESSAGES_PER_SECOND, MESSAGES_BURST = 20.0, 40.0
FRAMES_PER_SECOND, FRAMES_BURST = 100.0, 200.0  # Pings and fragments cost time too; the pongs fit the queue.

_RECEIVE_BYTES = 16 * 1024
_SEND_BUFFER_BYTES = 128 * 1024  # The kernel would hold megabytes for each client that does not read.

_log = logging.getLogger(__name__)


class _NoThread:
    """What simple-websocket starts to read with: nothing, because `Connection` reads."""

    def __init__(self, target: Callable[[], None]) -> None:
        self.name = ""

    def start(self) -> None:
        """Leave the socket alone."""


SERVER_OPTIONS = {"thread_class": _NoThread, "subprotocols": [BEARER]}
"""For Flask's SOCK_SERVER_OPTIONS; without it two would read one socket."""


class Connection:
    """An open socket, within `with`, which closes it in order: 1000, or 1011 after an exception, which is logged.

    The messages may be iterated by the greenlet of the request alone; every other method may be called by anyone.
    """

    def __init__(self, server: Server) -> None:
        if not isinstance(server.thread, _NoThread) or not isinstance(server.sock, HandshakeSocket):
            raise RuntimeError("a socket needs prepare_upgrade before it, and SERVER_OPTIONS as SOCK_SERVER_OPTIONS")
        server.connected = False  # flask-sock closes what it believes open, and that is ours to do.
        self._protocol: WSConnection = server.ws
        self._sock = server.sock.sock
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._writer = Writer(self._sock)
        self._messages = TokenBucket(per_second=MESSAGES_PER_SECOND, burst=MESSAGES_BURST)
        self._frames = TokenBucket(per_second=FRAMES_PER_SECOND, burst=FRAMES_BURST)
        self._incoming = bytearray()

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None and not isinstance(error, Exception):
            self.cut()  # The process ends; gunicorn kills greenlets so.
            return False
        if error is not None:
            is_outage = isinstance(error, UnavailableError)  # Which has been logged where it was noticed.
            _log.error("a socket's handler failed", exc_info=None if is_outage else error)
        self.close(_code_after(error), "")
        self._drain()
        self._writer.join()
        return True

    def messages(self) -> Iterator[str | bytes]:
        """The client's messages, until the socket closes, whoever closes it; the next is read when it is asked for."""
        while data := self._receive():
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                message = self._handle(event)
                if self._writer.is_finished:
                    return
                if message is not None:
                    yield message

    def offer(self, text: str) -> bool:
        """Queue a message; False when the client will not get it, because the socket closes or is too slow."""
        return self._writer.put(text_frame(text))

    def offer_frame(self, frame: bytes) -> bool:
        """As `offer`, for a frame of `text_frame` that many sockets share."""
        return self._writer.put(frame)

    @property
    def has_room(self) -> bool:
        """Whether the client keeps up: little of what was offered still waits."""
        return self._writer.has_room

    @property
    def is_finished(self) -> bool:
        return self._writer.is_finished

    def close(self, code: int, reason: str) -> None:
        """Say goodbye after what is queued. Does not wait; the first code and reason count."""
        self._writer.finish(close_frame(code, reason))

    def cut(self) -> None:
        """End the connection now, without a goodbye."""
        self._writer.cut()

    def _receive(self) -> bytes:
        """The next bytes; empty when there will be none, or nobody is to hear them."""
        while not self._writer.is_finished:
            data = self._read()
            if data is not None:
                self._writer.heard_at = time.monotonic()
                return data
        return b""

    def _drain(self) -> None:
        """Read past what still comes until the peer, or the writer's patience, ends the connection."""
        while self._read() != b"":
            pass

    def _read(self) -> bytes | None:
        """None when nothing came in time, which is the writer's time; empty when nothing will."""
        try:
            return self._sock.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return None
        except (OSError, ValueError):  # The latter from a TLS socket that the writer has shut down.
            return b""

    def _handle(self, event: Event) -> str | bytes | None:
        """The message that `event` completes, if it does."""
        if isinstance(event, CloseConnection):
            self._answer_close(event)
        elif _is_whole_frame(event) and not self._frames.take():
            self.close(CloseCode.POLICY_VIOLATION, "too many frames")
        elif isinstance(event, Ping):
            self._writer.put(self._protocol.send(event.response()))
        elif isinstance(event, TextMessage | BytesMessage):
            return self._collect(event)
        return None

    def _answer_close(self, event: CloseConnection) -> None:
        if self._protocol.state is ConnectionState.REMOTE_CLOSING:
            self._writer.finish(self._protocol.send(event.response()))
        elif event.code == CloseCode.INVALID_DATA:
            self.close(CloseCode.INVALID_DATA, "not UTF-8")
        else:  # wsproto's other way of saying that the frame breaks the rules.
            self.close(CloseCode.PROTOCOL_ERROR, "not a frame that may come now")

    def _collect(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        self._incoming += event.data.encode() if isinstance(event, TextMessage) else event.data
        if len(self._incoming) > MESSAGE_BYTES_MAX:
            self.close(CloseCode.TOO_BIG, f"more than {MESSAGE_BYTES_MAX} bytes")
        elif event.message_finished and not self._messages.take():
            self.close(CloseCode.POLICY_VIOLATION, "too many messages")
        elif event.message_finished:
            message = bytes(self._incoming)
            self._incoming.clear()
            return message.decode() if isinstance(event, TextMessage) else message
        return None


def _is_whole_frame(event: Event) -> bool:
    """False for a part of one, which the network has cut, not the client."""
    return not isinstance(event, TextMessage | BytesMessage) or event.frame_finished


def _code_after(error: Exception | None) -> CloseCode:
    if error is None:
        return CloseCode.NORMAL
    return CloseCode.TRY_AGAIN_LATER if isinstance(error, UnavailableError) else CloseCode.INTERNAL_ERROR
