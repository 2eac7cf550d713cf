"""A member's socket that is opened again whenever it ends, and remembers which connection told it what."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote

import websocket

from tests.faults.person import Person

_TICK_SECONDS = 0.5
_AGAIN_SECONDS = 0.5


@dataclass(slots=True)
class Connection:
    """`told` are the first words of new messages, in the order they came, duplicates included."""

    opened_at: float
    closed_at: float | None = None
    told: list[str] = field(default_factory=list)


class Listener:
    """Runs from entering to leaving the context."""

    def __init__(self, person: Person, port: int) -> None:
        self.host = person.host
        self.connections: list[Connection] = []
        self._person = person
        self._port = port
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listener {self.host}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closing.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._is_closing.is_set():
            with contextlib.suppress(websocket.WebSocketException, OSError):
                self._listen()
            self._is_closing.wait(_AGAIN_SECONDS)

    def _listen(self) -> None:
        url = f"ws://127.0.0.1:{self._port}/ws?auth_token={quote(self._person.token)}"
        socket = websocket.create_connection(url, timeout=10, host=self.host)
        # From its answer on it is told of everything.
        socket.send(json.dumps({"type": "ping"}))
        socket.recv()
        connection = Connection(time.monotonic())
        self.connections.append(connection)
        socket.settimeout(_TICK_SECONDS)
        try:
            while not self._is_closing.is_set():
                with contextlib.suppress(websocket.WebSocketTimeoutException):
                    self._keep(connection, socket.recv())
        finally:
            connection.closed_at = time.monotonic()
            socket.shutdown()  # type: ignore[no-untyped-call]

    def _keep(self, connection: Connection, text: str | bytes) -> None:
        if not text:
            raise websocket.WebSocketConnectionClosedException("the server closed")
        event = json.loads(text)
        if event.get("type") in {"message", "direct_message"}:
            connection.told.append(str(event["message"]).partition(" ")[0])
