"""Reading a request's body: how much, for how long, and nothing compressed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from flask import Request
from gevent import monkey
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from app.errors import MalformedBodyError, StalledError, TooLargeError, UnsupportedMediaError
from app.web.admission import waiting

KIB = 1024
MAX_BODY_BYTES = 1024 * KIB
BODY_SECONDS = 30.0
SLOWEST_RATE = 16 * KIB
"""Bytes a second of a long body, once its first `BODY_SECONDS` are over: a telephone's slow days."""


def read_body(request: Request, *, limit: int = MAX_BODY_BYTES, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, exactly as it was sent.

    Raises TooLargeError above `limit` bytes (before reading, where the length was announced), StalledError when it
    has not arrived within `seconds`, UnsupportedMediaError when it is compressed (a kilobyte may unpack to a gigabyte)
    and MalformedBodyError when it breaks off.
    """
    announced = _announced(request, limit)
    if announced == 0:
        return b""
    with waiting(), _deadline(seconds), _broken_bodies():
        body: bytes = request.stream.read(limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    if announced is not None and len(body) < announced:
        raise MalformedBodyError("The request body ended before the announced length.")
    return body


class BodyStream:
    """A body that is read piece by piece, by the same rules. One that keeps coming may take longer than `seconds`."""

    def __init__(self, request: Request, *, limit: int, seconds: float = BODY_SECONDS) -> None:
        """Raises what `read_body` raises before it reads."""
        self._announced = _announced(request, limit)
        self._source = request.stream
        self._limit = limit
        self._seconds = seconds
        self._began_at = time.monotonic()
        self._taken = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end. Raises TooLargeError, StalledError and MalformedBodyError."""
        if self._taken == self._announced:
            return b""
        due_at = self._began_at + self._seconds + self._taken / SLOWEST_RATE
        with waiting(), _deadline(max(due_at - time.monotonic(), 0.001)), _broken_bodies():
            chunk: bytes = self._source.read(size)
        time.sleep(0)  # A proxy sends a whole file at once, and as long as more is there nobody else would have a turn.
        self._taken += len(chunk)
        if self._taken > self._limit:
            raise _too_large(self._limit)
        if not chunk and self._announced is not None:
            raise MalformedBodyError("The request body ended before the announced length.")
        return chunk


def _announced(request: Request, limit: int) -> int | None:
    """The length that the request announces, if it does; None for a body in chunks."""
    if not _codings(request) <= {"identity", "chunked"}:
        raise UnsupportedMediaError("A compressed request body is not accepted.")
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    return announced


def _codings(request: Request) -> set[str]:
    """Of the content and of its transfer: gunicorn lets `gzip, chunked` pass and undoes the second alone."""
    named = ",".join(request.headers.get(header, "") for header in ("Content-Encoding", "Transfer-Encoding"))
    return {name.strip().lower() for name in named.split(",")} - {""}


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The request body is larger than {limit // KIB} KiB.")


@contextmanager
def _broken_bodies() -> Iterator[None]:
    """What gunicorn and werkzeug raise when the framing is wrong or the client has gone is the client's mistake."""
    try:
        yield
    except (ParseException, OSError, ClientDisconnected) as error:
        raise MalformedBodyError("The request body broke off.") from error


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Only where sockets wait cooperatively: gunicorn puts no limit of its own on a body that trickles in.

    Raised inside gunicorn's own read, so that gunicorn knows the connection cannot be used again and closes it.
    """
    if not monkey.is_module_patched("socket"):
        yield
        return
    with gevent.Timeout(seconds, StalledError("The request body did not arrive in time.")):
        yield
