"""What this machine can do at most: the limits that the figures of the same round are divided by."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import psycopg
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from activitypub.keys import generate_rsa, is_signed_by, sign
from tests.bench.figures import NotMeasuredError, Sample
from tests.bench.listeners import Listeners
from tests.bench.load import Expected, Load, repeat, request_bytes, spread
from tests.bench.plan import CLIENTS, Plan
from tests.bench.site import ROOT, Site, cpu_seconds, pss_megabytes, wait_for_200
from tests.bench.tools import Tools
from tests.e2e.processes import ManagedProcess, free_port

COMMIT_CLIENTS = (1, 8)
_FRAME_BYTES = 1200  # About what a message is on a socket.
_STOP_SECONDS = 10


class BareServer:
    """The bare Flask application under gunicorn's gevent worker, as Shoal's web process runs."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.port = free_port()
        self.process = ManagedProcess(
            [
                *(sys.executable, "-m", "gunicorn", "--worker-class=gevent", "--workers=1"),
                *("--worker-connections=5000", "--keep-alive=15", f"--bind=127.0.0.1:{self.port}"),
                "tests.bench.bare:app",
            ],
            log=folder / "bare.log",
            env={"PATH": os.environ.get("PATH", os.defpath), "BENCH_DATABASE_URL": database_url},
            folder=ROOT,
        )

    def start(self) -> float:
        """Seconds to the first 200."""
        began_at = time.perf_counter()
        self.process.start()
        wait_for_200(self.port, "localhost")
        return time.perf_counter() - began_at

    def stop(self) -> None:
        self.process.stop(within_seconds=_STOP_SECONDS)

    def family(self) -> list[psutil.Process]:
        return self.process.family()


@contextmanager
def bare_server(site: Site) -> Iterator[BareServer]:
    server = BareServer(site.bare_url, site.server.data)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.process.kill()


def measure_bare_start(bare: BareServer) -> Iterator[Sample]:
    bare.stop()
    yield "bare.start", bare.start()
    yield "bare.pss", pss_megabytes(bare.family())


def measure_rsa(plan: Plan) -> Iterator[Sample]:
    """RSA-2048 in one thread of this process."""
    key, message = generate_rsa(), b"x" * 300
    signature, public = sign(key, message), key.public_key()
    yield "rsa.sign", _rate(lambda: sign(key, message), plan.limit_seconds / 2)
    yield "rsa.verify", _rate(lambda: _verify(public, signature, message), plan.limit_seconds / 2)


def _verify(key: RSAPublicKey, signature: bytes, message: bytes) -> None:
    if not is_signed_by(key, signature, message):
        raise NotMeasuredError("a good signature was refused")


def _rate(work: Callable[[], object], seconds: float) -> float:
    done, began_at = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began_at) < seconds:
        work()
        done += 1
    return done / elapsed


def measure_bare_routes(bare: BareServer, plan: Plan, tools: Tools) -> Iterator[Sample]:
    routes = {
        "bare.flask": (request_bytes("POST", "/", host="localhost", body=b"x" * 200), Expected(200, b"ok")),
        "bare.insert": (request_bytes("POST", "/insert", host="localhost", body=b"x" * 200), Expected(201, b"ok")),
    }
    for name, (request, expected) in routes.items():
        for clients in CLIENTS:
            before = cpu_seconds(bare.family())
            load: Load = tools.generate(
                repeat, bare.port, spread([request], clients), expected, seconds=plan.limit_seconds
            )
            tools.check_all_expected(name, load)
            yield f"{name}.{clients}.rate", load.rate
            yield f"{name}.{clients}.p50", load.percentile_ms(50)
            yield f"{name}.{clients}.p95", load.percentile_ms(95)
            yield f"{name}.{clients}.cpu", (cpu_seconds(bare.family()) - before) * 1000 / load.count


def measure_commits(site: Site, plan: Plan, tools: Tools) -> Iterator[Sample]:
    """One-row inserts through the bare driver, as durable as the application's."""
    for clients in COMMIT_CLIENTS:
        rate: float = tools.generate(commit_rate, site.bare_url, clients, plan.limit_seconds)
        yield f"commits.{clients}", rate


def commit_rate(url: str, clients: int, seconds: float) -> float:
    """Commits per second of so many threads."""
    connect = _sqlite_inserter if url.startswith("sqlite") else _postgresql_inserter
    counts = [0] * clients
    barrier = threading.Barrier(clients + 1)

    def work(number: int) -> None:
        insert = connect(url)
        insert()
        barrier.wait()
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            insert()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()
    began_at = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began_at)


_turn = threading.Lock()  # SQLite has one writer, and its own waiting sleeps.


def _sqlite_inserter(url: str) -> Callable[[], None]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=FULL").close()

    def insert() -> None:
        with _turn:
            connection.execute("INSERT INTO bare_rows (body) VALUES (?)", ("x" * 200,))

    return insert


def _postgresql_inserter(url: str) -> Callable[[], None]:
    connection = psycopg.connect(url.replace("postgresql+psycopg", "postgresql", 1), autocommit=True)

    def insert() -> None:
        connection.execute("INSERT INTO bare_rows (body) VALUES (%s)", ("x" * 200,))

    return insert


def measure_loopback(plan: Plan) -> Iterator[Sample]:
    """One frame sent in a loop to one and to many sockets: until the last has it."""
    for sockets in (1, plan.sockets):
        yield f"loopback.{sockets}", _loopback_ms(sockets, plan.pushes)


def _loopback_ms(sockets: int, times: int) -> float:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=sockets) as listener,
        Listeners(listener.getsockname()[1], [b""] * sockets) as listeners,
    ):
        accepted = [listener.accept()[0] for _ in range(sockets)]
        listeners.wait_until_open()
        durations = [_push(accepted, listeners, f"frame {number} ") for number in range(times)]
        listeners.close()
        for connection in accepted:
            connection.close()
    return median(durations) * 1000


def _push(accepted: list[socket.socket], listeners: Listeners, marker: str) -> float:
    payload = marker.encode().ljust(_FRAME_BYTES, b"x")
    frame = bytes((0x81, 126)) + len(payload).to_bytes(2, "big") + payload
    listeners.expect(marker)
    began_at = time.monotonic()
    for connection in accepted:
        connection.sendall(frame)
    return listeners.heard().times[-1] - began_at
