"""A real worker: hints, a lost broker, kill -9, and a stop while a host hangs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from app.db import Database
from app.services.broker import HintSender
from tests.actions.delivery.world import ORIGIN, World
from tests.activitypub.conftest import authority, ca_file, start_peer
from tests.activitypub.peer import Peer, Stream, http
from tests.databases import ON_POSTGRESQL, SECRET, database, database_url
from tests.e2e.hosts import Host, HostsUnavailableError, ensure_hosts
from tests.e2e.processes import ManagedProcess
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually

__all__ = ["authority", "ca_file", "database", "database_url", "start_peer"]

SINK = Host("sink.tasks.test", "127.0.0.35")
INBOX = f"{SINK.origin}/inbox"
LOST_HINT_SECONDS = 45  # Two sweeps missed, one look of the watchdog, and a busy machine.
DEAD_WORKER_SECONDS = 100  # The lease of the dead and a sweep.

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


class Site:
    """An installation without a web process: database, broker, worker, and the host it delivers to."""

    def __init__(self, world: World, valkey: ValkeyServer, worker: ManagedProcess, peer: Peer) -> None:
        self.world = world
        self.valkey = valkey
        self.worker = worker
        self.peer = peer
        self.peer.routes["/inbox"] = http(202)
        world.clock.now = datetime.now(UTC)

    def queue(self, count: int = 1) -> list[str]:
        """Rows as a commit leaves them whose hint was lost."""
        return [self.world.queue(INBOX, host=SINK.name) for _ in range(count)]

    def hint(self) -> None:
        sender = HintSender(self.valkey.url)
        sender.hint("deliver", SINK.name)
        sender.close()

    def arrived(self) -> list[str]:
        return [request.body.decode().split("/ap/activities/")[1].split('"')[0] for request in self.peer.requests]

    def is_all_delivered(self) -> bool:
        return set(self.world.states()) == {"delivered"}

    def hold_requests(self) -> tuple[threading.Event, threading.Event]:
        """(a request is held, let it go)"""
        is_held, let_go = threading.Event(), threading.Event()

        def hold(stream: Stream) -> None:
            is_held.set()
            let_go.wait(60)
            stream.sendall(http(202))

        self.peer.routes["/inbox"] = hold
        return is_held, let_go


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def site(
    tmp_path: Path,
    database: Database,
    database_url: str,
    valkey: ValkeyServer,
    ca_file: Path,
    start_peer: Callable[..., Peer],
) -> Iterator[Site]:
    try:
        ensure_hosts((SINK,))
    except HostsUnavailableError as error:
        pytest.skip(f"no test host names: {error}")
    peer = start_peer(SINK.address, SINK.name, port=443)
    env = {
        "PATH": os.defpath,
        "SHOAL_ORIGIN": ORIGIN,
        "SHOAL_SECRET_KEY": SECRET,
        # A worker without DATABASE_URL looks for its SQLite file in its data folder.
        "SHOAL_DATA": str(Path(database.url.database or "").parent if database.is_sqlite else tmp_path),
        "SHOAL_ALLOW_NETWORKS": f"{SINK.address}/32",
        "SHOAL_CA_FILE": str(ca_file),
        "REDIS_URL": valkey.url,
    }
    if not database.is_sqlite:
        env["DATABASE_URL"] = database_url
    worker = ManagedProcess(
        [sys.executable, "-m", "app.cli", "worker", "--beat"],
        log=tmp_path / "worker.log",
        env=env | {"PYTHONPATH": str(Path(__file__).parents[2])},
        folder=tmp_path,
    )
    try:
        yield Site(World(), valkey, worker, peer)
    finally:
        worker.kill()
        print(worker.log_tail())  # pytest shows it when the test failed.


def start(site: Site) -> None:
    """Start the worker and wait until it takes hints."""
    site.worker.start()
    site.queue()
    site.hint()

    def is_delivered() -> bool:
        site.worker.check_running()
        return site.is_all_delivered()

    assert eventually(is_delivered, timeout_seconds=60)


def test_a_hint_is_a_delivery_within_seconds(site: Site) -> None:
    start(site)
    ids = site.queue(20)

    site.hint()

    assert eventually(site.is_all_delivered, timeout_seconds=10)
    assert site.arrived()[1:] == ids


def test_what_waits_when_a_worker_starts_is_delivered(site: Site) -> None:
    ids = site.queue(3)

    site.worker.start()

    assert eventually(site.is_all_delivered, timeout_seconds=60)
    assert site.arrived() == ids


def test_a_hint_lost_with_the_brokers_memory_costs_seconds(site: Site) -> None:
    start(site)
    with redis.Redis.from_url(site.valkey.url) as client:
        client.flushall()
    site.queue(3)

    assert eventually(site.is_all_delivered, timeout_seconds=LOST_HINT_SECONDS)
    site.queue()
    site.hint()
    assert eventually(site.is_all_delivered, timeout_seconds=10)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_a_broker_deliveries_go_on_and_hints_are_heard_again_when_it_is_back(site: Site) -> None:
    start(site)
    site.valkey.process.kill()
    site.queue(3)

    assert eventually(site.is_all_delivered, timeout_seconds=LOST_HINT_SECONDS)
    site.valkey.start()

    def hint_again() -> bool:
        site.hint()
        return site.is_all_delivered()

    site.queue()
    assert eventually(hint_again, timeout_seconds=60)


@ON_POSTGRESQL
def test_a_worker_killed_between_answer_and_note_is_replaced_and_sends_the_same_again(site: Site) -> None:
    start(site)
    is_held, let_go = site.hold_requests()
    ids = site.queue(2)
    site.hint()
    assert is_held.wait(20)

    site.worker.kill()
    let_go.set()
    site.peer.routes["/inbox"] = http(202)
    site.worker.start()

    assert eventually(site.is_all_delivered, timeout_seconds=DEAD_WORKER_SECONDS)
    assert site.arrived()[1:] == [ids[0], *ids]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_stops_in_time_while_a_host_hangs(site: Site) -> None:
    start(site)
    is_held, let_go = site.hold_requests()
    site.queue()
    site.hint()
    assert is_held.wait(20)

    site.worker.stop(within_seconds=8, by=signal.SIGTERM)

    let_go.set()
    assert site.world.states()[-1] == "queued"
