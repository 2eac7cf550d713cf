"""The server that is measured: `shoal serve` of the end-to-end tests on either database, and what it costs."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, create_engine, text

from tests.bench import names
from tests.bench.figures import NotMeasuredError
from tests.bench.inside import Inside
from tests.e2e.client import ChatClient
from tests.e2e.hosts import Host
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries
from tests.e2e.shoal import START_SECONDS, ShoalServer
from tests.e2e.tls import CertificateAuthority
from tests.e2e.valkey import ValkeyServer

ROOT = Path(__file__).resolve().parents[2]
_PASSWORD = "correct horse battery staple"


@dataclass(slots=True)
class Site:
    """A running server with its people: the owner's client, and accounts whose tokens are made when needed."""

    name: str
    server: ShoalServer
    database_url: str
    bare_url: str
    inside: Inside
    owner: ChatClient = field(init=False)
    people: list[str] = field(default_factory=list)
    _engine: Engine | None = None

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def host(self) -> str:
        return self.server.host.name

    def settle(self, *, people: int) -> None:
        """Sign up the owner and so many others."""
        self.owner = self.server.client()
        self.owner.sign_up("owner", _PASSWORD)
        self.people = self.inside.ask("people", count=people)

    def channel(self, name: str) -> str:
        return str(self.owner.create_channel(name)["channel_id"])

    def channel_uri(self, channel_id: str) -> str:
        return f"{self.server.origin}/ap/channels/{channel_id}"

    def tokens(self, count: int) -> list[str]:
        """Fresh tokens of so many people: they last a quarter of an hour."""
        tokens: list[str] = self.inside.ask("tokens", actor_ids=self.people[:count])
        return tokens

    def scalar(self, query: str, **values: Any) -> Any:
        """The first value of a SELECT."""
        if self._engine is None:  # Kept, because a new connection costs the database more than most questions.
            self._engine = create_engine(self.database_url, pool_size=1)
        with self._engine.connect() as connection:
            return connection.execute(text(query), values).scalar()

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def message_count(self, channel_id: str) -> int:
        return int(self.scalar("SELECT count(*) FROM messages WHERE channel_id = :id", id=channel_id))

    def web(self) -> list[psutil.Process]:
        """The processes of gunicorn."""
        return self._processes("gunicorn")

    def worker(self) -> list[psutil.Process]:
        """The process of Celery, with beat."""
        return self._processes("app.cli")

    def _processes(self, word: str) -> list[psutil.Process]:
        found = [process for process in self.server.process.family() if word in process.cmdline()]
        if not found:
            raise NotMeasuredError(f"no process of {self.name} runs {word}")
        return found

    def restart(self) -> float:
        """Seconds from the start of `shoal serve`, on the data there is, to the first 200."""
        self.server.stop()
        began_at = time.perf_counter()
        self.server.process.start()
        wait_for_200(self.port, self.host)
        return time.perf_counter() - began_at


def cpu_seconds(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(time.user + time.system for time in times))


def pss_megabytes(processes: list[psutil.Process]) -> float:
    """Proportional set size: memory that several processes share counts once in their sum."""
    return float(sum(process.memory_full_info().pss for process in processes)) / 1e6


def own_megabytes(processes: list[psutil.Process]) -> float:
    """Memory without a file behind it: what another process maps or lets go of does not change it, as it does a PSS."""
    infos = [process.memory_info() for process in processes]
    return float(sum(info.rss - info.shared for info in infos)) / 1e6


def open_files(processes: list[psutil.Process]) -> int:
    """Descriptors of any kind."""
    return sum(process.num_fds() for process in processes)


@contextmanager
def sqlite_site(folder: Path, authority: CertificateAuthority, shoal: Path) -> Iterator[Site]:
    """As it comes: SQLite and the embedded broker."""
    with ExitStack() as stack:
        data = folder / "sqlite" / "data"
        yield _start(
            stack,
            "SQLite",
            names.SQLITE,
            folder / "sqlite",
            authority,
            shoal,
            database_url=f"sqlite:///{data}/shoal.db",
            bare_url=f"sqlite:///{data}/bare.db",
        )


@contextmanager
def postgresql_site(folder: Path, authority: CertificateAuthority, shoal: Path) -> Iterator[Site]:
    """As it grows: PostgreSQL and a Valkey of its own. Raises NotMeasuredError where PostgreSQL is not installed."""
    binaries = find_postgres_binaries()
    if binaries is None:
        raise NotMeasuredError("PostgreSQL is not installed: initdb is neither in /usr/lib/postgresql nor on PATH")
    with ExitStack() as stack:
        cluster = stack.enter_context(PostgresCluster(binaries))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey"))
        url = cluster.create_database("shoal")
        yield _start(
            stack,
            "PostgreSQL",
            names.POSTGRESQL,
            folder / "postgresql",
            authority,
            shoal,
            database_url=url,
            bare_url=cluster.create_database("bare"),
            env={"DATABASE_URL": url, "REDIS_URL": valkey.url},
        )


def _start(
    stack: ExitStack,
    name: str,
    host: Host,
    folder: Path,
    authority: CertificateAuthority,
    shoal: Path,
    *,
    database_url: str,
    bare_url: str,
    env: dict[str, str] | None = None,
) -> Site:
    secret = {"SHOAL_SECRET_KEY": secrets.token_urlsafe(32), **(env or {})}
    server = ShoalServer(host, authority, folder, secret, shoal=shoal)
    # Also a server that never became healthy, or that does not stop when it is asked to.
    stack.callback(server.process.kill)
    stack.enter_context(server)
    env_inside = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "PORT": str(server.port),
        "SHOAL_ORIGIN": server.origin,
        "SHOAL_DATA": str(server.data),
        "SHOAL_CA_FILE": str(authority.pem),
        "SHOAL_ALLOW_NETWORKS": "127.0.0.0/8",
        **secret,
    }
    inside = stack.enter_context(Inside(env_inside, server.data))
    site = Site(name, server, _driver_url(database_url), _driver_url(bare_url), inside)
    stack.callback(site.close)
    return site


def _driver_url(url: str) -> str:
    """The URL as SQLAlchemy spells it for psycopg 3."""
    return url.replace("postgres://", "postgresql+psycopg://", 1)


def wait_for_200(port: int, host: str) -> None:
    """Until GET /healthz is answered 200; asks every few milliseconds, because the time it takes is measured."""
    deadline = time.monotonic() + START_SECONDS
    while not _answers_200(port, host):
        if time.monotonic() > deadline:
            raise NotMeasuredError(f"no 200 within {START_SECONDS} s")
        time.sleep(0.005)


def _answers_200(port: int, host: str) -> bool:
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(request)
            return sock.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
