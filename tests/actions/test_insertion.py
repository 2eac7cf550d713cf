"""Inserts that wait: seen by whatever looks for them, and kept or undone with their transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import bindparam, event, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import Database
from app.insertion import LOOKS_ELSEWHERE, insert_rows, update_with_inserts
from app.models import Event, Space, Tombstone


def _tombstone(number: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    uri = f"https://pond.example/notes/{number}"
    return {"uri": uri, "actor_id": "act_zoe", "former_type": "Note", "signed_at": now, "deleted_at": now}


def _insert(database: Database, *numbers: int) -> None:
    with database.transaction() as session:
        for number in numbers:
            insert_rows(session, Tombstone, _tombstone(number))


def _count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Tombstone)) or 0


def test_a_statement_sees_what_was_inserted_before_it(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, Tombstone, _tombstone(1))
        insert_rows(session, Tombstone, [_tombstone(2), _tombstone(3)])
        assert _count(session) == 3

    with database.reading() as session:
        assert _count(session) == 3


@pytest.mark.parametrize("number", [1, 23, 24, 25, 60])
def test_all_of_it_is_there_in_the_end(database: Database, number: int) -> None:
    _insert(database, *range(number))

    with database.reading() as session:
        assert _count(session) == number


def test_a_violated_constraint_undoes_the_transaction(database: Database) -> None:
    with pytest.raises(IntegrityError):
        _insert(database, 1, 2, 1)

    with database.reading() as session:
        assert _count(session) == 0


def test_what_waits_is_undone_with_its_savepoint(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, Tombstone, _tombstone(1))
        undone = session.begin_nested()
        insert_rows(session, Tombstone, _tombstone(2))
        undone.rollback()
        with session.begin_nested():
            insert_rows(session, Tombstone, _tombstone(3))

    with database.reading() as session:
        assert set(session.scalars(select(Tombstone.uri))) == {_tombstone(1)["uri"], _tombstone(3)["uri"]}


def test_postgresql_is_sent_all_of_it_at_once(database: Database) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.transaction() as session:
            insert_rows(session, Tombstone, _tombstone(1))
            session.execute(select(Space), execution_options=LOOKS_ELSEWHERE)
            insert_rows(session, Tombstone, _tombstone(2))
    finally:
        event.remove(database.engine, "before_cursor_execute", note)

    said = [statement for statement in statements if statement != "BEGIN"]
    assert said == (["INSERT", "SELECT", "INSERT"] if database.is_sqlite else ["SELECT", "INSERT"])


def test_a_reading_inside_a_transaction_sees_what_it_wrote(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, Tombstone, _tombstone(1))
        with database.reading() as inside:
            assert _count(inside) == 1

    with database.reading() as outside:
        assert outside is not inside


def test_rows_of_a_table_keep_their_order(database: Database) -> None:
    """Among rows of other tables: by their positions servers and sockets are told in order."""
    with database.transaction() as session:
        for number in range(4):
            insert_rows(session, Tombstone, _tombstone(number))
            event_row = {"type": str(number), "data": {}, "created_at": datetime.now(UTC)}
            absent = dict.fromkeys(("channel_id", "conversation_id", "message_id", "actor_id"))
            insert_rows(session, Event, event_row | absent)

    with database.reading() as session:
        assert list(session.scalars(select(Event.type).order_by(Event.position))) == ["0", "1", "2", "3"]


_TOMBSTONES: Any = Tombstone.__table__
_RENAMED = update(_TOMBSTONES).where(_TOMBSTONES.c.uri == bindparam("of_uri")).values(former_type=bindparam("new_type"))


@pytest.mark.parametrize("waiting", [[], [2], [2, 3]])
def test_update_goes_with_them(database: Database, waiting: list[int]) -> None:
    _insert(database, 1)
    uri = _tombstone(1)["uri"]

    with database.transaction() as session:
        for number in waiting:
            insert_rows(session, Tombstone, _tombstone(number))
        update_with_inserts(session, _RENAMED, {"of_uri": uri, "new_type": "Video"})

    with database.reading() as session:
        assert session.scalar(select(Tombstone.former_type).where(Tombstone.uri == uri)) == "Video"
        assert _count(session) == 1 + len(waiting)


def test_update_is_undone_with_them(database: Database) -> None:
    _insert(database, 1)
    uri = _tombstone(1)["uri"]

    def insert_again() -> None:
        with database.transaction() as session:
            insert_rows(session, Tombstone, _tombstone(1))
            update_with_inserts(session, _RENAMED, {"of_uri": uri, "new_type": "Video"})

    with pytest.raises(IntegrityError):
        insert_again()

    with database.reading() as session:
        assert session.scalar(select(Tombstone.former_type).where(Tombstone.uri == uri)) == "Note"
