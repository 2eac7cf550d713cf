"""A TLS server on a loopback address that does exactly what a test tells it to."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

import trustme

Stream: TypeAlias = ssl.SSLSocket


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


# Raw bytes to answer with, or a function that does to the connection whatever it likes.
Answer: TypeAlias = bytes | Callable[[Stream], None]


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def http(
    status: int = 200, body: bytes = b"", *, content_type: str = "text/plain", extra: dict[str, str] | None = None
) -> bytes:
    headers = {"Content-Type": content_type, "Content-Length": str(len(body)), **(extra or {})}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: int = 302) -> bytes:
    return http(status, extra={"Location": location})


def document(json_object: dict[str, object], *, content_type: str = "application/activity+json") -> bytes:
    return http(body=json.dumps(json_object).encode(), content_type=content_type)


@dataclass
class Peer:
    """Counts the connections it accepted and keeps the requests it read; ``routes`` maps targets to answers."""

    address: str
    context: ssl.SSLContext
    port: int = 0
    routes: dict[str, Answer] = field(default_factory=dict)
    accepted: int = 0
    requests: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((self.address, self.port))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    def close_connections(self) -> None:
        """Hang up on every client, as a server does with those that are idle."""
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        self.close_connections()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            # Or a small answer waits 40 ms for the client to acknowledge the TLS session tickets.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        # The client may hang up at any moment, and in some tests must.
        with contextlib.suppress(OSError), sock, self.context.wrap_socket(sock, server_side=True) as stream:
            self._open.append(stream)
            reader = stream.makefile("rb")
            while (request := _read(reader)) is not None:
                self.requests.append(request)
                answer = self.routes.get(request.target, http(404))
                if callable(answer):
                    answer(stream)
                else:
                    stream.sendall(answer)


def _read(reader: BinaryIO) -> Received | None:
    start = reader.readline().decode().split()
    if not start:
        return None
    headers: dict[str, str] = {}
    while line := reader.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Received(start[0], start[1], headers, body)
