"""The harness by itself: proxy, databases and Fedify peer do what the other tests rely on, without Shoal."""

import hashlib
import http.server
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
import urllib3
import wsproto
from wsproto.events import AcceptConnection, CloseConnection, TextMessage

from . import hosts
from .conftest import Watch
from .fedify_peer import FedifyPeer
from .hosts import Host, HostsUnavailableError
from .live import LiveSocket
from .postgres import PostgresCluster
from .processes import ManagedProcess
from .proxy import TlsProxy
from .tls import CertificateAuthority
from .valkey import ValkeyServer
from .waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers a POST with its Host header and a digest of its body, and a GET with a megabyte."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(f"{self.headers['Host']} {hashlib.sha256(body).hexdigest()}".encode())

    def do_GET(self) -> None:
        self._answer(b"x" * 1_048_576)

    def log_message(self, *_: object) -> None:
        """Quiet: pytest shows what matters."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def echo_port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def trusting(authority: CertificateAuthority) -> Iterator[urllib3.PoolManager]:
    """A client that trusts the private CA and nobody else."""
    with urllib3.PoolManager(ca_certs=str(authority.pem), retries=False, timeout=10) as pool:
        yield pool


@pytest.fixture
def echo_proxy(authority: CertificateAuthority, echo_port: int) -> Iterator[TlsProxy]:
    with TlsProxy(hosts.OTHER_FEDIFY, echo_port, authority.server_context(hosts.OTHER_FEDIFY)) as proxy:
        yield proxy


def test_proxy_leaves_host_and_body_alone(echo_proxy: TlsProxy, trusting: urllib3.PoolManager) -> None:
    body = os.urandom(3_000_000)

    answer = trusting.request("POST", f"{echo_proxy.host.origin}/", body=body)

    assert answer.data.decode() == f"{echo_proxy.host.name} {hashlib.sha256(body).hexdigest()}"


def test_proxy_serves_many_at_once(echo_proxy: TlsProxy, authority: CertificateAuthority) -> None:
    with urllib3.PoolManager(ca_certs=str(authority.pem), maxsize=20, retries=False) as pool:
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(len(pool.request("GET", echo_proxy.host.origin).data)))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert answers == [1_048_576] * 20


def test_certificate_is_refused_without_the_private_ca(echo_proxy: TlsProxy) -> None:
    with pytest.raises(urllib3.exceptions.SSLError):
        urllib3.request("GET", echo_proxy.host.origin, retries=False)


def test_stopped_proxy_refuses_and_cuts_and_comes_back(echo_proxy: TlsProxy, authority: CertificateAuthority) -> None:
    context = ssl.create_default_context(cafile=str(authority.pem))
    host = echo_proxy.host
    plain = socket.create_connection((host.address, 443), timeout=10)
    with context.wrap_socket(plain, server_hostname=host.name) as open_connection:
        eventually(lambda: echo_proxy.accepted == 1)

        echo_proxy.stop()

        assert _ends(open_connection)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.address, 443), timeout=10)
    echo_proxy.start()
    with urllib3.PoolManager(ca_certs=str(authority.pem), retries=False) as pool:
        assert pool.request("GET", host.origin).status == 200


def test_proxy_without_a_server_behind_it_ends_the_connection(
    echo_proxy: TlsProxy, trusting: urllib3.PoolManager
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        echo_proxy.upstream_port = unused.getsockname()[1]

        with pytest.raises(urllib3.exceptions.ProtocolError):
            trusting.request("GET", echo_proxy.host.origin)

    assert echo_proxy.accepted == 1


def test_live_socket_collects_events_through_the_proxy(authority: CertificateAuthority) -> None:
    host = hosts.OTHER_FEDIFY
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_push_two_events, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        with (
            TlsProxy(host, port, authority.server_context(host)),
            LiveSocket(f"wss://{host.name}/ws?auth_token=t", ca_file=authority.pem) as live,
        ):
            event = live.wait_for(lambda event: event["number"] == 2)

            assert event == {"number": 2, "text": "ünï"}
            assert [event["number"] for event in live.events] == [1, 2]
            eventually(lambda: live.is_closed, what="the socket notices that the server closed")
            with pytest.raises(AssertionError, match="socket closed"):
                live.wait_for(lambda event: event["number"] == 3)


def test_hosts_file_gets_only_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost")

    # The name resolves nowhere, so the line is written, and found not to help.
    with pytest.raises(HostsUnavailableError, match="does not resolve"):
        hosts.ensure_hosts((Host("nobody.shoal.test", "127.0.0.29"),), hosts_file=file)
    hosts.ensure_hosts((Host("localhost", "127.0.0.1"),), hosts_file=file)

    assert file.read_text() == "127.0.0.1 localhost\n127.0.0.29 nobody.shoal.test\n"


def test_postgres_commits_survive_a_restart(postgres: PostgresCluster) -> None:
    url = postgres.create_database("harness")
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES ('kept')")

    postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    postgres.start()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT word FROM words").fetchall() == [("kept",)]


def test_valkey_answers_and_publishes(valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey.url) as client, client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe("topic")

        # A subscription is confirmed by a message of its own, which is read and ignored here.
        pubsub.get_message(timeout=5)
        client.publish("topic", "hello")

        message = eventually(lambda: pubsub.get_message(timeout=1))
        assert message["data"] == b"hello"


def test_kill_takes_grandchildren_that_left_the_session(tmp_path: Path) -> None:
    process = _shell("setsid sleep 300 & sleep 300 & wait", tmp_path)
    eventually(lambda: len(process.family()) == 3)

    process.kill()

    assert process.family() == []


def test_stop_reports_a_child_that_stays(tmp_path: Path) -> None:
    process = _shell("sleep 300 & exit_now() { exit 0; }; trap exit_now TERM; wait", tmp_path)
    eventually(lambda: len(process.family()) == 2)

    with pytest.raises(AssertionError, match="sleep 300"):
        process.stop(within_seconds=1)

    assert process.family() == []


@pytest.fixture
def other(tmp_path: Path, authority: CertificateAuthority, node_package: None, watch: Watch) -> Iterator[FedifyPeer]:
    """A second Fedify server, new for each test."""
    peer = FedifyPeer(hosts.OTHER_FEDIFY, authority, tmp_path / "fedify")
    watch("the other Fedify", peer.process)
    with peer:
        yield peer


def test_two_fedify_peers_follow_and_talk(fedify: FedifyPeer, other: FedifyPeer) -> None:
    assert other.lookup(f"@{fedify.handle('room')}")["type"] == "Group"

    assert other.follow(fedify.handle("alice")) == fedify.alice
    assert fedify.follow(other.alice) == other.alice
    eventually(lambda: other.state().following.get(fedify.alice) == "accepted")
    eventually(lambda: fedify.state().following.get(other.alice) == "accepted")
    assert other.state().followers["alice"] == [fedify.alice]
    # Shoal's people may follow this one of Fedify's as well: it serves the whole session.
    assert other.alice in fedify.state().followers["alice"]

    note = fedify.send_public("hello followers")
    eventually(lambda: _contents(other, "Create") == ["<p>hello followers</p>"])
    like = other.like(note, emoji="🎈")
    eventually(lambda: like in fedify.state().likes)
    assert fedify.state().likes[like] == {"actor": other.alice, "object": note, "content": "🎈"}
    other.unlike(like, uri=note)
    eventually(lambda: like not in fedify.state().likes)
    fedify.edit(note, "hello all")
    eventually(lambda: _contents(other, "Update") == ["<p>hello all</p>"])
    fedify.delete(note)
    eventually(lambda: len(other.state().received("Delete")) == 1)

    assert {delivery["signature"] for delivery in other.state().deliveries} == {"rfc9421"}
    other.unfollow(fedify.alice)
    fedify.unfollow(other.alice)
    eventually(lambda: other.alice not in fedify.state().followers["alice"])
    eventually(lambda: other.state().followers["alice"] == [])


def test_fedify_note_is_gone_after_deletion_and_a_direct_one_never_public(
    fedify: FedifyPeer, other: FedifyPeer, trusting: urllib3.PoolManager
) -> None:
    headers = {"Accept": "application/activity+json"}
    public = fedify.send_public("for all")
    direct = fedify.send_direct([other.alice], "for one")

    eventually(lambda: _contents(other, "Create") == ["<p>for one</p>"])
    assert trusting.request("GET", public, headers=headers).status == 200
    assert trusting.request("GET", direct, headers=headers).status == 401
    assert other.lookup(direct)["content"] == "<p>for one</p>"
    fedify.delete(public)
    answer = trusting.request("GET", public, headers=headers)

    assert (answer.status, answer.json()["type"]) == (410, "Tombstone")


def test_fedify_group_relays_and_a_peer_that_was_down_gets_everything_once(
    fedify: FedifyPeer, other: FedifyPeer
) -> None:
    other.follow(fedify.handle("room"))
    eventually(lambda: other.state().following.get(fedify.room) == "accepted")
    fedify.proxy.stop()
    for number in range(5):
        other.send_to_channel(fedify.room, f"number {number}")
    eventually(lambda: other.state().outbox_errors, what="a delivery fails")

    fedify.proxy.start()

    eventually(lambda: len(other.state().announced) == 10, timeout_seconds=60)
    eventually(lambda: len(_contents(fedify, "Create", of=other)) == 5)
    # Fedify's queue keeps the order of first attempts, not of those that had to be repeated.
    assert sorted(_contents(fedify, "Create", of=other)) == [f"<p>number {number}</p>" for number in range(5)]


def _contents(peer: FedifyPeer, activity_type: str, *, of: FedifyPeer | None = None) -> list[str]:
    """What the notes in the received activities say, those of one sender if given."""
    return [
        activity["object"]["content"]
        for activity in peer.state().received(activity_type)
        if of is None or activity["actor"] == of.alice
    ]


def _shell(script: str, folder: Path) -> ManagedProcess:
    process = ManagedProcess(["/bin/sh", "-c", script], log=folder / "log", env={"PATH": os.defpath}, folder=folder)
    process.start()
    return process


def _ends(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except (ConnectionError, ssl.SSLEOFError):
        return True


def _push_two_events(listener: socket.socket) -> None:
    """A WebSocket server for one client: two events, one of them in two fragments, then a close."""
    connection, _ = listener.accept()
    with connection:
        protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        protocol.receive_data(connection.recv(65_536))
        next(protocol.events())
        connection.sendall(protocol.send(AcceptConnection()))
        connection.sendall(protocol.send(TextMessage('{"number": 1}')))
        connection.sendall(protocol.send(TextMessage('{"number": 2, "te', message_finished=False)))
        connection.sendall(protocol.send(TextMessage('xt": "ünï"}')))
        connection.sendall(protocol.send(CloseConnection(code=1000)))
        connection.recv(65_536)
