"""The session of a transaction, and its INSERTs: without the unit of work, and on PostgreSQL in one round trip.

A row handed in is not sent at once. It goes with those that follow, before the next statement that might look at it
and at the latest with the commit: a WITH clause inserts them all, and the keys between them are checked at its end.
A violated constraint is raised from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Dialect, Insert, Table, Update, bindparam, event, insert
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, SessionTransaction

Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]]
# A table with the columns that are given, and how many rows; columns left out have a default of the database.
Shape = tuple[Table, tuple[str, ...], int]
Waiting = tuple[Table, Mapping[str, Any]]


class _Statement(NamedTuple):
    """In the dialect's own words, and what it makes of values of certain names before they are sent."""

    sql: str
    processors: Mapping[str, Callable[[Any], Any]]


# For statements that look at nothing their own transaction inserts, so that those need not be sent first.
LOOKS_ELSEWHERE: Final = {"looks_elsewhere": True}
_PENDING: Final = "pending inserts"
_MOST: Final = 24  # Of one statement, so that loops do not make one of each length.


class WritingSession(Session):
    """One that holds what it has loaded until it ends, so that no step of a transaction asks twice."""

    def begin_nested(self) -> SessionTransaction:
        send_inserts(self)  # They are not the savepoint's.
        return super().begin_nested()


def insert_rows(session: Session, table: type[DeclarativeBase], rows: Rows) -> None:
    """Insert rows of complete columns, for each table always the same ones. Raises IntegrityError, now or before the
    transaction ends."""
    target = cast("Table", table.__table__)
    given = [rows] if isinstance(rows, Mapping) else rows
    pending = session.info.setdefault(_PENDING, [])
    if len(pending) + len(given) > _MOST or session.get_bind().dialect.name != "postgresql":
        send_inserts(session)
        session.connection().execute(target.insert(), given)
        return
    pending += [(target, row) for row in given]


def send_inserts(session: Session) -> None:
    """Send what is waiting: of each table in the order it was handed in, by which rows get their positions."""
    _send(session, session.info.pop(_PENDING, []), None, {})


def update_with_inserts(session: Session, update: Update, values: Mapping[str, Any]) -> None:
    """Send an UPDATE together with what is waiting, of which it sees nothing. It is one of a few that are made once;
    all its values are parameters of plain types, named otherwise than a column with a number."""
    _send(session, session.info.pop(_PENDING, []), update, values)


def _send(session: Session, pending: Sequence[Waiting], update: Update | None, values: Mapping[str, Any]) -> None:
    if not pending:
        if update is not None:
            session.connection().execute(update, values)
        return
    by_shape: dict[tuple[Table, tuple[str, ...]], list[Mapping[str, Any]]] = {}
    for table, row in pending:
        by_shape.setdefault((table, tuple(row)), []).append(row)
    shapes = tuple((table, columns, len(rows)) for (table, columns), rows in by_shape.items())
    rows = [row for some in by_shape.values() for row in some]
    sent = {_name(number, column): row[column] for number, row in enumerate(rows) for column in row} | dict(values)
    connection = session.connection()
    statement = _together(shapes, update, frozenset(values), connection.dialect)
    for name, process in statement.processors.items():
        sent[name] = process(sent[name])
    connection.exec_driver_sql(statement.sql, sent)


def send_before(session: Session, options: Mapping[str, Any]) -> None:
    """Send what is waiting, unless the statement with these execution options looks at nothing of it."""
    if not options.get("looks_elsewhere"):
        send_inserts(session)


@lru_cache(maxsize=256)
def _together(
    shapes: tuple[Shape, ...], update: Update | None, of_update: frozenset[str], dialect: Dialect
) -> _Statement:
    """One INSERT for each table: PostgreSQL runs those of a WITH clause in no certain order, but the rows of one in
    theirs.

    Compiled here, because SQLAlchemy keeps no INSERT of several rows and takes longer to compile one than PostgreSQL
    does to run it.
    """
    processors: dict[str, Callable[[Any], Any]] = {}
    inserts: list[Insert] = []
    number = 0
    for table, columns, count in shapes:
        rows = [
            {column: bindparam(_name(number + row, column), type_=table.c[column].type) for column in columns}
            for row in range(count)
        ]
        inserts.append(insert(table).values(rows).inline())
        for column in columns:
            process = table.c[column].type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                processors |= {_name(number + row, column): process for row in range(count)}
        number += count
    *first, last = inserts
    others = first if update is None else [*first, update]
    together = last.add_cte(*(one.cte(f"part_{place}") for place, one in enumerate(others)))
    compiled = together.compile(dialect=dialect)
    of_rows = {_name(row, column) for row, column in _cells(shapes)}
    if not of_rows.isdisjoint(of_update) or of_rows | of_update != compiled.params.keys():
        raise RuntimeError("an UPDATE that goes with rows has values of its own, or named as theirs")
    return _Statement(str(compiled), processors)


def _cells(shapes: tuple[Shape, ...]) -> Iterator[tuple[int, str]]:
    """The number of each row, with each of its columns."""
    number = 0
    for _, columns, count in shapes:
        yield from ((number + row, column) for row in range(count) for column in columns)
        number += count


def _name(number: int, column: str) -> str:
    return f"{column}_{number}"


def _send_before_statement(state: ORMExecuteState) -> None:
    send_before(state.session, state.execution_options)


def _hold(session: Session, row: object) -> None:
    """The session's own references are weak."""
    session.info.setdefault("held", []).append(row)


def _drop(session: Session, _previous: object) -> None:
    session.info.pop(_PENDING, None)


event.listen(WritingSession, "loaded_as_persistent", _hold)
event.listen(WritingSession, "do_orm_execute", _send_before_statement)
event.listen(WritingSession, "before_flush", lambda session, *_: send_inserts(session))
event.listen(WritingSession, "before_commit", send_inserts)
event.listen(WritingSession, "after_soft_rollback", _drop)
