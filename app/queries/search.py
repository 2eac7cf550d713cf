"""Full-text search in a channel, by the beginnings of words, without the words themselves being stored.

Each beginning is a hash under a key of the server and for one channel. Whoever has the database and not the key reads
nothing from it, and the same word has other hashes in another channel, so that to match is to stand there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, bindparam, column, func, literal_column, select, table
from sqlalchemy.orm import Session

from app.errors import InvalidInputError
from app.models import SearchTerms
from app.sealing import blind, blinds

MAX_QUERY: Final = 200
MAX_TERMS: Final = 1500
"""Of one message; what comes after is not found."""
_SHORTEST, _LONGEST = 2, 12  # Characters of a beginning. A longer word is found by its first twelve.
_MAX_WORDS: Final = 10

_WORD: Final = re.compile(r"\w+")
# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer: words are not set apart, so each two neighbours count as one.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)

_index = table("search_index", column("rowid", Integer))
_WHOLE_ROW: Final[ColumnElement[Any]] = literal_column("search_index")  # As FTS5 calls it.
_SIMPLE: Final[ColumnElement[Any]] = literal_column("'simple'::regconfig")


def search_terms(channel_id: str, text: str) -> str:
    """What is stored of a message in that channel."""
    beginnings = dict.fromkeys(part for word in _words(text) for part in _beginnings(word))
    return " ".join(blind(channel_id, list(beginnings)[:MAX_TERMS]))


def matching(session: Session, channel_id: str, query: str) -> tuple[Select[int], str]:
    """The ids of the `search_terms` that have all words of the query, and what to bind as `match`.

    Raises InvalidInputError for a query without a word.
    """
    wanted = dict.fromkeys(part for word in _words(query) for part in _sought(word))
    if not wanted:
        raise InvalidInputError("`q` must have a word of at least 2 letters or digits.")
    each = [blinds(channel_id, part) for part in list(wanted)[:_MAX_WORDS]]
    if session.get_bind().dialect.name == "postgresql":
        return _in_postgresql(), " & ".join(f"({' | '.join(either)})" for either in each)
    return _in_sqlite(), " AND ".join(f"({' OR '.join(either)})" for either in each)


def _words(text: str) -> Iterator[str]:
    for found in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        word, end = found[0], 0
        for unspaced in _UNSPACED.finditer(word):
            yield from (part for part in (word[end : unspaced.start()], unspaced[0]) if part)
            end = unspaced.end()
        if end < len(word):
            yield word[end:]


def _beginnings(word: str) -> Iterator[str]:
    if _UNSPACED.match(word):
        yield from _neighbours(word)
    else:
        yield from (word[:length] for length in range(_SHORTEST, min(len(word), _LONGEST) + 1))


def _sought(word: str) -> Iterator[str]:
    if _UNSPACED.match(word):
        yield from _neighbours(word)
    elif len(word) >= _SHORTEST:
        yield word[:_LONGEST]


def _neighbours(word: str) -> Iterator[str]:
    return (word[place : place + 2] for place in range(len(word) - 1))


@cache
def _in_sqlite() -> Select[int]:
    return select(_index.c.rowid).where(_WHOLE_ROW.op("MATCH")(bindparam("match"))).order_by(_index.c.rowid.desc())


@cache
def _in_postgresql() -> Select[int]:
    matches = func.to_tsvector(_SIMPLE, SearchTerms.terms).op("@@")(func.to_tsquery(_SIMPLE, bindparam("match")))
    return select(SearchTerms.id).where(matches).order_by(SearchTerms.id.desc())
