"""A throwaway PostgreSQL cluster."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from .processes import ManagedProcess, free_port
from .waiting import eventually

DEBIAN_VERSIONS = Path("/usr/lib/postgresql")
SUPERUSER = "postgres"


def find_postgres_binaries() -> Path | None:
    """The folder with `initdb`: the newest version Debian installed, else the one on PATH, else None."""
    folders = [initdb.parent for initdb in DEBIAN_VERSIONS.glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or "0"))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


# Of a cluster whose durability nobody asks about: what is committed is only as safe as the operating system.
_HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def folder_in_memory() -> str | None:
    """A folder that needs no disk, where there is one with room; None for the system's own for temporary files."""
    folder = "/dev/shm"
    has_room = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2**30
    return folder if has_room else None


class PostgresCluster:
    """A cluster in a folder of its own, on a free loopback port; deleted at the end. With fsync, unless it is hasty."""

    def __init__(self, binaries: Path, *, is_hasty: bool = False) -> None:
        self._binaries = binaries
        # Not below pytest's folder: only root may enter that, and initdb refuses to run as root.
        self._folder = Path(tempfile.mkdtemp(prefix="shoal-postgres-", dir=folder_in_memory() if is_hasty else None))
        self._user = SUPERUSER if os.geteuid() == 0 else None
        self.port = free_port()
        self.process = ManagedProcess(
            [
                binaries / "postgres",
                *("-D", self._folder / "data"),
                *("-k", self._folder),
                *("-p", str(self.port)),
                *("-c", "listen_addresses=127.0.0.1"),
                *(part for setting in (_HASTY if is_hasty else ("fsync=on",)) for part in ("-c", setting)),
            ],
            log=self._folder / "postgres.log",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            folder=self._folder,
            user=self._user,
        )

    def __enter__(self) -> Self:
        if self._user is not None:
            shutil.chown(self._folder, self._user, self._user)
        self._initialise()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop(within_seconds=20, by=signal.SIGQUIT)  # Nothing needs to be kept of what is deleted next.
        shutil.rmtree(self._folder)

    def start(self) -> None:
        self.process.start()
        eventually(self._answers, timeout_seconds=30, what="PostgreSQL answers")

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, clients cut."""
        self.process.stop(within_seconds=20, by=signal.SIGINT)

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL, in the `postgres://` spelling of hosting platforms."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgres://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        self.process.check_running()
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        # --no-sync spares the empty template the trip to disk; what tests write later is synced.
        initdb = subprocess.run(
            [
                self._binaries / "initdb",
                *("-D", self._folder / "data"),
                *("-U", SUPERUSER),
                *("-E", "UTF8"),
                "--locale=C.UTF-8",
                "--auth=trust",
                "--no-sync",
            ],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )
        if initdb.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{initdb.stdout}")
