"""HTTP by hand: what is sent is exactly what the case says, valid or not."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

ANSWER_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 where the server hung up without a word."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)
    seconds: float


def request_bytes(method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + (body or b"")


def exchange(port: int, sent: bytes, *, method: str = "GET", is_all: bool = False, source: str | None = None) -> Answer:
    """Send the bytes on a connection of their own and read one answer; `is_all` says that no more will come, `source`
    is the address it comes from."""
    began = time.monotonic()
    with connect(port, seconds=ANSWER_SECONDS, source=source) as connection:
        try:
            connection.sendall(sent)
            if is_all:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It was refused before it was read; the answer may be there all the same.
        return read_answer(connection, method=method, began=began)


def connect(port: int, *, seconds: float, source: str | None = None) -> socket.socket:
    """A connection to the server, from some address of this machine."""
    own = None if source is None else (source, 0)
    return socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=own)


def read_answer(connection: socket.socket, *, method: str = "GET", began: float | None = None) -> Answer:
    began = time.monotonic() if began is None else began
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ConnectionError):
        return Answer(0, {}, b"", time.monotonic() - began)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, body, time.monotonic() - began)
