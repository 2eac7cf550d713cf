"""Very many rows, so many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

AT_ONCE: Final = 2000


def in_parts(
    session: Session, which: ColumnElement[bool], *, along: InstrumentedAttribute[Any]
) -> Iterator[ColumnElement[bool]]:
    """Conditions that together pick what `which` picks, in the order of `along`, which an index has and no two share.

    A statement about all that somebody ever said is ended by PostgreSQL, however often it is tried, and nobody else in
    the process has a turn while SQLite is at it.
    """
    rest = which
    while True:
        part = select(along.label("at")).where(rest).order_by(along).limit(AT_ONCE).subquery()
        end = session.scalar(select(func.max(part.c.at)))
        if end is None:
            return
        yield rest & (along <= end)
        rest = which & (along > end)
        sleep(0)
