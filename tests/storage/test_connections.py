"""Connections to PostgreSQL as web processes and workers have them: others go on meanwhile, and silence has an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import gevent
import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import greenlet_connection, impatience
from app.db import Database, TooMuchError
from app.errors import UnavailableError
from app.greenlet_connection import GreenletConnection
from app.impatience import ImpatientConnection
from tests.databases import ON_POSTGRESQL, database_url

__all__ = ["database_url"]

pytestmark = ON_POSTGRESQL
each_kind = pytest.mark.parametrize("kind", [ImpatientConnection, GreenletConnection])


@pytest.fixture
def dsn(database_url: str) -> str:
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


@each_kind
def test_describes_what_was_found(dsn: str, kind: type[ImpatientConnection]) -> None:
    with kind.connect(dsn) as connection:
        cursor = connection.execute("SELECT 1 AS one, 'x'::text AS größer")
        assert cursor.fetchall() == [(1, "x")]
        described = cursor.description or []
        assert [column[:2] for column in described] == [("one", 23), ("größer", 25)]
        assert connection.execute("SET lock_timeout = 1000").description is None


@each_kind
def test_more_is_sent_than_fits_into_the_socket(dsn: str, kind: type[ImpatientConnection]) -> None:
    text = "x" * 20_000_000
    with kind.connect(dsn) as connection:
        row = connection.execute("SELECT %s::text", [text]).fetchone()

    assert row == (text,)


@each_kind
def test_server_that_hangs_is_given_up(
    dsn: str, kind: type[ImpatientConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (impatience, greenlet_connection):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    with kind.connect(dsn) as connection:
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            connection.execute("SELECT pg_sleep(20)")

        assert connection.closed


@each_kind
def test_mistake_leaves_the_connection_as_it_was(dsn: str, kind: type[ImpatientConnection]) -> None:
    with kind.connect(dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")

        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_connection_that_is_cut_is_an_operational_error(dsn: str) -> None:
    with GreenletConnection.connect(dsn) as cut, psycopg.connect(dsn, autocommit=True) as other:
        waiting = gevent.spawn(cut.execute, "SELECT pg_sleep(20)")
        gevent.sleep(0.05)
        other.execute("SELECT pg_terminate_backend(%s)", [cut.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            waiting.get(timeout=10)


def test_other_greenlets_go_on(dsn: str) -> None:
    told: list[str] = []

    def ask(connection: GreenletConnection, seconds: float, name: str) -> None:
        connection.execute("SELECT pg_sleep(%s)", [seconds])
        told.append(name)

    with GreenletConnection.connect(dsn) as one, GreenletConnection.connect(dsn) as other:
        gevent.joinall([gevent.spawn(ask, one, 0.5, "long"), gevent.spawn(ask, other, 0.01, "short")], raise_error=True)

    assert told == ["short", "long"]


Use = Callable[[Database], AbstractContextManager[Session]]
USES: dict[str, Use] = {
    "reading": Database.reading,
    "one-statement": lambda database: database.transaction(is_one_statement=True),
    "transaction": Database.transaction,
}
each_use = pytest.mark.parametrize("use", USES.values(), ids=USES)


@pytest.fixture
def one_connection(database_url: str) -> Iterator[Database]:
    """A database that everything is asked for over the same connection, as long as that is any good."""
    database = Database(database_url)
    yield database
    database.engine.dispose()


def _interrupt(database: Database, use: Use, error: BaseException) -> None:
    with suppress(DBAPIError, UnavailableError, type(error)), use(database) as session, gevent.Timeout(0.1, error):
        session.execute(text("SELECT pg_sleep(20)"))


@each_use
@pytest.mark.parametrize(
    "error", [ValueError("a mistake"), gevent.GreenletExit(), gevent.Timeout(1)], ids=["mistake", "killed", "timeout"]
)
def test_connection_that_was_left_in_a_statement_is_not_used_again(
    one_connection: Database, monkeypatch: pytest.MonkeyPatch, use: Use, error: BaseException
) -> None:
    monkeypatch.setattr("app.db._kind_of_connection", lambda: GreenletConnection)

    _interrupt(one_connection, use, error)

    for again in USES.values():
        with again(one_connection) as session:
            assert session.scalar(text("SELECT 1")) == 1


@each_use
@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT * FROM nowhere", "SELECT 1 / 0"])
def test_connection_comes_back_as_it_was(one_connection: Database, use: Use, statement: str) -> None:
    with suppress(DBAPIError), use(one_connection) as session:
        session.execute(text(statement))

    connection: Any = one_connection.engine.raw_connection()
    try:
        assert (connection.autocommit, connection.isolation_level) == (True, None)
        assert connection.pgconn.transaction_status == TransactionStatus.IDLE
    finally:
        connection.close()


def test_transaction_is_undone_and_one_statement_is_not(one_connection: Database) -> None:
    with one_connection.transaction() as session:
        session.execute(text("CREATE TABLE ducks (name text)"))
    for use, kept in ((USES["transaction"], 0), (USES["one-statement"], 1)):
        with suppress(ValueError), use(one_connection) as session:
            session.execute(text("INSERT INTO ducks VALUES ('mallard')"))
            raise ValueError

        with one_connection.transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM ducks")) == kept
    with one_connection.transaction() as session:
        session.execute(text("DROP TABLE ducks"))


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(1)", "INSERT INTO long_names VALUES (:long)"])
def test_statement_that_is_too_much_is_told_from_a_database_that_is_away(
    one_connection: Database, statement: str
) -> None:
    """The second is a key longer than an index takes."""
    long = "".join(chr(number) for number in range(0x20000, 0x20800))
    given = {"long": long} if ":long" in statement else {}

    def ask_too_much() -> None:
        with one_connection.transaction() as session:
            session.execute(text("CREATE TEMPORARY TABLE long_names (name text PRIMARY KEY) ON COMMIT DROP"))
            session.execute(text("SET LOCAL statement_timeout = 50"))
            session.execute(text(statement), given)

    with pytest.raises(TooMuchError):
        ask_too_much()
    with one_connection.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1
