"""Connections to PostgreSQL as web processes and workers have them: others go on meanwhile, and silence has an end."""

from __future__ import annotations

import gevent
import psycopg
import pytest
from sqlalchemy.engine import make_url

from app import greenlet_connection, impatience
from app.greenlet_connection import GreenletConnection
from app.impatience import ImpatientConnection
from tests.databases import database_url

__all__ = ["database_url"]

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
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
    url = dsn
    with GreenletConnection.connect(url) as cut, psycopg.connect(url, autocommit=True) as other:
        waiting = gevent.spawn(cut.execute, "SELECT pg_sleep(20)")
        gevent.sleep(0.05)
        other.execute("SELECT pg_terminate_backend(%s)", [cut.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            waiting.get(timeout=10)


def test_other_greenlets_go_on(dsn: str) -> None:
    url = dsn
    told: list[str] = []

    def ask(connection: GreenletConnection, seconds: float, name: str) -> None:
        connection.execute("SELECT pg_sleep(%s)", [seconds])
        told.append(name)

    with GreenletConnection.connect(url) as one, GreenletConnection.connect(url) as other:
        gevent.joinall([gevent.spawn(ask, one, 0.5, "long"), gevent.spawn(ask, other, 0.01, "short")], raise_error=True)

    assert told == ["short", "long"]
