"""`shoal serve` for real: its children, their deaths and its own."""

import hashlib
import json
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.settings import runtime_dir
from tests.ops.processes import answers, clean_environ, descendants, free_port, is_alive, started, wait_until

pytestmark = pytest.mark.e2e

PROMISED_STOP_SECONDS = 5


class Server:
    """A `shoal serve` on a data folder."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
        self.process = process
        self.socket = runtime_dir(folder / "data") / "valkey.sock"
        self.database = folder / "data" / "shoal.db"
        self._log = folder / "log"
        self._address = f"http://127.0.0.1:{port}"
        self._url = f"{self._address}/api/v1/info"

    def wait_until_it_serves(self) -> None:
        wait_until(lambda: answers(self._url), seconds=60, what=f"an answer of {self._url}")

    def post(self, path: str, **body: str) -> Any:
        request = Request(self._address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def seconds_of_an_answer(self) -> float:
        began = time.monotonic()
        with urlopen(f"{self._address}/healthz", timeout=60):  # Which is not limited.
            return time.monotonic() - began

    def descendants(self) -> list[psutil.Process]:
        return descendants(self.process.pid)

    def child(self, word: str) -> psutil.Process:
        """The supervisor's child with `word` in its command line."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if any(word in part for part in child.cmdline()))

    def log(self) -> str:
        return self._log.read_text()

    def has_a_consumer(self) -> bool:
        """Whether a worker waits at the broker."""
        try:
            with Redis(unix_socket_path=str(self.socket)) as broker:
                return any(client["cmd"] == "brpop" for client in broker.client_list())
        except RedisError:
            return False


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    port = free_port()  # One for all: the origin has it, and a database belongs to one origin.
    with ExitStack() as stack:

        def start() -> Server:
            environ = clean_environ(PORT=str(port), SHOAL_BIND="127.0.0.1")
            process = stack.enter_context(
                started(["shoal", "serve"], log=tmp_path / "log", environ=environ, cwd=tmp_path)
            )
            server = Server(process, tmp_path, port)
            server.wait_until_it_serves()
            return server

        yield start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_within_the_promised_time(serve: Callable[[], Server], number: int) -> None:
    server = serve()
    descendants = server.descendants()
    since = time.monotonic()

    server.process.send_signal(number)

    assert server.process.wait(timeout=30) == 0
    assert time.monotonic() - since < PROMISED_STOP_SECONDS
    assert len(descendants) >= 4  # Broker, worker, gunicorn and its worker.
    assert not any(map(is_alive, descendants))
    assert not server.socket.parent.exists()


def test_nothing_outlives_a_supervisor_killed_with_9_and_the_next_one_starts_at_once(
    serve: Callable[[], Server],
) -> None:
    server = serve()
    descendants = server.descendants()

    server.process.kill()

    wait_until(lambda: not any(map(is_alive, descendants)), seconds=2, what="the end of all")
    serve()


def test_a_web_process_killed_with_9_is_back_soon(serve: Callable[[], Server]) -> None:
    server = serve()
    web = server.child("gunicorn")

    web.kill()

    wait_until(
        lambda: "web ended with code -9; starting it again in 0.25 s" in server.log(), seconds=20, what="the notice"
    )
    server.wait_until_it_serves()
    assert server.child("gunicorn").pid != web.pid


def test_a_broker_killed_with_9_is_back_soon_and_the_worker_finds_it(serve: Callable[[], Server]) -> None:
    server = serve()
    wait_until(server.has_a_consumer, what="the worker at the broker")
    broker, worker = server.child("valkey"), server.child("worker")

    broker.kill()

    wait_until(lambda: server.has_a_consumer() and not is_alive(broker), seconds=30, what="the worker's return")
    assert server.child("worker").pid == worker.pid


def test_nobody_else_can_reach_the_broker(serve: Callable[[], Server]) -> None:
    server = serve()

    listening = [c for c in server.child("valkey").net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]

    assert listening == []
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700


def test_a_clean_up_of_very_many_files_keeps_nobody_waiting(serve: Callable[[], Server]) -> None:
    """SQLite gives nobody else a turn while it is asked; after half a minute gunicorn would end the process."""
    server = serve()
    token = server.post("/api/v1/users/signup", username="alice", password="correct horse battery staple")["auth_token"]
    with closing(sqlite3.connect(server.database, timeout=10)) as database:
        of_the_worker = "SELECT runs FROM background_tasks WHERE id = 'storage_cleanup'"
        wait_until(lambda: database.execute(of_the_worker).fetchone() == (1,), seconds=60, what="the worker's clean-up")
        [(owner_id,)] = database.execute("SELECT actor_id FROM accounts")
        digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2000)]
        at = "2026-01-01 00:00:00.000000"
        blobs = [(digest, 1, "text/plain", at) for digest in digests]
        files = [(f"file_{digest}", digest, owner_id, "attachments", "a.txt", 0, at) for digest in digests]
        database.executemany("INSERT INTO blobs (digest, size, media_type, created_at) VALUES (?, ?, ?, ?)", blobs)
        names = "id, digest, owner_id, directory, filename, is_public, created_at"
        database.executemany(f"INSERT INTO files ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", files)
        database.commit()
    longest = 0.0

    with ThreadPoolExecutor() as pool:
        cleaning = pool.submit(server.post, "/api/v1/storage/cleanup-orphaned", auth_token=token, subdirectory="")
        while not cleaning.done():
            longest = max(longest, server.seconds_of_an_answer())
            time.sleep(0.1)

    assert cleaning.result()["deleted_count"] == 4000
    assert longest < 2
