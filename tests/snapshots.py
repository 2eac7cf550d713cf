"""All that a database holds, taken once and put back for other tests: faster than making it again."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from app.db import Base, Database
from tests.databases import aside, empty


class Snapshot(Protocol):
    def put_back(self, database: Database) -> None:
        """In place of all rows of a database of the same kind that has every table."""


def take_snapshot(database: Database) -> Snapshot:
    """Of a database that nobody else writes to meanwhile."""
    return _File(database) if database.is_sqlite else _Rows(database)


class _File:
    """SQLite's, which is all there is of it once nothing is left in the log beside it."""

    def __init__(self, database: Database) -> None:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.engine.dispose()
        self._content = _path(database).read_bytes()

    def put_back(self, database: Database) -> None:
        database.engine.dispose()
        for name in ("-wal", "-shm"):
            Path(f"{_path(database)}{name}").unlink(missing_ok=True)
        _path(database).write_bytes(self._content)


class _Rows:
    """PostgreSQL's, as COPY writes and reads them, and how far its counters have come."""

    def __init__(self, database: Database) -> None:
        connection = aside(_url(database))
        held = {table.name: _copied(connection, table.name) for table in Base.metadata.sorted_tables}
        self._rows = {name: rows for name, rows in held.items() if rows}
        counters = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
        self._counters = connection.execute(counters).fetchall()

    def put_back(self, database: Database) -> None:
        empty(_url(database))
        connection = aside(_url(database))
        with connection.transaction(), connection.cursor() as cursor:
            for name, rows in self._rows.items():
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                    copy.write(rows)
            for counter in self._counters:
                cursor.execute("SELECT setval(%s::regclass, %s)", counter)


def _path(database: Database) -> Path:
    return Path(str(database.url.database))


def _url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def _copied(connection: psycopg.Connection, name: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
        return b"".join(copy)
