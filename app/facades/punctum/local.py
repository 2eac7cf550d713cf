"""The local socket (contracts/punctum.md, D-37): a Unix socket on which lines are what frames are on the client socket.

The first line is `{"auth_token": "…"}`. Each connection is carried to the client socket of this server and back, so
there are no rules here that could differ from those there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import load_object
from app.errors import AppError, UnauthenticatedError
from app.facades.punctum.api import PREFIX
from app.facades.punctum.problems import NoDataError
from app.facades.punctum.socket import PATH
from app.live.connection import MESSAGE_BYTES_MAX
from app.live.frames import CloseCode
from app.settings import Settings
from app.web.answers import explain

FIRST_LINE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 1.0
_SEND_SECONDS: Final = 10.0
_RECEIVE_BYTES: Final = 16 * 1024
_log = logging.getLogger(__name__)


def serve_local(settings: Settings) -> Callable[[], None]:
    """Serve it where the operator wants it, by one of this server's processes at a time; returns what ends that."""
    if settings.local_socket is None:
        return lambda: None
    served = _LocalSocket(settings.local_socket, _own_address(settings), PREFIX + PATH)
    served.start()
    return served.stop


def _own_address(settings: Settings) -> tuple[str, int]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bind[0], settings.bind[0])  # noqa: S104  Not bound here.
    return host, settings.port


class _LocalSocket:
    """Only who runs the server, or root, may connect: the file's mode is 0600."""

    def __init__(self, path: Path, server: tuple[str, int], target: str) -> None:
        self._path, self._server, self._target = path, server, target
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="local-socket", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._thread.join(2 * _WAIT_SECONDS)

    def _run(self) -> None:
        """Whichever process has the lock serves; when it ends, the lock is free for another."""
        while not self._is_stopped.wait(0):
            try:
                with self._path.with_name(self._path.name + ".lock").open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._serve()
            except BlockingIOError:
                pass
            except OSError:
                _log.exception("the local socket cannot be served")
            self._is_stopped.wait(_RETRY_SECONDS)

    def _serve(self) -> None:
        self._path.unlink(missing_ok=True)  # Of a process that was killed.
        with socket.socket(socket.AF_UNIX) as listening:
            os.fchmod(listening.fileno(), 0o600)
            listening.bind(str(self._path))
            listening.listen()
            listening.settimeout(_WAIT_SECONDS)
            try:
                while not self._is_stopped.is_set():
                    with suppress(TimeoutError):
                        client, _ = listening.accept()
                        threading.Thread(target=self._carry, args=[client], name="local-client", daemon=True).start()
            finally:
                self._path.unlink(missing_ok=True)

    def _carry(self, client: socket.socket) -> None:
        lines = _Lines(client)
        with client, suppress(OSError):
            try:
                token = _read_token(lines.first())
            except AppError as error:
                lines.write(_error(error))
                return
            with socket.create_connection(self._server, timeout=_SEND_SECONDS) as server:
                _Carrier(lines, server, f"{self._server[0]}:{self._server[1]}").carry(self._target, token)
            client.shutdown(socket.SHUT_RDWR)  # Which wakes whoever still reads its lines.


class _Lines:
    """Of one client. A line that is longer than a message may be ends the connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def first(self) -> bytes:
        """Raises UnauthenticatedError when it does not come in time."""
        self._sock.settimeout(FIRST_LINE_SECONDS)
        try:
            return next(self.all(is_patient=False), b"")
        except TimeoutError as error:
            raise UnauthenticatedError("Authentication required") from error
        finally:
            self._sock.settimeout(_SEND_SECONDS)

    def all(self, *, is_patient: bool = True) -> Iterator[bytes]:
        """Until there are no more. Raises TimeoutError unless it `is_patient`."""
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if found:
                self._buffer = rest
                yield line
                continue
            data = b""
            try:
                data = self._sock.recv(_RECEIVE_BYTES)
            except TimeoutError:
                if not is_patient:
                    raise
                continue
            if not data or len(self._buffer) > MESSAGE_BYTES_MAX:
                return
            self._buffer += data

    def write(self, line: bytes) -> None:
        self._sock.sendall(line + b"\n")


class _Carrier:
    """Between one client and the client socket, which it is a client of."""

    def __init__(self, lines: _Lines, server: socket.socket, host: str) -> None:
        self._lines, self._server, self._host = lines, server, host
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._lock = threading.Lock()
        self._frames: list[str] = []
        self._refusal = b""

    def carry(self, target: str, token: str) -> None:
        """Until either side ends it. A refusal is the first and last line."""
        bearer = [(b"Authorization", b"Bearer " + token.encode())]
        self._send(Request(host=self._host, target=target, extra_headers=bearer))
        while not self._server_is_done():
            pass

    def _server_is_done(self) -> bool:
        """Hand on what the server says next."""
        try:
            data = self._server.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return False
        self._protocol.receive_data(data or None)
        return not all(self._goes_on_after(event) for event in self._protocol.events()) or not data

    def _goes_on_after(self, event: Event) -> bool:
        match event:
            case AcceptConnection():
                threading.Thread(target=self._carry_lines, name="local-lines", daemon=True).start()
            case RejectConnection(has_body=has_body):
                return has_body
            case RejectData(data=data, body_finished=is_whole):
                self._refusal += data
                if is_whole:
                    self._lines.write(self._refusal)
                return not is_whole
            case TextMessage(data=text, message_finished=is_whole):
                self._frames.append(text)
                if is_whole:
                    self._lines.write("".join(self._frames).encode())
                    self._frames.clear()
            case Ping():
                self._send(event.response())
            case CloseConnection(code=code, reason=reason):
                self._say_goodbye(code, reason)
                return False
        return True

    def _carry_lines(self) -> None:
        with suppress(OSError, LocalProtocolError):  # Of which the latter says that the server has said goodbye.
            for line in self._lines.all():
                self._send(TextMessage(data=line.decode(errors="replace")))
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)

    def _say_goodbye(self, code: int, reason: str | None) -> None:
        if code == CloseCode.TOKEN_ENDED:
            self._lines.write(_error(UnauthenticatedError(reason or "The token ended.")))

    def _send(self, event: Event) -> None:
        """Both directions may, so one after the other."""
        with self._lock:
            self._server.sendall(self._protocol.send(event))


def _read_token(line: bytes) -> str:
    """Raises NoDataError, UnauthenticatedError."""
    try:
        token = load_object(line).get("auth_token")
    except MalformedDocumentError as error:
        raise NoDataError("The first line is a JSON object with an auth_token.") from error
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise UnauthenticatedError("Authentication required")
    return token


def _error(error: AppError) -> bytes:
    return msgspec.json.encode(explain(error))
