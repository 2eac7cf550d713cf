"""One request and its answer over an open connection, bounded in bytes and in time."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

import h11
import msgspec

from activitypub.errors import FetchError, ResponseTooLargeError
from activitypub.fetch.connection import Connection
from activitypub.fetch.failures import Deadline, Reason, StaleConnectionError, UnreachableError
from activitypub.uris import ParsedUri

# Headers, interim answers, chunk sizes and TLS records together: 100-continue for ever and one-byte chunks end here.
_MAX_OVERHEAD: Final = 65536
# What surrounds the bytes that arrive together, which are one record or the rest of one (RFC 8446, section 5.2). A
# megabyte of one-byte records is read for ten seconds, in which gevent gives nobody else a turn.
_RECORD_BYTES: Final = 22

_Event: TypeAlias = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class Headers(Mapping[str, str]):
    """Response headers: names match in any case, repeated ones are joined by a comma."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in items:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Request(msgspec.Struct, frozen=True):
    """What is sent: ``headers`` lack only Host and Content-Length."""

    method: str
    uri: ParsedUri
    headers: Mapping[str, str]
    body: bytes = b""

    def to_wire(self, http: h11.Connection) -> bytes:
        headers = {name.title(): value for name, value in self.headers.items()}
        headers["Host"] = self.uri.authority
        if self.body or self.method == "POST":
            headers["Content-Length"] = str(len(self.body))
        events: list[h11.Event] = [
            h11.Request(method=self.method, target=self.uri.target, headers=list(headers.items())),
            h11.Data(data=self.body),
            h11.EndOfMessage(),
        ]
        return b"".join(http.send(event) or b"" for event in events)


class Response(msgspec.Struct, frozen=True):
    """An answer as it came: any status, ``url`` the one that gave it."""

    status: int
    headers: Headers
    body: bytes
    url: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status <= 299


class Exchange:
    """Sends a request and reads the answer to it."""

    def __init__(self, connection: Connection, request: Request, deadline: Deadline) -> None:
        self._connection = connection
        self._request = request
        self._deadline = deadline
        self._received = 0
        self._wrapping = 0
        self._body = bytearray()

    def whole(self, max_bytes: int) -> Response:
        """The answer with all of its body.

        Raises ``ResponseTooLargeError`` past ``max_bytes``, ``UnreachableError`` if it is cut off or late,
        ``FetchError`` if it is compressed although we said that it must not be.
        """
        head = self._start()
        if not self._read_body(max_bytes):
            raise ResponseTooLargeError(f"{self._request.uri} answered with more than {max_bytes} bytes")
        response = self._response(head)
        encoding = response.headers.get("content-encoding", "identity").lower()
        # The body of a failure is not read by anyone, so it may be what it likes.
        if response.is_success and encoding != "identity":
            raise FetchError(f"{self._request.uri} answered with a compressed body", permanent=True)
        return response

    def beginning(self, max_bytes: int) -> Response:
        """The answer with the first ``max_bytes`` of its body: once there is a status, nothing fails."""
        head = self._start()
        # The status was the answer. Asking again because its body stalled would do the thing twice.
        with suppress(UnreachableError, ResponseTooLargeError):
            self._read_body(max_bytes)
        return self._response(head)

    def _start(self) -> h11.Response:
        """Send, and wait for the final head. Raises ``StaleConnectionError`` if it may be sent again."""
        try:
            self._connection.send(self._request.to_wire(self._connection.http), self._deadline)
            while not isinstance(event := self._next_event(), h11.Response):
                if not isinstance(event, h11.InformationalResponse):
                    raise self._broken("the connection was closed")
        except OSError as error:
            raise self._broken(str(error)) from error
        return event

    def _read_body(self, max_bytes: int) -> bool:
        """Read to the end, or until there is too much of it: was that the end?"""
        while isinstance(event := self._next_event(), h11.Data):
            room = max_bytes - len(self._body)
            self._body += event.data[:room]
            if len(event.data) > room:
                return False
        return True

    def _next_event(self) -> _Event:
        http = self._connection.http
        try:
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(self._receive())
        except h11.RemoteProtocolError as error:
            raise self._broken(str(error)) from error
        return event

    def _receive(self) -> bytes:
        if self._received - len(self._body) + self._wrapping > _MAX_OVERHEAD:
            raise ResponseTooLargeError(f"{self._request.uri} answered with more wrapping than allowed")
        try:
            data = self._connection.receive(self._deadline)
        except OSError as error:
            raise self._broken(str(error)) from error
        self._received += len(data)
        self._wrapping += _RECORD_BYTES
        return data

    def _broken(self, detail: str) -> UnreachableError:
        detail = f"{self._request.uri.host}: {detail}"
        if self._connection.is_reused and not self._received:
            return StaleConnectionError(detail)
        return UnreachableError(detail, reason=Reason.EXCHANGE)

    def _response(self, head: h11.Response) -> Response:
        return Response(head.status_code, _headers(head), bytes(self._body), self._request.uri.document)


def _headers(head: h11.Response) -> Headers:
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
