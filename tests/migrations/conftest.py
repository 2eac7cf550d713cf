"""Databases without tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import BACKENDS
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries


@pytest.fixture(params=BACKENDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shoal.db"
    cluster: PostgresCluster = request.getfixturevalue("cluster")
    name = f"empty_{tmp_path.name}".lower().replace("-", "_")[:60]
    return cluster.create_database(name).replace("postgres://", "postgresql+psycopg://", 1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgresCluster]:
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    with PostgresCluster(binaries, is_hasty=True) as running:
        yield running
