"""A TCP proxy that misbehaves on demand: it delays, stalls, cuts, refuses, drops and reorders connections."""

import contextlib
import random
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536
# Closing with this sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """From a free loopback port to `upstream`. Faults hold until `heal`; `cut` is over at once.

    What is stalled is not lost: like TCP over a link that comes back, it arrives late.
    """

    def __init__(self, upstream_port: int, rng: random.Random) -> None:
        self._upstream_port = upstream_port
        self._rng = rng
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._flows = threading.Event()
        self.heal()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name=f"fault proxy {self.port}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self.cut()

    def heal(self) -> None:
        self._delay_seconds = 0.0
        self._is_refusing = False
        self._drop_share = 0.0
        self._longest_hold_seconds = 0.0
        self._flows.set()

    def delay(self, seconds: float) -> None:
        """Each piece of data, in either direction, is that late."""
        self._delay_seconds = seconds

    def stall(self) -> None:
        """Nothing passes, old connections and new ones stay open: a half-open link, a partition."""
        self._flows.clear()

    def refuse(self) -> None:
        """New connections end at once and the open ones are reset."""
        self._is_refusing = True
        self.cut()

    def drop(self, share: float) -> None:
        """That share of new connections is reset after some bytes of the answer."""
        self._drop_share = share

    def reorder(self, longest_hold_seconds: float) -> None:
        """Each new connection waits for a random time, so that later ones overtake it."""
        self._longest_hold_seconds = longest_hold_seconds

    def cut(self) -> None:
        """Reset every open connection."""
        with self._lock:
            doomed = list(self._pairs)
        for pair in doomed:
            for end in pair:
                _reset(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # The proxy was closed.
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._is_refusing:
            return _reset(client)
        self._flows.wait()
        time.sleep(self._rng.uniform(0, self._longest_hold_seconds))
        is_dropped = self._rng.random() < self._drop_share
        try:
            upstream = socket.create_connection(("127.0.0.1", self._upstream_port), timeout=5)
        except OSError:
            return _reset(client)
        upstream.settimeout(None)
        pair = (client, upstream)
        with self._lock:
            self._pairs.add(pair)
        allowance = self._rng.randrange(1, 400) if is_dropped else None
        up = threading.Thread(target=self._pump, args=(client, upstream, None), daemon=True)
        up.start()
        self._pump(upstream, client, allowance)
        up.join()
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            end.close()
        return None

    def _pump(self, source: socket.socket, sink: socket.socket, allowance: int | None) -> None:
        """Pass on until the end of `source`; with an allowance, only so many bytes and then a reset."""
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                self._flows.wait()
                if self._delay_seconds:
                    time.sleep(self._delay_seconds)
                sink.sendall(data[:allowance])
                if allowance is not None:
                    _reset(sink)
                    _reset(source)
                    return
            sink.shutdown(socket.SHUT_WR)
            return
        _reset(sink)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # shutdown() wakes the thread that reads; the close after it is what sends the RST.
        end.shutdown(socket.SHUT_RD)
        end.close()
