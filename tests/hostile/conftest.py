"""The servers of the hostile cases: one for each database, among remote hosts that all cases share."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
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

TALLY = pytest.StashKey[Counter[tuple[str, str]]]()
SKIPS = pytest.StashKey[dict[str, None]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Counter()
    config.stash[SKIPS] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How much was asked of the server, by group, and what could not be asked yet."""
    tally = config.stash[TALLY]
    for group in sorted({group for group, _ in tally}):
        ran, asked = tally[group, "requests of cases"], tally[group, "requests"]
        terminalreporter.write_line(f"hostile: {group}: {ran} cases and variants, {asked} requests")
    for reason in config.stash[SKIPS]:
        terminalreporter.write_line(f"hostile: not asked: {reason}")


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Routes:
    return known_routes(tmp_path_factory.mktemp("routes"))


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Short, because a socket's path has no room for pytest's, and where a commit need not wait for a disk."""
    with tempfile.TemporaryDirectory(prefix="hostile-", dir=folder_in_memory()) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def remote(folder: Path) -> Iterator[Remote]:
    if os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") != "1":
        pytest.fail("the remote hosts have one port 443: run the hostile cases with -n 0")
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
