"""Reading a request's body: how much, for how long, and nothing compressed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from flask import Request
from gevent import monkey
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from app.errors import InvalidInputError, StalledError, TooLargeError, UnsupportedMediaError

KIB = 1024
MAX_BODY_BYTES = 1024 * KIB
BODY_SECONDS = 30.0


def read_body(request: Request, *, limit: int = MAX_BODY_BYTES, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, exactly as it was sent.

    Raises TooLargeError above `limit` bytes (before reading, where the length was announced), StalledError when it
    has not arrived within `seconds`, UnsupportedMediaError when it is compressed (a kilobyte may unpack to a gigabyte)
    and InvalidInputError when it breaks off.
    """
    if not (_names(request, "Content-Encoding") <= {"identity"} and _names(request, "Transfer-Encoding") <= {"chunked"}):
        raise UnsupportedMediaError("A compressed request body is not accepted.")
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    if announced == 0:
        return b""
    with _deadline(seconds), _broken_bodies():
        body: bytes = request.stream.read(limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    if announced is not None and len(body) < announced:
        raise InvalidInputError("The request body ended before the announced length.")
    return body


def _names(request: Request, header: str) -> set[str]:
    """The codings that a header names; gunicorn lets `gzip, chunked` pass and takes the second away alone."""
    return {name.strip().lower() for name in request.headers.get(header, "").split(",")} - {""}


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The request body is larger than {limit // KIB} KiB.")


@contextmanager
def _broken_bodies() -> Iterator[None]:
    """What gunicorn and werkzeug raise when the framing is wrong or the client has gone is the client's mistake."""
    try:
        yield
    except (ParseException, OSError, ClientDisconnected) as error:
        raise InvalidInputError("The request body broke off.") from error


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
