"""The servers of the hostile cases: one for each database, among remote hosts that all cases share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.postgres import PostgresCluster, find_postgres_binaries, folder_in_memory
from tests.hostile.arena import DEAD_ADDRESS, REMOTE_ADDRESS, Arena
from tests.hostile.names import Names
from tests.hostile.remote import Remote
from tests.hostile.routes import Routes, known_routes
from tests.hostile.spare import Spare
from tests.processes import require_fixed_addresses


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Routes:
    return known_routes(tmp_path_factory.mktemp("routes"))


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Short, because a socket's path has no room for pytest's, and where a commit need not wait for a disk."""
    with tempfile.TemporaryDirectory(prefix="hostile-", dir=folder_in_memory()) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def remote(folder: Path, request: pytest.FixtureRequest) -> Iterator[Remote]:
    require_fixed_addresses(request.config)
    try:
        remote = Remote(REMOTE_ADDRESS, folder)
    except OSError as error:
        pytest.skip(f"port 443 of {REMOTE_ADDRESS} cannot be bound: {error}")
    with remote:
        yield remote


@pytest.fixture(scope="session")
def names(folder: Path) -> Iterator[Names]:
    fixed = {"dead.test": DEAD_ADDRESS}
    with Names(folder / "names.sock", remote_address=REMOTE_ADDRESS, fixed=fixed) as names:
        yield names


@pytest.fixture(scope="session", params=("sqlite", "postgresql"))
def database(request: pytest.FixtureRequest) -> str:
    """Which one the servers have."""
    return str(request.param)


@pytest.fixture(scope="session")
def arena(database: str, folder: Path, names: Names, remote: Remote) -> Iterator[Arena]:
    """A server, its people and places, on each database in turn."""
    with _cluster(database) as cluster:
        url = None if cluster is None else cluster.create_database("hostile")
        with Arena(folder / database, names, remote, database_url=url) as arena:
            yield arena


@pytest.fixture(scope="session")
def spare(database: str, folder: Path, names: Names, remote: Remote) -> Iterator[Spare]:
    """A second one, on a database server of its own that keeps what it committed."""
    with (
        _cluster(database, is_hasty=False) as cluster,
        Spare(folder / f"spare-{database}", names, remote, cluster=cluster) as spare,
    ):
        yield spare


@contextmanager
def _cluster(kind: str, *, is_hasty: bool = True) -> Iterator[PostgresCluster | None]:
    if kind == "sqlite":
        yield None
        return
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    with PostgresCluster(binaries, is_hasty=is_hasty) as cluster:
        yield cluster
