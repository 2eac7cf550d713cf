"""Serving from a thread of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType
from typing import Self


class InThread:
    """What serves with a `_server` while it is entered; a subclass that needs more time opens it in `_open`."""

    _server: socketserver.TCPServer

    def __enter__(self) -> Self:
        self._open()
        name = type(self).__name__.lower()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name=name, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._close()

    def _open(self) -> None:
        """Before the first request."""

    def _close(self) -> None:
        """After the last one."""
