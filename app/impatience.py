"""Connections to PostgreSQL that do not wait for ever for a server that hangs (fault F12), and that describe
what they found at less cost than psycopg's own."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import _queries
from psycopg.abc import PQGen

# Statements come from our code and are few; a page of messages and the rows of a message are longer than psycopg
# remembers, so that it would read each time anew where their parameters are.
_queries.MAX_CACHED_STATEMENT_LENGTH = 32_768
_queries.MAX_CACHED_STATEMENT_PARAMS = 512
# A little longer than the server itself lets a statement take (`app.db`).
ANSWER_SECONDS: Final = 11.0


Described = tuple[str, int, None, None, None, None, None]


class PlainCursor(psycopg.Cursor[Any]):
    """Describes its columns in PEP 249's tuples. SQLAlchemy asks after every statement and looks at the names, for
    which psycopg makes an object of each column and looks its type up."""

    @property
    def description(self) -> list[Described] | None:  # type: ignore[override]
        result = self.pgresult
        if result is None or not result.nfields:
            return None
        return [
            ((result.fname(place) or b"").decode(), result.ftype(place), None, None, None, None, None)
            for place in range(result.nfields)
        ]


class SilenceError(psycopg.OperationalError):
    """A question was not answered within ANSWER_SECONDS."""

    def __init__(self) -> None:
        super().__init__("the database does not answer")


class ImpatientConnection(psycopg.Connection[Any]):
    """Gives up a server that hangs while its kernel keeps the connection, which neither ours nor libpq would notice."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.cursor_factory = PlainCursor

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """Raises SilenceError, the connection closed, when there is no answer for ANSWER_SECONDS."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return self._wait(gen, interval)
        except SilenceError:
            self.close()
            raise

    def _wait(self, gen: PQGen[Any], interval: float) -> Any:
        """Raises SilenceError, the connection open."""
        try:
            return super().wait(gen, interval, ANSWER_SECONDS)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001  Nothing else tells it from an answer.
            raise SilenceError from error
