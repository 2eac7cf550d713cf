"""Remote servers: one TLS server in a process of its own that plays every remote host and counts what it is sent."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedIOBase
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from tests.bench.names import SINKS
from tests.e2e.tls import CertificateAuthority

# A host whose name begins so takes every request and never answers: the dead inbox that costs its sender most.
DEAD = "dead"
_STALL_SECONDS = 120.0
_TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Tally:
    """What came since the last reset. `distinct` counts an activity once for each host; times are monotonic."""

    posts: int = 0
    distinct: int = 0
    gets: int = 0
    last_at: float = 0.0


class Sinks:
    """Answers GETs out of `documents` (by host and path) and takes every POST, as the remote hosts of a run."""

    def __init__(self, authority: CertificateAuthority, documents: Mapping[str, bytes]) -> None:
        self._context = authority.server_context(SINKS)
        self._documents = documents
        self._pipe, self._child_pipe = multiprocessing.Pipe()
        # Forked, because neither the key in the context nor the listener can be pickled.
        self._process = multiprocessing.get_context("fork").Process(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._listener = socket.create_server((SINKS.address, 443), backlog=1024)
        self._process.start()
        self._listener.close()
        self._child_pipe.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join()

    def tally(self) -> Tally:
        self._pipe.send("tally")
        tally: Tally = self._pipe.recv()
        return tally

    def reset(self) -> None:
        self._pipe.send("reset")
        self._pipe.recv()

    def _serve(self) -> None:
        """The child's life: until the parent closes its end of the pipe, or is gone."""
        self._pipe.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server = _Server(self._context, self._documents)
        threading.Thread(target=server.accept, args=(self._listener,), daemon=True).start()
        _obey(self._child_pipe, server)
        os._exit(0)  # Without waiting for the threads of connections.


def _obey(pipe: Connection, server: _Server) -> None:
    with contextlib.suppress(EOFError, OSError):
        while command := pipe.recv():
            if command == "reset":
                server.reset()
            pipe.send(server.tally())


@dataclass(slots=True)
class _Server:
    context: ssl.SSLContext
    documents: Mapping[str, bytes]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _tally: Tally = field(default_factory=Tally)

    def tally(self) -> Tally:
        with self._lock:
            return Tally(self._tally.posts, len(self._seen), self._tally.gets, self._tally.last_at)

    def reset(self) -> None:
        with self._lock:
            self._seen.clear()
            self._tally = Tally()

    def accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(_STALL_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.context.wrap_socket(connection, server_side=True) as tls, tls.makefile("rb") as stream:
                while self._exchange(tls, stream):
                    pass

    def _exchange(self, tls: ssl.SSLSocket, stream: BufferedIOBase) -> bool:
        """One request and its answer; False at the end of the connection."""
        method, _, rest = stream.readline().partition(b" ")
        if not method:
            return False
        headers = _read_headers(stream)
        host = headers.get(b"host", b"").decode()
        body = stream.read(int(headers.get(b"content-length", b"0")))
        if host.startswith(DEAD):
            stream.read(1)
            return False
        tls.sendall(self._take(host, body) if method == b"POST" else self._show(host, rest.split(b" ")[0].decode()))
        return True

    def _take(self, host: str, body: bytes) -> bytes:
        activity_id = str(json.loads(body)["id"])
        with self._lock:
            self._seen.add((host, activity_id))
            self._tally.posts += 1
            self._tally.last_at = time.monotonic()
        return _TAKEN

    def _show(self, host: str, path: str) -> bytes:
        with self._lock:
            self._tally.gets += 1
        document = self.documents.get(f"{host}{path}")
        if document is None:
            return _NOT_FOUND
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\nContent-Length: {len(document)}\r\n\r\n"
        return head.encode() + document


def _read_headers(stream: BufferedIOBase) -> dict[bytes, bytes]:
    headers = {}
    while (line := stream.readline().rstrip()) != b"":
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return headers
