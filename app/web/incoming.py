"""What gunicorn reads of a request, bounded in work and not in bytes alone.

gunicorn's greenlet gives nobody else a turn for as long as more has arrived already, so what is read slowly holds up
the whole process.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Any, Final

import gevent
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

LEAST_CHUNK_BYTES: Final = 256
SMALL_CHUNKS: Final = 1024
"""Chunks that may be as small as they like; those beyond have so many bytes on the average."""

MAX_TRAILER_BYTES: Final = 8 << 10
"""Of the headers behind a body, which nobody reads: gunicorn looks through all of them for each piece that comes."""

_GROWTH: Final = 8
_PIECE_BYTES: Final = 64 << 10
_ENDS: Final = re.compile(rb"\r\n\r\n|(?<!\r)\n")


class FewChunks(ChunkedReader):  # type: ignore[misc]  # gunicorn carries no types.
    """A body in chunks, of which there are not very many: a megabyte in chunks of one byte takes four seconds."""

    def __init__(self, request: Any, unreader: Any) -> None:
        super().__init__(request, unreader)
        self.limit_trailer_section = MAX_TRAILER_BYTES
        self._chunks = 0
        self._bytes = 0

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes | None]:
        if self._chunks > SMALL_CHUNKS + self._bytes // LEAST_CHUNK_BYTES:
            raise InvalidChunkSize(b"very many small chunks")
        size, rest = super().parse_chunk_size(unreader, data)
        self._chunks += 1
        self._bytes += size
        return size, rest


class Incoming(Request):  # type: ignore[misc]  # gunicorn carries no types.
    """A request whose head takes time in proportion to its length, in however small pieces it comes."""

    body: Any

    def set_body_reader(self) -> None:
        super().set_body_reader()
        if isinstance(self.body.reader, ChunkedReader):
            self.body = Body(FewChunks(self, self.unreader))

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:  # noqa: FBT001  As gunicorn's own.
        """At least an eighth of what is there: after each call gunicorn looks through all of it anew. Or up to what
        ends a head, well or not."""
        before = len(buf)
        while True:
            searched = max(len(buf) - 3, 0)
            super().read_into(unreader, buf, stop)
            if (len(buf) - before) * _GROWTH >= before or _ENDS.search(buf, searched):
                return


def read_carefully() -> None:
    """Have gunicorn do so; it has no other place to say so."""
    RequestParser.mesg_class = Incoming


def pass_over(body: Any, seconds: float) -> bool:
    """Read what is left of a body that was not wanted, and give others a turn meanwhile. Whether there is an end to it,
    within so many seconds: the next request of the connection begins there."""
    if body.failed:
        return False
    if getattr(body.reader, "length", None) == 0:  # As after nearly every request, which need not pay for a timer.
        return True
    is_at_its_end = False
    with gevent.Timeout(seconds, False), suppress(ParseException):
        while body.read(_PIECE_BYTES):
            time.sleep(0)
        is_at_its_end = True
    return is_at_its_end
