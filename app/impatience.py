"""Connections to PostgreSQL that do not wait for ever for a server that hangs (fault F12)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

# A little longer than the server itself lets a statement take (`app.db`).
ANSWER_SECONDS: Final = 11.0


class ImpatientConnection(psycopg.Connection[Any]):
    """Gives up a server that hangs while its kernel keeps the connection, which neither ours nor libpq would notice."""

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """Raises OperationalError, the connection closed, when nothing was said for ANSWER_SECONDS."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, ANSWER_SECONDS)
        except Exception as error:
            if time.monotonic() - began < ANSWER_SECONDS:
                raise
            self.close()
            raise psycopg.OperationalError("the database does not answer") from error


def connect_impatiently(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: Sequence[Any], options: Mapping[str, Any]
) -> ImpatientConnection:
    """For SQLAlchemy's event `do_connect`."""
    return ImpatientConnection.connect(*arguments, **options)
