"""The URL guard: a URL, what DNS says of each host, and what each server answers, to whatever may be connected to."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Any, cast
from unittest import mock
from urllib.parse import urlsplit

import h11
import ssrfguard

from activitypub.addresses import Address, AddressPolicy
from activitypub.errors import ActivityPubError, FetchError
from activitypub.fetch import Document, GuardedClient, Response
from activitypub.fetch.connection import Connection
from activitypub.uris import is_canonical
from tests.fuzz.shared import json_values, strings
from tests.fuzz.target import Target

_EXTRA_PORT = 8443
_MAX_BYTES = 2048
_MAX_ADDRESSES = 4
# A document is asked for at two ids, each time with three redirects.
_MAX_REQUESTS = 8
# Made and looked over by other people than our own table.
_ORACLE = ssrfguard.Policy()
# A descriptor on which nothing ever arrives, as on an idle connection.
_SILENT = os.pipe()[0]
_HOST = re.compile(r"[a-z0-9.-]+")


def check(data: bytes) -> None:
    """Everything raised is one of the declared errors, and nothing denied is connected to, whatever redirects say.

    Parts are set apart by a NUL: the URL, the addresses that names lead to, then one part for each answer in turn.
    """
    url, names, *answers = [*data.decode("latin-1").split("\0"), ""][: 2 + _MAX_REQUESTS]
    world = _World(_addresses(names), [answer.encode("latin-1") for answer in answers])
    for read in (_get, _get_document):
        world.begin()
        # A context costs 25 ms, and there is nobody to shake hands with.
        with mock.patch.multiple("activitypub.fetch.client", connect=world.connect, tls_context=_no_context):
            client = GuardedClient(
                policy=AddressPolicy(),
                ca_file=None,
                user_agent="fuzz",
                extra_ports=frozenset({_EXTRA_PORT}),
                resolver=world.resolve,
            )
            read(client, _utf8(url))
            client.close()
        world.check_sent()


def _no_context(_ca_file: object) -> None:
    """Nothing is encrypted here."""


def _get(client: GuardedClient, url: str) -> None:
    try:
        response: Response = client.get(url, max_bytes=_MAX_BYTES)
    except FetchError:
        return
    assert len(response.body) <= _MAX_BYTES
    assert response.url.startswith("https://")


def _get_document(client: GuardedClient, url: str) -> None:
    try:
        document: Document = client.get_document(url)
    except ActivityPubError:
        return
    assert is_canonical(document.uri)
    assert urlsplit(document.uri).netloc == urlsplit(document.url).netloc


@dataclass
class _World:
    """Names and servers as the input has them, in place of the network."""

    addresses: list[Address]
    answers: list[bytes]
    asked: list[str] = field(default_factory=list)
    wires: list[_Wire] = field(default_factory=list)

    def begin(self) -> None:
        self.asked.clear()
        self.wires.clear()

    def resolve(self, host: str, port: int) -> list[Address]:
        """Only whole names are looked up: what a resolver takes for an address never gets that far."""
        assert _HOST.fullmatch(host)
        assert not _is_address(host)
        assert port in {443, _EXTRA_PORT}
        self.asked.append(host)
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses

    def connect(
        self, addresses: Sequence[Address], port: int, *, server_name: str, policy: AddressPolicy, **_: Any
    ) -> Connection:
        assert addresses
        for address in addresses:
            policy.check(address)
            assert _ORACLE.permits_address(address), address
        assert server_name == self.asked[-1]
        answers = iter(self.answers[len(self.wires) :])
        self.wires.append(_Wire(server_name, port, answers))
        # The one thing Connection asks of a socket is what _Wire has.
        return Connection(cast("Any", self.wires[-1]))

    def check_sent(self) -> None:
        """Another reader of HTTP finds whole requests on every wire, to the host that was looked up."""
        assert len(self.asked) <= _MAX_REQUESTS
        for wire in self.wires:
            for request in _requests(bytes(wire.sent)):
                hosts = [value.decode() for name, value in request.headers if name == b"host"]
                assert hosts == [wire.host if wire.port == 443 else f"{wire.host}:{wire.port}"]
                assert request.method == b"GET"
                assert request.target.startswith(b"/")


@dataclass
class _Wire:
    """A TLS socket whose other end says what the input says, in pieces, and then closes."""

    host: str
    port: int
    answers: Iterator[bytes]
    sent: bytearray = field(default_factory=bytearray)
    unread: bytes = b""

    def write(self, data: memoryview) -> int:
        self.sent += data
        self.unread += next(self.answers, b"")
        return len(data)

    def recv(self, size: int) -> bytes:
        piece, self.unread = self.unread[: min(size, 700)], self.unread[min(size, 700) :]
        return piece

    def fileno(self) -> int:
        return _SILENT

    def close(self) -> None:
        self.unread = b""


def _requests(sent: bytes) -> Iterator[h11.Request]:
    while sent:
        server = h11.Connection(h11.SERVER)
        server.receive_data(sent)
        request = server.next_event()
        assert isinstance(request, h11.Request)
        assert isinstance(server.next_event(), h11.EndOfMessage)
        yield request
        sent = server.trailing_data[0]


def _addresses(names: str) -> list[Address]:
    found: list[Address] = []
    for word in names.split()[:_MAX_ADDRESSES]:
        try:
            found.append(ip_address(word))
        except ValueError:
            continue
    return found


def _is_address(host: str) -> bool:
    """By the resolver's own reading, which takes 0x7f.1 for 127.0.0.1."""
    for read in (socket.inet_aton, partial(socket.inet_pton, socket.AF_INET6)):
        try:
            read(host)
        except OSError:
            continue
        return True
    return False


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")


def _seeds() -> Iterator[bytes]:
    public, inside = "93.184.215.14", "127.0.0.1 93.184.215.14"
    for name in ("ssrf-urls/payload-urls.json", "ssrf-urls/wpt-urltestdata.json"):
        for url in (text for value in json_values(name) for text in strings(value) if ":" in text):
            plain = url.encode("utf-8", "replace").decode("latin-1").replace("\0", "")
            yield f"{plain}\0{public}\0HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".encode("latin-1")
            moved = f"HTTP/1.1 302 Found\r\nLocation: {plain}\r\nContent-Length: 0\r\n\r\n"
            yield f"https://good.test/x\0{inside}\0{moved}\0HTTP/1.1 204 No\r\n\r\n".encode("latin-1")


TARGET = Target("urls", check, _seeds)
