"""Very many rows, so many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import sleep
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

AT_ONCE: Final = 2000
# Of a table of which few rows are wanted, and no index tells which.
LOOKED_AT_ONCE: Final = 20_000
# As a list these are looked for by an index, whatever PostgreSQL takes the number of rows to be.
NAMED_AT_ONCE: Final = 500


def in_parts(
    session: Session, which: ColumnElement[bool], *, along: InstrumentedAttribute[Any]
) -> Iterator[ColumnElement[bool]]:
    """Conditions that together pick what `which` picks, in the order of `along`, which an index has and no two share.

    A statement about all that somebody ever said is ended by PostgreSQL, however often it is tried, and nobody else in
    the process has a turn while SQLite is at it.
    """
    return _in_parts(session, which, along, AT_ONCE)


def through_all(session: Session, *, along: InstrumentedAttribute[Any]) -> Iterator[ColumnElement[bool]]:
    """The same for what no index tells: together they pick all rows."""
    return _in_parts(session, true(), along, LOOKED_AT_ONCE)


def _in_parts(
    session: Session, which: ColumnElement[bool], along: InstrumentedAttribute[Any], at_once: int
) -> Iterator[ColumnElement[bool]]:
    rest = which
    while True:
        part = select(along.label("at")).where(rest).order_by(along).limit(at_once).subquery()
        end = session.scalar(select(func.max(part.c.at)))
        if end is None:
            return
        yield rest & (along <= end)
        rest = which & (along > end)
        sleep(0)


def values_in_parts(
    session: Session,
    wanted: InstrumentedAttribute[str],
    which: ColumnElement[bool],
    *,
    along: InstrumentedAttribute[Any],
) -> Iterator[Sequence[str]]:
    """What `wanted` is of all of those rows, as lists."""
    for part in in_parts(session, which, along=along):
        values = session.scalars(select(wanted).where(part)).all()
        for start in range(0, len(values), NAMED_AT_ONCE):
            yield values[start : start + NAMED_AT_ONCE]
