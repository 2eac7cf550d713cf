"""A verified TLS connection to one checked address, with a deadline on every wait."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import h11

from activitypub.addresses import Address, AddressPolicy
from activitypub.fetch.failures import Deadline, Reason, UnreachableError

T = TypeVar("T")

CONNECT_SECONDS: Final = 5.0
HANDSHAKE_SECONDS: Final = 5.0
_MAX_ATTEMPTS: Final = 3
_CHUNK: Final = 65536
_HOSTNAME_MISMATCH: Final = 62  # X509_V_ERR_HOSTNAME_MISMATCH


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Verification by the system's roots and a private CA's; there is no way to leave it out."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Connection:
    """One connection and the HTTP/1.1 state that lives as long as it does.

    The socket never blocks: each operation is tried, and then waited for no longer than the deadline has
    left. A socket timeout would not do, because gevent's starts anew with every byte of a TLS record.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._idle_since = 0.0
        self.http = h11.Connection(h11.CLIENT)
        self.is_reused = False

    def send(self, data: bytes, deadline: Deadline) -> None:
        view = memoryview(data)
        while view:
            rest = view
            view = rest[_drive(self._sock, partial(self._sock.write, rest), deadline) :]

    def receive(self, deadline: Deadline) -> bytes:
        """Whatever has arrived, or nothing at the end of the stream."""
        return _drive(self._sock, partial(self._sock.recv, _CHUNK), deadline)

    def rest(self) -> bool:
        """Get ready for another exchange, if this one ended so that there can be one."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        if self.http.trailing_data[0]:
            return False
        self.http.start_next_cycle()
        self.is_reused = True
        self._idle_since = time.monotonic()
        return True

    def is_usable(self, *, max_idle_seconds: float) -> bool:
        """Is it fresh and silent? An idle server has nothing to say but goodbye."""
        return self.idle_seconds < max_idle_seconds and not _is_ready(self._sock, select.POLLIN, 0)

    @property
    def idle_seconds(self) -> float:
        return time.monotonic() - self._idle_since

    def close(self) -> None:
        self._sock.close()


def connect(
    addresses: Sequence[Address],
    port: int,
    *,
    server_name: str,
    context: ssl.SSLContext,
    policy: AddressPolicy,
    deadline: Deadline,
) -> Connection:
    """Connect to the first of the addresses that takes it, and prove that it is the named server.

    Nothing here looks up a name: what was checked is what is connected to. Raises ``UnreachableError``,
    and ``BlockedAddressError`` for an address the policy does not permit.
    """
    sock = _connect_tcp(addresses[:_MAX_ATTEMPTS], port, policy, deadline)
    try:
        sock.setblocking(False)
        tls = context.wrap_socket(sock, server_hostname=server_name, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        _drive(tls, tls.do_handshake, deadline.within(HANDSHAKE_SECONDS))
    except OSError as error:
        tls.close()
        raise UnreachableError(f"no TLS with {server_name}: {error}", reason=_tls_reason(error)) from error
    except BaseException:
        tls.close()
        raise
    return Connection(tls)


def _connect_tcp(addresses: Sequence[Address], port: int, policy: AddressPolicy, deadline: Deadline) -> socket.socket:
    ends = deadline.within(CONNECT_SECONDS)
    failures = []
    for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        policy.check(address)
        try:
            return _open(address, port, ends.remaining() / untried)
        except OSError as error:
            failures.append(f"{address}: {error}")
    raise UnreachableError(f"no connection: {'; '.join(failures)}", reason=Reason.CONNECT)


def _open(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def _tls_reason(error: OSError) -> Reason:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _HOSTNAME_MISMATCH:
        return Reason.TLS_NAME
    return Reason.TLS


def _drive(sock: ssl.SSLSocket, operation: Callable[[], T], deadline: Deadline) -> T:
    """Try until it works, waiting in between for what TLS lacks. Raises ``UnreachableError``, ``OSError``."""
    while True:
        try:
            return operation()
        except ssl.SSLWantReadError:
            _is_ready(sock, select.POLLIN, deadline.remaining())
        except ssl.SSLWantWriteError:
            _is_ready(sock, select.POLLOUT, deadline.remaining())


def _is_ready(sock: ssl.SSLSocket, event: int, seconds: float) -> bool:
    poller = select.poll()
    poller.register(sock, event)
    return bool(poller.poll(seconds * 1000))
