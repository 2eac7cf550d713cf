"""Requests as bytes, for those who flood, stall, and do not wait for answers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping

from tests.bench.load import request_bytes
from tests.faults.site import Site

# As the proxy before each server says it.
_PROXY = ("X-Forwarded-Proto: https",)


def inbox_request(site: Site, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST to the server's shared inbox, for its own port."""
    lines = [f"{name}: {value}" for name, value in headers.items() if name != "Host"]
    return request_bytes("POST", "/ap/inbox", host=site.host.name, headers=[*lines, *_PROXY], body=body)


def unfinished_request(site: Site, path: str, *, announced: int) -> bytes:
    """A POST that promises so many bytes, none of which are here."""
    headers = [*_PROXY, "Content-Type: application/activity+json", f"Content-Length: {announced}"]
    return request_bytes("POST", path, host=site.host.name, headers=headers)


@contextlib.contextmanager
def sent_at_once(site: Site, requests: list[bytes]) -> Iterator[list[socket.socket]]:
    """Each on a connection of its own, open until the block ends; nobody has read an answer yet."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", site.port), 20)) for _ in requests]
        for connection, request in zip(connections, requests, strict=True):
            connection.sendall(request)
        yield connections


def answer_of(connection: socket.socket, *, seconds: float) -> bytes:
    """All that comes until the server closes. Raises TimeoutError where it stays silent for so long."""
    connection.settimeout(seconds)
    answer = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            answer += data
    return bytes(answer)
