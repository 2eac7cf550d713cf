"""The servers of the end-to-end tests, started once for all of them."""

import os
import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import hosts
from .client import ChatClient
from .fedify_peer import FedifyPeer, NodeUnavailableError, install_package
from .live import LiveSocket
from .postgres import PostgresCluster, find_postgres_binaries
from .processes import ManagedProcess
from .shoal import ShoalServer
from .tls import CertificateAuthority
from .valkey import ValkeyServer

PASSWORD = "correct horse battery staple"

Watch = Callable[[str, ManagedProcess], None]

_PROCESSES = pytest.StashKey[dict[str, ManagedProcess]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_PROCESSES] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of every server's log."""
    report = yield
    if report.failed:
        for name, process in item.config.stash[_PROCESSES].items():
            report.sections.append((f"end of the log of {name}", process.log_tail()))
    return report


@pytest.fixture(scope="session")
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Have a process's log shown when a test fails, and the process ended even where its start fails."""
    processes = request.config.stash[_PROCESSES]
    yield processes.__setitem__
    for process in processes.values():
        process.kill()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def authority(folder: Path) -> CertificateAuthority:
    """The private CA; asking for it makes sure that the test host names resolve."""
    if os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") != "1":
        pytest.fail("each test host has one port 443: run the end-to-end tests with -n 0")
    try:
        hosts.ensure_hosts()
    except hosts.HostsUnavailableError as error:
        pytest.skip(f"no test host names: {error}")
    return CertificateAuthority(folder)


@pytest.fixture(scope="session")
def postgres(watch: Watch) -> Iterator[PostgresCluster]:
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    cluster = PostgresCluster(binaries)
    watch("PostgreSQL", cluster.process)
    with cluster:
        yield cluster


@pytest.fixture(scope="session")
def valkey(folder: Path, watch: Watch) -> Iterator[ValkeyServer]:
    server = ValkeyServer(folder / "valkey")
    watch("Valkey", server.process)
    with server:
        yield server


@pytest.fixture(scope="session")
def node_package() -> None:
    try:
        install_package()
    except NodeUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def fedify(
    folder: Path,
    authority: CertificateAuthority,
    node_package: None,
    watch: Watch,
) -> Iterator[FedifyPeer]:
    """The third server, at fedify.shoal.test."""
    peer = FedifyPeer(hosts.FEDIFY, authority, folder / "fedify")
    watch("Fedify", peer.process)
    with peer:
        yield peer


@pytest.fixture(scope="session")
def server_a(folder: Path, authority: CertificateAuthority, watch: Watch) -> Iterator[ShoalServer]:
    """a.shoal.test as it comes: SQLite and the embedded broker."""
    server = ShoalServer(hosts.A, authority, folder / "a")
    watch("server A", server.process)
    with server:
        yield server


@pytest.fixture(scope="session")
def server_b(
    folder: Path,
    authority: CertificateAuthority,
    postgres: PostgresCluster,
    valkey: ValkeyServer,
    watch: Watch,
) -> Iterator[ShoalServer]:
    """b.shoal.test as it grows: PostgreSQL and a Valkey of its own."""
    env = {"DATABASE_URL": postgres.create_database("shoal_b"), "REDIS_URL": valkey.url}
    server = ShoalServer(hosts.B, authority, folder / "b", env)
    watch("server B", server.process)
    with server:
        yield server


@pytest.fixture(scope="session")
def alice(server_a: ShoalServer) -> Iterator[ChatClient]:
    """The owner of A, being the first to sign up there."""
    client = server_a.client()
    client.sign_up("alice", PASSWORD)
    yield client
    client.close()


@pytest.fixture(scope="session")
def olga(server_b: ShoalServer) -> Iterator[ChatClient]:
    """The owner of B, being the first to sign up there."""
    client = server_b.client()
    client.sign_up("olga", PASSWORD)
    yield client
    client.close()


@pytest.fixture(scope="session")
def bob(server_b: ShoalServer, olga: ChatClient) -> Iterator[ChatClient]:
    """An ordinary member of B."""
    client = server_b.client()
    client.sign_up("bob", PASSWORD)
    yield client
    client.close()


@pytest.fixture
def connect() -> Iterator[Callable[[ChatClient], LiveSocket]]:
    """Open somebody's socket, closed after the test."""
    with ExitStack() as stack:
        yield lambda client: stack.enter_context(client.connect())


@pytest.fixture
def unique() -> str:
    """A word no other test uses: servers live for the whole run."""
    return secrets.token_hex(4)
