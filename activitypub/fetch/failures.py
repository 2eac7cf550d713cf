"""Why a server could not be asked, and how long one exchange may take."""

from __future__ import annotations

import time
from enum import StrEnum

from activitypub.errors import FetchError


class Reason(StrEnum):
    """What stood between us and an answer; the host's life-cycle is judged by it."""

    NO_SUCH_HOST = "no_such_host"  # the name service says the name does not exist
    DNS = "dns"  # the name service did not answer
    CONNECT = "connect"  # nothing took the connection
    TLS_NAME = "tls_name"  # the certificate is for another name
    TLS = "tls"  # expired, unknown issuer, too old a protocol, handshake cut off
    TIMEOUT = "timeout"  # the time for the whole exchange is over
    EXCHANGE = "exchange"  # cut off after the handshake, or not HTTP


class UnreachableError(FetchError):
    """There was no usable answer; always temporary, ``reason`` says at which step it ended."""

    code = "unreachable"
    public = "The remote server could not be reached."

    def __init__(self, detail: str, *, reason: Reason) -> None:
        super().__init__(detail)
        self.reason = reason


class StaleConnectionError(UnreachableError):
    """A kept connection turned out closed before it carried a byte of the answer: a new one may work."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, reason=Reason.EXCHANGE)


class Deadline:
    """A point in time that bounds everything between a request and the last byte of its answer."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never zero. Raises ``UnreachableError`` once there are none."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise UnreachableError("the time for the exchange is over", reason=Reason.TIMEOUT)
        return seconds

    def within(self, seconds: float) -> Deadline:
        """This deadline, or one that many seconds from now if that is sooner."""
        return Deadline(min(seconds, self.remaining()))
