"""Whole frames from a server (RFC 6455, 5.2). They are not masked, so one serves every socket it is for."""

from __future__ import annotations

from enum import IntEnum

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage


class CloseCode(IntEnum):
    """Why a socket ends (RFC 6455, 7.4.1, and its registry at IANA)."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    TOKEN_ENDED = 4401  # Of our own: what HTTP says with 401 (contracts/punctum.md, 3.3).


def text_frame(text: str) -> bytes:
    return Connection(ConnectionType.SERVER).send(TextMessage(data=text))


def close_frame(code: int, reason: str) -> bytes:
    """A reason longer than 123 bytes is cut."""
    return Connection(ConnectionType.SERVER).send(CloseConnection(code=code, reason=reason))


PING_FRAME = Connection(ConnectionType.SERVER).send(Ping())
