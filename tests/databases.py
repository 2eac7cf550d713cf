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

# For a test of a facade's that says nothing about the database: of the form of requests and answers, or of many cases
# that are refused before anything is asked for that the tests beside it do not ask PostgreSQL for as well.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


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
        kept(url).engine.dispose()
        for connection in _asides.values():
            connection.close()
        _asides.clear()


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
    database = kept(url)
    forget_server_settings()
    forget_blocks()
    db._database = database
    try:
        yield database
    finally:
        if database.is_sqlite:  # The next test has another file by that name.
            database.engine.dispose()
        if (left := db._database) is not database and left is not None:  # A test made one of its own.
            left.engine.dispose()


def empty(url: str) -> None:
    """A database of PostgreSQL: row by row, because there are few; TRUNCATE makes a new file for each table."""
    aside(url).execute("SELECT pg_temp.empty()")


def aside(url: str) -> psycopg.Connection:
    """A connection to PostgreSQL beside the engine's, on which no constraint and no trigger holds. It is kept, with its
    plans: a new one spends more on learning each table than on emptying all of them."""
    connection = _asides.get(url)
    if connection is None or connection.closed:  # A test may have cut it off.
        connection = _asides[url] = psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql AS $${_emptying()}$$")
    return connection


_asides: dict[str, psycopg.Connection] = {}


def _emptying() -> str:
    tables = Base.metadata.sorted_tables
    deletions = [f'DELETE FROM "{table.name}"' for table in tables]
    counters = [
        f"PERFORM setval('{table.name}_{column.name}_seq', 1, false)"
        for table in tables
        for column in table.primary_key
        if table.autoincrement_column is column
    ]
    return f"BEGIN {'; '.join([*deletions, *counters])}; END"


@cache
def kept(url: str) -> Database:
    """The one engine of this test process for it."""
    return Database(url)


def _create_tables(url: str) -> None:
    database = Database(url)
    Base.metadata.create_all(database.engine)
    if database.is_sqlite:
        with database.engine.connect() as connection:  # So that the file alone is the whole database.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.engine.dispose()
