"""The nemesis: a schedule of faults drawn from a seed."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import psutil
import redis

from tests.faults.fleet import Fleet
from tests.faults.peer import Answer
from tests.faults.site import Program, Site

FAILPOINTS = (
    "submit.performed",
    "submit.committed",
    "upload.stored",
    "hint.taken",
    "accept.storing",
    "accept.committed",
    "receive.performed",
    "receive.committed",
    "deliver.leased",
    "deliver.answered",
    "deliver.settled",
)
# Nobody uploads while they are drawn; tests/storage/test_uploads.py dies there.
DRAWN = tuple(point for point in FAILPOINTS if point != "upload.stored")
_WEB_POINTS = ("submit.", "upload.", "accept.", "hint.")


def program_of(failpoint: str) -> Program:
    return "web" if failpoint.startswith(_WEB_POINTS) else "worker"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks for a while; leaving `run` mends what does not mend itself."""

    name: str
    run: Callable[[Fleet, random.Random, float], None]


def schedule(rng: random.Random, *, count: int) -> list[tuple[Fault, float]]:
    """Faults and how long each holds, in seconds."""
    return [(rng.choice(FAULTS), rng.uniform(1.0, 5.0)) for _ in range(count)]


def _any_site(fleet: Fleet, rng: random.Random) -> Site:
    return fleet.sites[rng.choice(sorted(fleet.sites))]


def _crash(program: Program) -> Callable[[Fleet, random.Random, float], None]:
    def run(fleet: Fleet, rng: random.Random, seconds: float) -> None:
        _any_site(fleet, rng).crash(program)
        time.sleep(seconds / 2)

    return run


def _crash_broker(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    own = [site for site in fleet.sites.values() if not site.is_split]
    if own and rng.random() < 0.6:
        rng.choice(own).crash("broker")
        time.sleep(seconds)
        return
    fleet.valkey.process.kill()
    time.sleep(seconds)
    fleet.valkey.start()


def _crash_everything_of_one(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    site = _any_site(fleet, rng)
    site.kill()
    time.sleep(seconds / 2)
    site.start()


def _restart_politely(fleet: Fleet, rng: random.Random, _seconds: float) -> None:
    site = _any_site(fleet, rng)
    site.stop()
    site.start()


def _freeze(program: Program) -> Callable[[Fleet, random.Random, float], None]:
    def run(fleet: Fleet, rng: random.Random, seconds: float) -> None:
        with frozen(_any_site(fleet, rng).find(program)):
            time.sleep(seconds)

    return run


@contextlib.contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    """SIGSTOP, then SIGCONT to those that still live."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)


def _forget_broker(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    with redis.Redis.from_url(fleet.valkey.url, socket_timeout=2) as client:
        client.flushall()
    time.sleep(seconds / 4)


def _cut_broker(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    fleet.broker_link.cut()
    time.sleep(seconds / 4)


def _stall_broker(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    fleet.broker_link.stall()
    time.sleep(seconds)
    fleet.broker_link.heal()


def restart_database(fleet: Fleet) -> None:
    """An immediate shutdown, which is a crash with its recovery at the next start."""
    fleet.postgres.process.stop(within_seconds=20, by=signal.SIGQUIT)
    fleet.postgres.start()


def _restart_database(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    restart_database(fleet)
    time.sleep(seconds / 4)


def _stall_database(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    fleet.database_link.stall()
    time.sleep(seconds)
    fleet.database_link.heal()


def _cut_database(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    fleet.database_link.refuse()
    time.sleep(seconds / 2)
    fleet.database_link.heal()


def _lock_sqlite(fleet: Fleet, _rng: random.Random, seconds: float) -> None:
    with locked(fleet.sites["a"]):
        time.sleep(seconds)


@contextlib.contextmanager
def locked(site: Site) -> Iterator[None]:
    """Hold the one writer's lock of a SQLite database, as somebody's backup tool would."""
    with closing(sqlite3.connect(site.data / "shoal.db", isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _step_clock(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    """By no more than other servers bear with in a signature's date."""
    site = _any_site(fleet, rng)
    site.set_clock(seconds_off=rng.choice((-3600, 3600)))
    time.sleep(seconds)
    site.set_clock(seconds_off=0)


def _partition(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    """One server is not reached by the others; what it sends does arrive."""
    link = _any_site(fleet, rng).ingress
    link.refuse() if rng.random() < 0.5 else link.stall()
    time.sleep(seconds)
    link.heal()


def _disturb(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    """Slow, lossy and out of order, for one server's visitors."""
    link = _any_site(fleet, rng).ingress
    link.delay(rng.uniform(0.05, 0.4))
    link.drop(0.3)
    link.reorder(1.0)
    time.sleep(seconds)
    link.heal()


def _peer_fails(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    answer = rng.choice(
        (
            Answer(500),
            Answer(503, {"Retry-After": "2"}),
            Answer(429, {"Retry-After": "1"}),
            Answer(None, wait_seconds=2),
            Answer(202, wait_seconds=1),
            Answer(None),
        )
    )
    fleet.peer.script = lambda _activity: answer
    time.sleep(seconds)
    fleet.peer.heal()


def _failpoint(fleet: Fleet, rng: random.Random, seconds: float) -> None:
    site = _any_site(fleet, rng)
    armed = site.arm(rng.choice(DRAWN))
    time.sleep(seconds)
    armed.unlink(missing_ok=True)
    site.revive()


FAULTS = (
    Fault("kill -9 web", _crash("web")),
    Fault("kill -9 worker", _crash("worker")),
    Fault("kill -9 broker", _crash_broker),
    Fault("kill -9 a whole server", _crash_everything_of_one),
    Fault("die at a failpoint", _failpoint),
    Fault("die at a failpoint", _failpoint),
    Fault("SIGTERM and start", _restart_politely),
    Fault("SIGSTOP web", _freeze("web")),
    Fault("SIGSTOP worker", _freeze("worker")),
    Fault("FLUSHALL", _forget_broker),
    Fault("reset the broker's connections", _cut_broker),
    Fault("stall the broker", _stall_broker),
    Fault("restart PostgreSQL at once", _restart_database),
    Fault("stall PostgreSQL", _stall_database),
    Fault("cut PostgreSQL off", _cut_database),
    Fault("hold SQLite's lock", _lock_sqlite),
    Fault("step the clock", _step_clock),
    Fault("partition", _partition),
    Fault("delay, drop and reorder connections", _disturb),
    Fault("the peer fails", _peer_fails),
)
