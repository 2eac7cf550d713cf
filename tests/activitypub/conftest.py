"""Peers with certificates of a private CA, names that lead to them, and a client that trusts both."""

import contextlib
import random
import socket
import ssl
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import trustme

from activitypub.addresses import Address, AddressPolicy
from activitypub.fetch import GuardedClient
from tests.activitypub.peer import Peer, server_context

# The peers live in 127.0.0.8/29, which the client may reach; the rest of 127/8 is as forbidden as ever.
OPEN_NETWORK = ip_network("127.0.0.8/29")
GOOD_ADDRESS = "127.0.0.9"
EVIL_ADDRESS = "127.0.0.10"
FORBIDDEN_ADDRESS = "127.0.0.1"


@dataclass
class FakeDns:
    """Answers from a table: each lookup of a name takes its next answer, and the last one for ever."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.answers[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(text) for text in answer]


@dataclass
class World:
    """good.test and evil.test, on one port of two addresses, and the client under test."""

    client: GuardedClient
    dns: FakeDns
    good: Peer
    evil: Peer

    @property
    def port(self) -> int:
        return self.good.port

    def url(self, path: str, *, host: str = "good.test") -> str:
        return f"https://{host}:{self.port}{path}"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def system_roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One authority that signs nothing here, in place of the machine's own, which take 40 ms to read."""
    path = tmp_path_factory.mktemp("roots") / "roots.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        patch.setenv("SSL_CERT_DIR", str(path.parent / "none"))
        yield


@pytest.fixture
def start_peer(authority: trustme.CA) -> Iterator[Callable[..., Peer]]:
    """Start a peer with a certificate for some names, or with a given context."""
    with contextlib.ExitStack() as stack:

        def start(address: str, *names: str, port: int = 0, context: ssl.SSLContext | None = None) -> Peer:
            peer = Peer(address, context or server_context(authority, *names), port)
            stack.callback(peer.stop)
            return peer

        yield start


@pytest.fixture
def make_client(ca_file: Path, system_roots: None) -> Iterator[Callable[..., GuardedClient]]:
    with contextlib.ExitStack() as stack:

        def make(
            *, ports: set[int], resolver: Callable[[str, int], list[Address]], refused: Collection[str] = ()
        ) -> GuardedClient:
            client = GuardedClient(
                policy=AddressPolicy((OPEN_NETWORK,)),
                ca_file=ca_file,
                user_agent="Shoal-test",
                extra_ports=frozenset(ports),
                resolver=resolver,
                is_refused=refused.__contains__,
            )
            stack.callback(client.close)
            return client

        yield make


def _port_of_nobody() -> int:
    """Free on every address, and below those from which connections are made meanwhile."""
    while True:
        port = random.randrange(15_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            return port


@pytest.fixture
def world(start_peer: Callable[..., Peer], make_client: Callable[..., GuardedClient]) -> World:
    dns = FakeDns({"good.test": [[GOOD_ADDRESS]], "evil.test": [[EVIL_ADDRESS]]})
    good = start_peer(GOOD_ADDRESS, "good.test", port=_port_of_nobody())
    evil = start_peer(EVIL_ADDRESS, "evil.test", port=good.port)
    return World(make_client(ports={good.port}, resolver=dns), dns, good, evil)


@pytest.fixture
def trap(world: World) -> Iterator[socket.socket]:
    """Listens where nothing may connect; at the end nothing has."""
    with socket.create_server((FORBIDDEN_ADDRESS, world.port)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
def client_of_inside(make_client: Callable[..., GuardedClient]) -> GuardedClient:
    """A client whose every name leads to metadata services and loopback."""
    inside = [ip_address(text) for text in ("169.254.169.254", "127.0.0.1", "fd00:ec2::254", "::ffff:a9fe:a9fe")]
    return make_client(ports={80, 22, 2379, 9001}, resolver=lambda host, port: inside)
