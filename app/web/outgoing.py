"""What gunicorn writes of an answer, bounded in time: it would wait without end for a client that takes nothing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import wraps
from typing import Any

import gevent
from gunicorn import util

SEND_SECONDS = 30.0
SLOWEST_RATE = 16 * 1024
"""Bytes a second that a client takes of a long answer after `SEND_SECONDS`; as many as it sends of a long body."""

MAX_UNSENT_BYTES = 256 << 20
HURRY_SECONDS = 2.0
"""The patience with one who asks while there are more than so many in answers that others are slow to take."""


class TooSlowError(BrokenPipeError):
    """A client does not read what it asked for. To gunicorn it is one that has gone, and no news."""

    def __init__(self) -> None:
        super().__init__(errno.EPIPE, "the client does not read its answer")


class _Unsent:
    """How much of the answers of this process is on its way to clients."""

    def __init__(self) -> None:
        self._bytes = 0

    def in_time(self, write: Callable[..., None]) -> Callable[..., None]:
        """Or whoever asks and reads nothing would have all connections, all files that may be open and all memory, for
        as long as they like: gunicorn waits without end."""

        @wraps(write)
        def bounded(sock: Any, data: bytes) -> None:
            size = len(data)
            seconds = HURRY_SECONDS if self._bytes + size > MAX_UNSENT_BYTES else SEND_SECONDS + size / SLOWEST_RATE
            self._bytes += size
            try:
                with gevent.Timeout(seconds, TooSlowError):
                    write(sock, data)
            finally:
                self._bytes -= size

        return bounded


_unsent = _Unsent()
_write_whole, _write_chunk = _unsent.in_time(util.write), _unsent.in_time(util.write_chunk)


def write_in_time() -> None:
    """Have gunicorn do so, and refuse in JSON what it cannot read as a request; it has no other place to say so."""
    util.write_error = _write_problem
    util.write, util.write_chunk = _write, _write_chunk


def _write(sock: Any, data: bytes, chunked: bool = False) -> None:  # noqa: FBT001  As gunicorn's own.
    (_write_chunk if chunked else _write_whole)(sock, data)


def _write_problem(client: Any, status: int, reason: str, _detail: str) -> None:
    """What could not be read as a request is refused in JSON, too, and is not repeated, as gunicorn's page would."""
    from app.web.answers import problem  # Here, where the worker is patched and has loaded it anyway.

    body = problem(status, reason).get_data(as_text=True)
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    util.write_nonblock(client, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii"))
