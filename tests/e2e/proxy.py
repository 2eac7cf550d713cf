"""The reverse proxy in front of each server: takes TLS off and passes every byte on as it is."""

import contextlib
import selectors
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

from .hosts import Host

CHUNK_BYTES = 65_536
STALL_SECONDS = 60.0


class TlsProxy:
    """A TLS tunnel from port 443 of a test host to a loopback port; stopped, it plays a server that is down.

    It reads no HTTP: Host, bodies, streams and WebSockets go through untouched.
    """

    def __init__(self, host: Host, upstream_port: int, context: ssl.SSLContext) -> None:
        self.host = host
        self.upstream_port = upstream_port
        self._context = context
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._open: set[ssl.SSLSocket] = set()
        self._accepted = 0

    @property
    def accepted(self) -> int:
        """How many connections were taken so far, those without a server behind the proxy included."""
        return self._accepted

    def start(self) -> None:
        listener = socket.create_server((self.host.address, 443), backlog=512)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name=f"proxy {self.host.name}", daemon=True).start()

    def stop(self) -> None:
        """Refuse new connections and cut those that are open."""
        if self._listener is None:
            return
        # close() alone would leave a thread that is inside accept() waiting.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._lock:
            doomed = list(self._open)
        for connection in doomed:
            # The plain shutdown: that of SSLSocket would turn TLS off under the thread that reads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # stop() closed the listener.
            # The handshake waits for the connection's own thread; a slow client must not hold up the others.
            client = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with self._lock:
                self._open.add(client)
                self._accepted += 1
            threading.Thread(target=self._serve, args=(client, listener), daemon=True).start()

    def _serve(self, client: ssl.SSLSocket, listener: socket.socket) -> None:
        """One connection, from handshake to end; whatever breaks it ends it, as it would for real."""
        with client, contextlib.suppress(OSError):
            client.settimeout(STALL_SECONDS)
            client.do_handshake()
            if listener is self._listener:  # Otherwise stop() was faster.
                self._join_upstream(client)
        with self._lock:
            self._open.discard(client)

    def _join_upstream(self, client: ssl.SSLSocket) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream_port)) as upstream:
            upstream.settimeout(STALL_SECONDS)
            _tunnel(client, upstream)
            # Says that the stream is complete; a body that ends with the connection needs it.
            client.unwrap()


def _tunnel(client: ssl.SSLSocket, upstream: socket.socket) -> None:
    """Pass bytes both ways until one side ends, in one thread: OpenSSL allows no more on a connection."""
    client.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ)
        selector.register(upstream, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                is_open = _pass_up(client, upstream) if key.fileobj is client else _pass_down(upstream, client)
                if not is_open:
                    return


def _pass_up(client: ssl.SSLSocket, upstream: socket.socket) -> bool:
    """False at the end of the client's stream."""
    while True:
        try:
            data = client.recv(CHUNK_BYTES)
        except ssl.SSLWantReadError:
            return True
        if not data:
            return False
        upstream.sendall(data)


def _pass_down(upstream: socket.socket, client: ssl.SSLSocket) -> bool:
    """False at the end of the server's stream."""
    data = upstream.recv(CHUNK_BYTES)
    view = memoryview(data)
    while view:
        try:
            view = view[client.send(view) :]
        except ssl.SSLWantWriteError:
            _wait_writable(client)
    return bool(data)


def _wait_writable(client: ssl.SSLSocket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_WRITE)
        if not selector.select(STALL_SECONDS):
            raise TimeoutError("the client stopped reading")
