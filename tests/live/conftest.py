"""gunicorn with the test application, databases, and a Valkey, each started once for all tests that ask."""

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import app.models  # noqa: F401  Fills Base.metadata.
from app import db
from tests.databases import database_url
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries
from tests.e2e.processes import ManagedProcess, free_port
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually

__all__ = ["database_url"]

REPOSITORY = Path(__file__).resolve().parents[2]


class Gunicorn:
    """`tests.live.served` under gunicorn with our own configuration, on a free port."""

    def __init__(self, folder: Path, database_url: str, environ: dict[str, str]) -> None:
        folder.mkdir(mode=0o700)
        self.port = free_port()
        self.process = ManagedProcess(
            [sys.executable, "-m", "gunicorn", "--config", "python:app.gunicorn_conf", "tests.live.served:app"],
            log=folder / "gunicorn.log",
            env={
                "PATH": os.environ["PATH"],
                "PORT": str(self.port),
                "SHOAL_BIND": "127.0.0.1",
                "SHOAL_DATA": str(folder),
                "TEST_DATABASE_URL": database_url,
                **environ,
            },
            folder=REPOSITORY,
        )

    def start(self) -> None:
        self.process.start()
        eventually(self._answers, what="gunicorn answers")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, **arguments: object) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(arguments).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait_for_sockets(self, count: int) -> None:
        eventually(lambda: self.get("/stats")["sockets"] == count, what=f"{count} sockets are open")

    def log(self) -> str:
        return self.process.log.read_text(encoding="utf-8")

    def _answers(self) -> bool:
        self.process.check_running()
        return bool(self.get("/stats"))


def make_tables(url: str) -> str:
    engine = db.Database(url).engine
    db.Base.metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def start_gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gunicorn]]:
    """Start one more server: SQLite and no Redis unless told otherwise."""
    with ExitStack() as stack:

        def start(*, database_url: str | None = None, **environ: str) -> Gunicorn:
            folder = tmp_path_factory.mktemp("gunicorn")
            url = database_url or make_tables(f"sqlite:///{folder}/live.db")
            server = Gunicorn(folder / "data", url, environ)
            stack.callback(server.process.kill)
            server.start()
            return server

        yield start


@pytest.fixture(scope="session")
def server(start_gunicorn: Callable[..., Gunicorn]) -> Gunicorn:
    return start_gunicorn()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with PostgresCluster(binaries) as cluster:
        yield cluster


@pytest.fixture
def database(database_url: str) -> Iterator[db.Database]:
    """The process's database, empty, with all tables, and with connections of its own."""
    database = db.connect(database_url)
    yield database
    database.engine.dispose()
