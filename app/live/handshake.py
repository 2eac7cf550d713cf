"""The opening handshake: what must be refused before flask-sock answers 101 (RFC 6455, 4.2.1)."""

from __future__ import annotations

import binascii
import socket
from base64 import b64decode
from contextlib import suppress
from typing import Any

import h11
from wsproto import ConnectionType, WSConnection
from wsproto.utilities import RemoteProtocolError

from app.errors import InvalidInputError

BEARER = "bearer"
"""The subprotocol by which a browser, which can set no header, gives a token."""

_EXTENSIONS = "HTTP_SEC_WEBSOCKET_EXTENSIONS"
_SUBPROTOCOLS = "HTTP_SEC_WEBSOCKET_PROTOCOL"
_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


class HandshakeSocket:
    """What simple-websocket writes its 101 to. A client that is gone by then is not an error: the reader will see."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def send(self, data: bytes) -> None:
        with suppress(OSError):
            self.sock.sendall(data)


def find_bearer(environ: dict[str, Any]) -> str | None:
    """The token in `Sec-WebSocket-Protocol: bearer, <token>`."""
    scheme, _, token = environ.get(_SUBPROTOCOLS, "").partition(",")
    return token.strip() or None if scheme.strip() == BEARER else None


def prepare_upgrade(environ: dict[str, Any], *, takes_bearer: bool = False) -> None:
    """Check the request in `environ`, and change it into one that simple-websocket answers well.

    The subprotocol of tokens is accepted where the route `takes_bearer`, and no other anywhere.
    It would answer a bad request with 500, and accept every permessage-deflate, which costs 137 KB a socket and lets
    64 KB become 64 MB. Raises InvalidInputError.
    """
    _check_upgrade(environ)
    environ.pop(_EXTENSIONS, None)
    if not takes_bearer:
        environ.pop(_SUBPROTOCOLS, None)
    for name in _SOCKETS:
        if name in environ:
            environ[name] = HandshakeSocket(environ[name])


def _check_upgrade(environ: dict[str, Any]) -> None:
    if environ["REQUEST_METHOD"] != "GET":
        raise InvalidInputError("A socket is opened with GET.")
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0":  # Where nothing says that a hop between passes an upgrade on.
        raise InvalidInputError("A socket is opened with HTTP/1.1.")
    if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:
        raise InvalidInputError("A request for a socket has no body.")  # It would be read as frames.
    if not _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        raise InvalidInputError("Sec-WebSocket-Key must be 16 bytes in base64.")
    _check_as_the_library_will(environ)


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text.strip(), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _check_as_the_library_will(environ: dict[str, Any]) -> None:
    headers = [
        (name[5:].replace("_", "-").encode(), value.encode())
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    try:
        WSConnection(ConnectionType.SERVER).initiate_upgrade_connection(headers, "/")
    except (RemoteProtocolError, h11.ProtocolError, UnicodeError) as error:
        raise InvalidInputError("This is not a request for a WebSocket, version 13.") from error
