"""What the full-text index of the database is made of."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, ForeignKey, event
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Id, LongText, Serial

_SQLITE: Final = (
    """
    CREATE VIRTUAL TABLE search_index
    USING fts5(terms, content='search_terms', content_rowid='id', detail='none', columnsize=0)
    """,
    """
    CREATE TRIGGER search_terms_insert AFTER INSERT ON search_terms BEGIN
        INSERT INTO search_index (rowid, terms) VALUES (new.id, new.terms);
    END
    """,
    """
    CREATE TRIGGER search_terms_delete AFTER DELETE ON search_terms BEGIN
        INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', old.id, old.terms);
    END
    """,
    """
    CREATE TRIGGER search_terms_update AFTER UPDATE ON search_terms BEGIN
        INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', old.id, old.terms);
        INSERT INTO search_index (rowid, terms) VALUES (new.id, new.terms);
    END
    """,
)
_POSTGRESQL: Final = (
    "CREATE INDEX ix_search_terms_terms ON search_terms USING gin (to_tsvector('simple'::regconfig, terms))",
)


class SearchTerms(Base):
    """The beginnings of the words of a living message in a channel, each as a keyed hash (`app.queries.search`).

    Ids are in the order of the messages. SQLite finds terms by `search_index`, a table of FTS5, PostgreSQL by an index.
    """

    __tablename__ = "search_terms"

    id: Mapped[Serial]
    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    terms: Mapped[LongText]


for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
    for _statement in _statements:
        _made = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        event.listen(SearchTerms.__table__, "after_create", _made)


def is_described(name: str | None, _kind: str, _parents: object) -> bool:
    """Whether a table or an index is one of the models' and not of the full-text index (Alembic's `include_name`)."""
    return name is None or not name.startswith(("search_index", "ix_search_terms_terms"))
