"""Storage that is full, locked or away: 503 and when to come back, and nothing acknowledged that is not kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

import app.db
from app.db import database
from tests.databases import database_url
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries
from tests.facades.conftest import Person, Server, member, owner, server

__all__ = ["database_url", "member", "owner", "server"]

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def channel_id(server: Server, owner: Person) -> str:
    return str(server.create_channel(owner)["channel_id"])


def send(server: Server, person: Person, channel_id: str, text: str) -> int:
    path = f"/api/v1/channels/{channel_id}/send_message"
    answer = server.call("POST", path, person=person, data={"message": text})
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) > 0
        assert "Traceback" not in answer.text
    return int(answer.status_code)


def texts(server: Server, person: Person, channel_id: str) -> list[str]:
    path = f"/api/v1/channels/{channel_id}/load_messages?messages_per_page=50"
    return [message["message"] for message in server.call("GET", path, person=person).json["messages"]]


@contextmanager
def write_lock_of_another_process() -> Iterator[None]:
    other = sqlite3.connect(str(database().url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@only_sqlite
def test_database_locked_by_another_writer_is_a_503_and_stores_nothing(
    server: Server, owner: Person, channel_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.db, "LOCK_WAIT_SECONDS", 0.2)

    with server.stores_nothing(), write_lock_of_another_process():
        assert send(server, owner, channel_id, "while locked") == 503
        assert texts(server, owner, channel_id) == []

    assert send(server, owner, channel_id, "after") == 201
    assert texts(server, owner, channel_id) == ["after"]


@only_sqlite
def test_full_disk_acknowledges_only_what_it_keeps_and_heals(server: Server, owner: Person, channel_id: str) -> None:
    with full_disk(pages=20):
        statuses = [send(server, owner, channel_id, f"{number} " + "x" * 4000) for number in range(40)]

    acknowledged = [number for number, status in enumerate(statuses) if status == 201]
    assert set(statuses) == {201, 503}
    assert [int(text.split()[0]) for text in texts(server, owner, channel_id)] == acknowledged
    assert send(server, owner, channel_id, "room again") == 201


@contextmanager
def full_disk(*, pages: int) -> Iterator[None]:
    """The file may grow by a few pages only, on every connection this process has (SQLite's own limit)."""
    engine = database().engine
    engine.dispose()
    with engine.connect() as connection:
        size = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={size + pages}").close()

    event.listen(engine, "connect", limit)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)
        engine.dispose()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[PostgresCluster]:
    """One that this test may stop."""
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    with PostgresCluster(binaries, is_hasty=True) as cluster:
        yield cluster


class TestAwayDatabase:
    """PostgreSQL goes away under a running server."""

    @pytest.fixture
    def database_url(self, own_cluster: PostgresCluster) -> str:
        from app.db import Base, Database

        url = own_cluster.create_database("shoal").replace("postgres://", "postgresql+psycopg://", 1)
        made = Database(url)
        Base.metadata.create_all(made.engine)
        made.engine.dispose()
        return url

    def test_is_a_503_until_it_is_back(
        self, server: Server, owner: Person, channel_id: str, own_cluster: PostgresCluster
    ) -> None:
        assert send(server, owner, channel_id, "before") == 201

        own_cluster.stop()
        assert send(server, owner, channel_id, "meanwhile") == 503
        assert server.call("GET", "/readyz").status_code == 503
        assert server.call("GET", "/healthz").status_code == 200
        own_cluster.start()

        # The pool may still hold connections of the time before: each of them costs at most one 503.
        statuses = [send(server, owner, channel_id, "after") for _ in range(3)]
        assert statuses[-1] == 201
        assert texts(server, owner, channel_id) == ["before", *["after"] * statuses.count(201)]

    def test_that_only_reads_is_a_503_until_another_writes(
        self, server: Server, owner: Person, channel_id: str, database_url: str
    ) -> None:
        assert send(server, owner, channel_id, "before") == 201

        decree(database_url, "ALTER DATABASE shoal SET default_transaction_read_only = on")
        database().engine.dispose()  # As when the server was made a standby: it ends all connections.
        with server.stores_nothing():
            assert send(server, owner, channel_id, "meanwhile") == 503
        assert texts(server, owner, channel_id) == ["before"]
        decree(database_url, "ALTER DATABASE shoal RESET default_transaction_read_only")

        # The connections that only read are still open, and nobody uses them again.
        statuses = [send(server, owner, channel_id, "after") for _ in range(3)]
        assert statuses[-1] == 201
        assert texts(server, owner, channel_id) == ["before", *["after"] * statuses.count(201)]

    def test_whose_tables_are_altered_costs_one_503(
        self, server: Server, owner: Person, channel_id: str, database_url: str
    ) -> None:
        for _ in range(10):  # So often that it is remembered how it is done.
            send(server, owner, channel_id, "before")
            assert set(texts(server, owner, channel_id)) == {"before"}

        decree(database_url, "ALTER TABLE messages ALTER COLUMN audience TYPE varchar(300)")

        path = f"/api/v1/channels/{channel_id}/load_messages"
        statuses = [server.call("GET", path, person=owner).status_code for _ in range(3)]
        assert set(statuses) <= {200, 503}
        assert statuses[1:] == [200, 200]
        assert send(server, owner, channel_id, "after") == 201


def decree(url: str, statement: str) -> None:
    """By a connection of its own, which may write whatever the database says of others."""
    options = "-c default_transaction_read_only=off"
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True, options=options) as connection:
        connection.execute(statement)


def test_sqlite_is_opened_to_survive_a_power_cut(server: Server) -> None:
    if not database().is_sqlite:
        pytest.skip("PostgreSQL's own defaults keep what is committed")

    with database().engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
