"""A WebSocket that collects what the server pushes."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import websocket

HANDSHAKE_SECONDS = 20
TICK_SECONDS = 0.2
CLOSE_SECONDS = 2

Event = dict[str, Any]


class LiveSocket:
    """An open socket with a reader thread; it keeps every JSON event, oldest first."""

    def __init__(self, url: str, *, ca_file: Path) -> None:
        self._socket = websocket.create_connection(url, timeout=HANDSHAKE_SECONDS, sslopt={"ca_certs": str(ca_file)})
        self._socket.settimeout(TICK_SECONDS)
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._is_closed = False
        self._reader = threading.Thread(target=self._read, name="live socket", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def events(self) -> list[Event]:
        """All that came so far."""
        with self._changed:
            return list(self._events)

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def send(self, event: Event) -> None:
        self._socket.send(json.dumps(event))

    def wait_for(self, predicate: Callable[[Event], bool], *, timeout_seconds: float = 20) -> Event:
        """The first event, past or to come, that `predicate` holds for; AssertionError if none is in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while True:
                for event in self._events:
                    if predicate(event):
                        return event
                left = deadline - time.monotonic()
                if left <= 0 or self._is_closed:
                    state = "closed" if self._is_closed else "open"
                    raise AssertionError(f"no such event in {timeout_seconds} s, socket {state}: {self._events!r}")
                self._changed.wait(left)

    def close(self) -> None:
        self._closing.set()
        self._reader.join(timeout=HANDSHAKE_SECONDS)

    def _read(self) -> None:
        """Runs until either side closes, and then closes itself: TLS is not for two readers at once."""
        with contextlib.suppress(websocket.WebSocketException, OSError):
            while not self._closing.is_set():
                text = self._receive()
                if text is not None:
                    self._keep(json.loads(text))
            self._socket.close(timeout=CLOSE_SECONDS)
        # Where the server closed first, close() returned at once and left the connection open.
        self._socket.shutdown()  # type: ignore[no-untyped-call]
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _receive(self) -> str | bytes | None:
        """The next message, or None after a tick of silence; a frame that is half in stays in the buffer."""
        try:
            text = self._socket.recv()
        except websocket.WebSocketTimeoutException:
            return None
        if not text:
            raise websocket.WebSocketConnectionClosedException("the server closed")
        return text

    def _keep(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()
