"""Real databases for tests: each test an empty one, on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

import app.models  # noqa: F401  It fills the metadata.
from app import db, sealing
from app.db import Base, Database
from app.keyring import Keyring
from app.queries.blocked_networks import forget_blocks
from app.queries.server_settings import forget_server_settings
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries, folder_in_memory

SECRET = "a secret for tests that is long enough to be one"
BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A throwaway PostgreSQL of this test process, with every table; skips where none is installed."""
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    with PostgresCluster(binaries, is_hasty=True) as cluster:
        url = cluster.create_database("shoal").replace("postgres://", "postgresql+psycopg://", 1)
        _create_tables(url)
        yield url
        _kept(url).engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table, to copy: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _create_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def sqlite_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="shoal-", dir=folder_in_memory()) as folder:
        yield Path(folder)


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database with every table; a test that asks for it runs on each backend."""
    if request.param == "sqlite":
        # Every commit is synced, as in earnest, but most tests need not wait for a disk.
        path = request.getfixturevalue("sqlite_folder") / "shoal.db"
        for left_over in path.parent.glob("shoal.db*"):
            left_over.unlink()
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    url: str = request.getfixturevalue("postgres_url")
    empty(url)
    yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of this process, empty, with a key ring to seal by."""
    sealing.configure(Keyring([SECRET]))
    with connected_to(database_url) as connected:
        yield connected


@contextmanager
def connected_to(url: str) -> Iterator[Database]:
    """`url` is the database of this process, by an engine that keeps the statements it compiled for earlier tests:
    compiling them takes longer than running them. So does a new connection to PostgreSQL, which is kept, too."""
    kept = _kept(url)
    forget_server_settings()
    forget_blocks()
    db._database = kept
    try:
        yield kept
    finally:
        if kept.is_sqlite:  # The next test has another file by that name.
            kept.engine.dispose()
        if (left := db._database) is not kept and left is not None:  # A test made one of its own.
            left.engine.dispose()


def empty(url: str) -> None:
    """A database of PostgreSQL: row by row, because there are few; TRUNCATE makes a new file for each table."""
    tables = [f'DELETE FROM "{table.name}"' for table in Base.metadata.sorted_tables]
    counters = [
        f"ALTER SEQUENCE {table.name}_{column.name}_seq RESTART"
        for table in Base.metadata.sorted_tables
        for column in table.primary_key
        if table.autoincrement_column is column
    ]
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("; ".join(["SET session_replication_role = replica", *tables, *counters]))


@cache
def _kept(url: str) -> Database:
    return Database(url)


def _create_tables(url: str) -> None:
    database = Database(url)
    Base.metadata.create_all(database.engine)
    if database.is_sqlite:
        with database.engine.connect() as connection:  # So that the file alone is the whole database.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.engine.dispose()
