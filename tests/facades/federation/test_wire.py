"""Requests as they are on the wire of a real server: what gunicorn makes of them must be what was signed."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import trustme
import urllib3
from sqlalchemy import func, select

from activitypub.signatures import HttpRequest
from app.db import Database
from app.models import InboxItem
from tests.activitypub.conftest import authority, ca_file
from tests.activitypub.peer import Peer, document, server_context
from tests.e2e.hosts import Host, HostsUnavailableError, ensure_hosts
from tests.e2e.processes import ManagedProcess, free_port
from tests.e2e.waiting import eventually
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import ACTIVITY_JSON
from tests.facades.federation.remote import RemoteActor

__all__ = ["authority", "ca_file"]

pytestmark = pytest.mark.e2e

HOME = Host("zoe.shoal.test", "127.0.0.36")
ZOE = RemoteActor(f"{HOME.origin}/users/zoe")
NUMBERS = count()
Lines = tuple[tuple[str, str], ...]


class WireServer:
    """`shoal serve`, spoken to in bytes, and its database."""

    def __init__(self, port: int, database: Database) -> None:
        self.port, self.database = port, database

    def status(self, request: HttpRequest, *more: tuple[str, str], target: str | None = None) -> int:
        """What is answered to exactly these lines; `target` takes the place of the request's own."""
        framing = (("Content-Type", ACTIVITY_JSON), ("Content-Length", str(len(request.body))), ("Connection", "close"))
        head = f"{request.method} {target or request.target} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in (*request.headers, *framing, *more))
        return self.send(f"{head}\r\n".encode("latin-1") + request.body)

    def send(self, raw: bytes) -> int:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(raw)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return int(answer.split(b" ", 2)[1])

    def accepted(self) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(InboxItem)) or 0


@pytest.fixture(scope="module")
def home(authority: trustme.CA) -> Iterator[None]:
    """Where she and her key are found."""
    try:
        ensure_hosts((HOME,))
    except HostsUnavailableError as error:
        pytest.skip(f"no test host names: {error}")
    peer = Peer(HOME.address, server_context(authority, HOME.name), 443)
    peer.routes["/users/zoe"] = document(ZOE.document)
    yield
    peer.stop()


@pytest.fixture(scope="module")
def wire_server(home: None, ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireServer]:
    folder = tmp_path_factory.mktemp("wire")
    port, data = free_port(), folder / "data"
    data.mkdir()
    process = ManagedProcess(
        [Path(sys.executable).parent / "shoal", "serve"],
        log=folder / "log",
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(data),
            "PORT": str(port),
            "SHOAL_ORIGIN": ORIGIN,
            "SHOAL_SECRET_KEY": "s" * 32,
            "SHOAL_DATA": str(data),
            "SHOAL_ALLOW_NETWORKS": f"{HOME.address}/32",
            "SHOAL_CA_FILE": str(ca_file),
        },
        folder=folder,
    )
    process.start()
    try:
        eventually(lambda: is_up(process, port), timeout_seconds=60, what="the server is up")
        database = Database(f"sqlite:///{data}/shoal.db")
        yield WireServer(port, database)
        database.engine.dispose()
        process.stop(within_seconds=10)
    finally:
        process.kill()


def is_up(process: ManagedProcess, port: int) -> bool:
    process.check_running()
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", timeout=2, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def signed(path: str = "/ap/inbox", **odd: object) -> HttpRequest:
    """A request that is accepted, but for what is odd about it."""
    return ZOE.post(ZOE.activity("Follow", f"{ORIGIN}/ap/instance", number=next(NUMBERS)), path, **odd)


@pytest.mark.parametrize(
    "target",
    ["/ap/inbox", "/ap/inbox?x=1", "/ap/inbox?", "/ap/%69nbox", "//ap/inbox", "/ap/inbox?a=%2F&b=%C3", "/ap/inbox#x"],
)
def test_the_target_is_verified_as_it_was_written(wire_server: WireServer, target: str) -> None:
    before = wire_server.accepted()

    assert wire_server.status(signed(target)) == 202
    assert wire_server.accepted() == before + 1
    if target != "/ap/inbox":
        assert wire_server.status(signed("/ap/inbox"), target=target) == 401
        assert wire_server.status(signed(target), target="/ap/inbox") == 401
    assert wire_server.accepted() == before + 1


@pytest.mark.parametrize(
    ("target", "statuses"),
    [
        ("/ap//inbox", {404}),
        ("/ap/inbox%0aDate:%20x", {404}),
        ("/ap/./inbox", {404}),
        ("/x/../ap/inbox", {404}),
        # Whole URLs are for proxies, and no server that signs writes one.
        (f"{ORIGIN}/ap/inbox", {400, 401}),
        ("http://other.test/ap/inbox", {400, 401}),
        ("ap/inbox", {400, 401, 404}),
        ("*", {400, 404}),
    ],
)
def test_another_spelling_of_the_target_is_another_target(
    wire_server: WireServer, target: str, statuses: set[int]
) -> None:
    before = wire_server.accepted()

    assert wire_server.status(signed("/ap/inbox"), target=target) in statuses
    assert wire_server.status(signed(target)) in statuses
    assert wire_server.accepted() == before


def test_a_header_that_comes_twice_is_refused(wire_server: WireServer) -> None:
    """WSGI has one value for each name, into which gunicorn joins the lines."""
    before = wire_server.accepted()
    good, other = signed(), signed("/ap/other")
    signature = good.get("signature")
    without = tuple(line for line in good.headers if line[0] != "Signature")

    for lines in (
        [("Signature", signature), ("Signature", signature)],
        [("Signature", signature), ("Signature", other.get("signature"))],
        [("Signature", other.get("signature")), ("Signature", signature)],
        [("signature", "nonsense"), ("SIGNATURE", signature)],
    ):
        assert wire_server.status(HttpRequest("POST", good.target, (*without, *lines), good.body)) in {400, 401}
    for name in ("Date", "Digest", "Host"):
        assert wire_server.status(good, (name, good.get(name.lower()))) in {400, 401}
        assert wire_server.status(good, (name, "other.test")) in {400, 401}
    assert wire_server.accepted() == before
    assert wire_server.status(good) == 202


def test_two_rfc_9421_signatures_are_refused_however_they_come(wire_server: WireServer) -> None:
    before = wire_server.accepted()
    good = ZOE.post_rfc9421(ZOE.activity("Follow", f"{ORIGIN}/ap/instance", number=next(NUMBERS)))
    inputs, signature = good.get("signature-input"), good.get("signature")

    for label in ("sig1", "sig2"):
        more = (
            ("Signature-Input", inputs.replace("sig1", label)),
            ("Signature", signature.replace("sig1", label)),
        )
        assert wire_server.status(good, *more) == 401
    assert wire_server.accepted() == before
    assert wire_server.status(good) == 202


def test_names_and_lines_that_pass_for_others_are_not_read(wire_server: WireServer) -> None:
    before = wire_server.accepted()
    good = signed()
    disguised = tuple(("Signa_ture" if name == "Signature" else name, value) for name, value in good.headers)
    folded = tuple((name, value.replace(",headers", ",\r\n headers")) for name, value in good.headers)
    spaced = tuple(("Signature " if name == "Signature" else name, value) for name, value in good.headers)

    for lines in (disguised, folded, spaced):
        assert wire_server.status(HttpRequest("POST", good.target, lines, good.body)) in {400, 401}
    assert wire_server.accepted() == before
    # A name with an underscore is dropped before it can become another's.
    assert wire_server.status(good, ("Signature_Input", 'sig1=("@method")')) == 202


def test_a_body_may_come_in_chunks_and_no_longer_than_a_mebibyte(wire_server: WireServer) -> None:
    before = wire_server.accepted()
    good = signed()
    long = ZOE.post(b" " * (2**20 + 1))
    only_announced = f"POST /ap/inbox HTTP/1.1\r\nHost: chat.example\r\nContent-Type: {ACTIVITY_JSON}\r\n"

    def chunked(request: HttpRequest) -> int:
        lines = (*request.headers, ("Content-Type", ACTIVITY_JSON), ("Transfer-Encoding", "chunked"))
        head = "POST /ap/inbox HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        half = len(request.body) // 2
        parts = [request.body[:half], request.body[half:], b""]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        return wire_server.send(f"{head}Connection: close\r\n\r\n".encode("latin-1") + body)

    assert chunked(good) == 202
    assert chunked(long) == 413
    assert wire_server.send(f"{only_announced}Content-Length: {2**20 + 1}\r\nConnection: close\r\n\r\n".encode()) == 413
    assert wire_server.accepted() == before + 1


def test_a_head_request_gets_no_body(wire_server: WireServer) -> None:
    url = f"http://127.0.0.1:{wire_server.port}/ap/instance"

    head = urllib3.request("HEAD", url, headers={"Accept": ACTIVITY_JSON}, timeout=5)
    whole = urllib3.request("GET", url, headers={"Accept": ACTIVITY_JSON}, timeout=5)
    again = urllib3.request("GET", url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=5)

    assert (head.status, head.data, head.headers["ETag"]) == (200, b"", whole.headers["ETag"])
    assert int(head.headers["Content-Length"]) == len(whole.data)
    assert (again.status, again.data) == (304, b"")
    assert whole.json()["id"] == f"{ORIGIN}/ap/instance"
