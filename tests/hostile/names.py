"""The name service of the server under test, which obeys the case and keeps a record of who connects where."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.e2e.serving import InThread

STUCK_SECONDS: Final = 12
"""Longer than anybody waits for the name service."""


class Names(InThread):
    """Every name under .test is the remote's, unless a case says otherwise; nothing else exists."""

    def __init__(self, path: Path, *, remote_address: str, fixed: Mapping[str, str]) -> None:
        self.path = path
        self._remote_address = remote_address
        self._fixed = dict(fixed)
        self._scripts: dict[str, list[list[str]]] = {}
        self._stuck: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._connects: list[tuple[str, int]] = []
        self._lookups: list[str] = []
        self._server = _Server(str(path), self)

    def _close(self) -> None:
        self.path.unlink(missing_ok=True)

    def script(self, fixture: Mapping[str, Any]) -> None:
        """Have each name answered so until `forget`: all addresses at once, one answer after the other, or, with those
        that begin with it, when nobody waits any more."""
        mode = fixture.get("mode")
        answers = {name: addresses for name, addresses in fixture.items() if name != "mode"}
        with self._lock:
            self._stuck = tuple(answers) if mode == "stuck" else ()
            if mode == "stuck":
                return
            for name, addresses in answers.items():
                self._scripts[name] = [[one] for one in addresses] if mode == "sequence" else [list(addresses)]

    def forget(self) -> None:
        """Begin a new record, without scripts."""
        with self._lock:
            self._scripts.clear()
            self._stuck = ()
            self._connects.clear()
            self._lookups.clear()

    @property
    def connects(self) -> Sequence[tuple[str, int]]:
        """Every address that a process of the server tried to connect to, since `forget`."""
        with self._lock:
            return list(self._connects)

    @property
    def lookups(self) -> Sequence[str]:
        with self._lock:
            return list(self._lookups)

    def answer(self, question: Mapping[str, Any]) -> object:
        with self._lock:
            if "connect" in question:
                self._connects.append((question["connect"], question["port"]))
                return None
            name = str(question["name"]).lower()
            self._lookups.append(name)
            is_stuck = bool(self._stuck) and name.startswith(self._stuck)
            addresses = self._addresses(name)
        if is_stuck:
            time.sleep(STUCK_SECONDS)
        return addresses

    def _addresses(self, name: str) -> list[str]:
        answers = self._scripts.get(name)
        if answers:
            return answers.pop(0) if len(answers) > 1 else answers[0]
        if name in self._fixed:
            return [self._fixed[name]]
        return [self._remote_address] if name.rstrip(".").endswith(".test") else []


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, path: str, names: Names) -> None:
        self.names = names
        super().__init__(path, _Question)


class _Question(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        self.wfile.write(json.dumps(server.names.answer(json.loads(self.rfile.readline()))).encode())
