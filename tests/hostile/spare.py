"""A second server for cases that would spoil the others': one with ordinary limits, whose disk can be full and whose
database can be restarted."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.e2e.postgres import PostgresCluster
from tests.hostile.arena import Arena
from tests.hostile.names import Names
from tests.hostile.remote import Remote

PROXY: Final = "127.0.0.2"
"""A proxy that the server trusts."""
ORDINARY_LIMIT: Final = 6000
_DISK_MEGABYTES: Final = 96
_CHUNK_BYTES: Final = 2**20


class SmallDisk:
    """A file system of its own at a folder."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no byte."""
        with self._filler.open("wb", buffering=0) as filler:
            size = _CHUNK_BYTES
            while size:
                try:
                    filler.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


class Spare(Arena):
    """`disk` is None where no file system can be mounted, `cluster` on SQLite."""

    own_environment: Mapping[str, str] = {"SHOAL_TRUSTED_PROXIES": f"{PROXY}/32"}

    def __init__(self, folder: Path, names: Names, remote: Remote, *, cluster: PostgresCluster | None) -> None:
        self.cluster = cluster
        self.disk: SmallDisk | None = None
        self._limit = ORDINARY_LIMIT
        self._addresses = 0
        self._mounted = ExitStack()
        super().__init__(folder, names, remote, database_url=cluster.create_database("spare") if cluster else None)

    def __enter__(self) -> Self:
        self.disk = self._mounted.enter_context(_small_disk(self.data))
        try:
            super().__enter__()
        except BaseException:
            self._mounted.close()
            raise
        self.words["proxy_ip"] = PROXY
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._mounted:
            super().__exit__(kind, error, trace)

    def renew(self) -> bool:
        """Never: its cases guess passwords, after which nobody may sign in, and are through in time."""
        return False

    def fresh_address(self) -> str:
        """Of a client that nobody has heard of."""
        self._addresses += 1
        return f"127.0.{1 + self._addresses // 250}.{1 + self._addresses % 250}"

    def limit_requests(self, amount: int) -> bool:
        """So many of one client in five minutes; whether that is a change."""
        if amount == self._limit:
            return False
        settings = {"settings": {"MAX_RATE_LIMIT_REQUESTS": amount}}
        self.api("PUT", "/api/v1/system/runtime-config", settings, who="alice", source=self.fresh_address())
        self._limit = amount
        return True

    def restart_database(self) -> None:
        """An immediate shutdown, which is a crash with its recovery at the next start."""
        assert self.cluster is not None
        self.cluster.process.stop(within_seconds=20, by=signal.SIGQUIT)
        self.cluster.start()
        self.engine.dispose()


@contextmanager
def _small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """None for who may not mount."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m,mode=0700", "hostile", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a server that did not start may have left something open.
        subprocess.run(["umount", "-l", str(folder)], check=True)
