"""Column types that both databases share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, to the microsecond.

    SQLite itself keeps no zone. PostgreSQL answers in the zone of the connection, which is UTC, and nothing is done to
    its values: there are five in each message of a page.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        return super().bind_processor(dialect) if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


Sequence64 = BigInteger().with_variant(Integer(), "sqlite")  # Only INTEGER counts up by itself in SQLite.

Id = Annotated[str, mapped_column(String(64))]
Uri = Annotated[str, mapped_column(String(2048))]
Name = Annotated[str, mapped_column(String(255))]
LongText = Annotated[str, mapped_column(Text)]
Bytes = Annotated[bytes, mapped_column(LargeBinary)]
Time = Annotated[datetime, mapped_column(UtcDateTime)]
Serial = Annotated[int, mapped_column(Sequence64, primary_key=True, autoincrement=True)]
Big = Annotated[int, mapped_column(BigInteger)]
