"""One Shoal server of a fault run: its processes, the links to it, and a look into its tables."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import psutil
import psycopg

from tests.e2e.hosts import Host
from tests.e2e.processes import ManagedProcess, free_port
from tests.e2e.proxy import TlsProxy
from tests.e2e.shoal import is_answering
from tests.e2e.tls import CertificateAuthority
from tests.e2e.waiting import eventually
from tests.faults.fault_proxy import FaultProxy
from tests.faults.person import Person

START_SECONDS = 60.0
Program = Literal["web", "worker", "broker"]
_COMMANDS: dict[Program, str] = {"web": "gunicorn", "worker": "app.cli", "broker": "valkey-server"}
# A double, as tests/faults/clock/sitecustomize.py reads it.
_OFFSET = struct.Struct("d")
_CLOCK_FOLDER = Path(__file__).parent / "clock"
_SHOAL = Path(sys.executable).parent / "shoal"


class Site:
    """`shoal serve`, or web and worker as processes of their own where the broker is somebody else's.

    Processes of their own are started again by us at once; those of `shoal serve` by its supervisor.
    """

    def __init__(
        self, host: Host, authority: CertificateAuthority, folder: Path, rng: random.Random, env: dict[str, str]
    ) -> None:
        self.host = host
        self.data = folder / "data"
        self.failpoints = folder / "failpoints"
        self._clock = folder / "clock"
        for made in (folder, self.data, self.failpoints):
            made.mkdir()
        self._clock.write_bytes(_OFFSET.pack(0.0))
        self.port = free_port()
        self.database_url = env.get("DATABASE_URL")
        self.is_split = "REDIS_URL" in env
        self._direct_url: str | None = None
        self.ingress = FaultProxy(self.port, rng)
        self.tls = TlsProxy(host, self.ingress.port, authority.server_context(host))
        self._folder = folder
        self._env = self._environment(authority) | env
        commands = {"web": ["web"], "worker": ["worker", "--beat"]} if self.is_split else {"serve": ["serve"]}
        self.processes = {name: self._process(name, arguments) for name, arguments in commands.items()}

    def open(self, stack: ExitStack) -> None:
        """Start everything; `stack` ends it."""
        stack.enter_context(self.ingress)
        stack.enter_context(self.tls)
        if self.is_split:
            subprocess.run([_SHOAL, "migrate"], env=self._env, cwd=self._folder, check=True, stdin=subprocess.DEVNULL)
        stack.callback(self.kill)
        self.start()

    def start(self) -> None:
        for process in self.processes.values():
            if not process.is_running:
                process.start()

    def kill(self) -> None:
        """SIGKILL to all of it, as a power cut would."""
        for process in self.processes.values():
            process.kill()

    def stop(self) -> None:
        """SIGTERM; AssertionError for what is there 15 seconds later."""
        for process in self.processes.values():
            process.stop(within_seconds=15)

    def crash(self, program: Program) -> None:
        """SIGKILL to one program; where we are its supervisor, it is started again at once."""
        if self.is_split:
            process = self.processes[program]
            process.kill()
            process.start()
            return
        for found in self.find(program):
            found.kill()

    def revive(self) -> bool:
        """Start again what a failpoint ended, where we are its supervisor; False where everything still runs."""
        if not self.is_split:
            return True
        dead = [process for process in self.processes.values() if not process.is_running]
        for process in dead:
            process.kill()
            process.start()
        return bool(dead)

    def find(self, program: Program) -> list[psutil.Process]:
        """The processes of one program, the ones that live."""
        family = [found for process in self.processes.values() for found in process.family()]
        return [found for found in family if _runs(found, _COMMANDS[program])]

    def is_ready(self) -> bool:
        """Whether its web process answers and reaches its database."""
        return is_answering(self.port, self.host, "/readyz")

    def wait_ready(self, *, seconds: float = START_SECONDS) -> None:
        eventually(self.is_ready, timeout_seconds=seconds, what=f"{self.host.name} is ready")

    def person(self, username: str) -> Person:
        return Person(self.host.name, self.port, username)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a SELECT finds, asked of the database itself and not by way of a link that may be broken."""
        if self.database_url is None:
            with closing(sqlite3.connect(f"file:{self.data / 'shoal.db'}?mode=ro", uri=True, timeout=20)) as database:
                return list(database.execute(statement).fetchall())
        with psycopg.connect(self._direct_url or "", connect_timeout=5) as connection:
            return list(connection.execute(statement).fetchall())

    def set_direct_url(self, url: str) -> None:
        """The database's own address, where `DATABASE_URL` goes through a fault proxy."""
        self._direct_url = url

    def arm(self, failpoint: str) -> Path:
        """Have the next process that reaches the failpoint die there; the file is gone once it has."""
        armed = self.failpoints / failpoint
        armed.touch()
        return armed

    def extra(self, command: str) -> ManagedProcess:
        """One more process of this server, not started; the caller ends it."""
        return self._process(f"extra-{command}", [command])

    def set_clock(self, *, seconds_off: float) -> None:
        """The time of day of all its processes, from this moment on; its database and its broker keep theirs."""
        with self._clock.open("r+b") as file:
            file.write(_OFFSET.pack(seconds_off))

    def disarm(self) -> None:
        """Nobody dies at a failpoint any more."""
        for armed in self.failpoints.iterdir():
            armed.unlink(missing_ok=True)

    def _process(self, name: str, arguments: Sequence[str]) -> ManagedProcess:
        log = self._folder / f"{name}.log"
        return ManagedProcess([_SHOAL, *arguments], log=log, env=self._env, folder=self._folder)

    def _environment(self, authority: CertificateAuthority) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.data),
            "LC_ALL": "C.UTF-8",
            "PORT": str(self.port),
            "SHOAL_ORIGIN": self.host.origin,
            "SHOAL_SECRET_KEY": secrets.token_urlsafe(32),
            "SHOAL_DATA": str(self.data),
            "SHOAL_ALLOW_NETWORKS": "127.0.0.0/8",
            "SHOAL_RATE_LIMIT": "999999",
            "SHOAL_CA_FILE": str(authority.pem),
            "SHOAL_TRUSTED_PROXIES": "127.0.0.0/8",
            "SHOAL_FAILPOINTS": str(self.failpoints),
            "PYTHONPATH": str(_CLOCK_FOLDER),
            "FAULTS_CLOCK": str(self._clock),
        }

    def keep_logs(self, folder: Path) -> None:
        """Copy the logs to where a violation is looked into."""
        for process in self.processes.values():
            if process.log.exists():
                shutil.copy(process.log, folder / f"{self.host.name}-{process.log.name}")


def _runs(process: psutil.Process, program: str) -> bool:
    try:
        return any(program in part for part in process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
