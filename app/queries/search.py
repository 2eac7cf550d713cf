"""Full-text search in a channel, by the beginnings of words, without the words themselves being stored.

Each beginning is a hash under a key of the server, for one channel and one block of its positions. Whoever has the
database and not the key reads nothing from it, and the same word has other hashes in another channel, so that to match
is to stand there. Blocks are asked from the newest on, so that a word that is everywhere costs no more than one that is
not: the index cannot give the newest of very many first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    true,
)
from sqlalchemy.orm import Session

from app.errors import InvalidInputError
from app.models import SearchTerms
from app.sealing import blind, blinds

MAX_QUERY: Final = 200
MAX_TERMS: Final = 1500
"""Of one message; what comes after is not found."""
MAX_FOUND: Final = 1000
BLOCK: Final = 1024
_FIRST_BLOCKS: Final = 16
_MOST_BLOCKS: Final = 1024
_SHORTEST, _LONGEST = 2, 12  # Characters of a beginning. A longer word is found by its first twelve.
_MAX_WORDS: Final = 10
_MAX_READ: Final = 100_000  # Characters of a text. There are signs that are a whole sentence when they are spelt out.
_MAX_MARKS: Final = 30  # On one letter, as in Unicode's Stream-Safe Text Format (UAX 15, section 13).

_WORD: Final = re.compile(r"\w+")
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_HALF_WIDTH_MARKS: Final = "\N{HALFWIDTH KATAKANA VOICED SOUND MARK}\N{HALFWIDTH KATAKANA SEMI-VOICED SOUND MARK}"
# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer: words are not set apart, so each two neighbours count as one.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)

_index = table("search_index", column("rowid", Integer))
_WHOLE_ROW: Final[ColumnElement[Any]] = literal_column("search_index")  # As FTS5 calls it.
_SIMPLE: Final[ColumnElement[Any]] = literal_column("'simple'::regconfig")


def search_terms(channel_id: str, position: int, text: str) -> str:
    """What is stored of a message that stands there."""
    beginnings = dict.fromkeys(part for word in _words(text) for part in _beginnings(word))
    return " ".join(blind(_scope(channel_id, position // BLOCK), list(beginnings)[:MAX_TERMS]))


def list_matches(session: Session, channel_id: str, query: str, *, head: int, skip: int, size: int) -> list[int]:
    """The ids of the `search_terms` that have all words of the query, the newest first; of MAX_FOUND in all.

    `head` is the position of the channel's newest message. Raises InvalidInputError for a query without a word.
    """
    parts = list(dict.fromkeys(part for word in _words(query) for part in _sought(word)))[:_MAX_WORDS]
    if not parts:
        raise InvalidInputError("`q` must have a word of at least 2 letters or digits.")
    wanted = min(skip + size, MAX_FOUND)
    found: list[int] = []
    for blocks in _newest_first(head // BLOCK):
        # A message has all the parts under one secret; those of two secrets are never in one message.
        alternatives = [blinds(_scope(channel_id, block), parts) for block in blocks]
        found += _find(session, alternatives, most=wanted - len(found))
        if len(found) >= wanted:
            break
    return found[skip:wanted]


def _find(session: Session, alternatives: Sequence[Sequence[Sequence[str]]], *, most: int) -> Sequence[int]:
    """The first `most` that have all the words of one of the alternatives; there are several for each block, of which
    the newest is first."""
    if session.get_bind().dialect.name == "postgresql":
        matches = [" | ".join(f"({' & '.join(words)})" for words in block) for block in alternatives]
        return session.scalars(_IN_POSTGRESQL, {"matches": matches, "most": most}).all()
    match = " OR ".join(f"({' AND '.join(words)})" for block in alternatives for words in block)
    return session.scalars(_IN_SQLITE, {"match": match, "most": most}).all()


def _newest_first(newest: int) -> Iterator[range]:
    """Few blocks at first, which mostly are enough, and then more and more of them."""
    number = _FIRST_BLOCKS
    while newest >= 0:
        yield range(newest, max(newest - number, -1), -1)
        newest, number = newest - number, min(8 * number, _MOST_BLOCKS)


def _scope(channel_id: str, block: int) -> str:
    return f"{channel_id}|{block}"


def _words(text: str) -> Iterator[str]:
    for word in _split(_normalise(text).casefold()):
        end = 0
        for unspaced in _UNSPACED.finditer(word):
            yield from (part for part in (word[end : unspaced.start()], unspaced[0]) if part)
            end = unspaced.end()
        if end < len(word):
            yield word[end:]


def _normalise(text: str) -> str:
    """Marks are put in order one by one, each past those before it, so there must not be too many on one letter."""
    if text.isascii():
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if _is_mark(character) else 0
        if marks <= _MAX_MARKS:
            kept.append(character)
    return unicodedata.normalize("NFKC", "".join(kept))[:_MAX_READ]


def _is_mark(character: str) -> bool:
    """The sounds of half-width kana are letters that become marks."""
    return unicodedata.category(character)[0] == "M" or character in _HALF_WIDTH_MARKS


def _split(text: str) -> Iterator[str]:
    """Words as most languages set them apart. The vowels and accents of many scripts are marks, which `re` takes for
    the end of a word; before a word they are of what stood there, an emoji mostly."""
    if text.isascii():
        yield from _WORD.findall(text)
        return
    word = ""
    for character in text:
        if character.isalnum() or character == "_" or (word and _continues(character)):
            word += character
        elif word:
            yield word
            word = ""
    if word:
        yield word


def _continues(character: str) -> bool:
    return character in _JOINERS or _is_mark(character)


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


_MOST = bindparam("most", type_=Integer)
# FTS5 reads what it has of each word from the newest on, and stops.
_IN_SQLITE: Final = (
    select(_index.c.rowid)
    .where(_WHOLE_ROW.op("MATCH")(bindparam("match")))
    .order_by(_index.c.rowid.desc())
    .limit(_MOST)
)


def _in_postgresql() -> Select[int]:
    """One block after the other, until there are enough. By an expression, the order cannot be had from the primary
    key, by which PostgreSQL would read all of a channel for a word that it takes for a frequent one."""
    block = func.unnest(bindparam("matches", type_=ARRAY(Text))).table_valued("match", name="block").render_derived()
    terms = func.to_tsvector(_SIMPLE, SearchTerms.terms)
    found = (
        select(SearchTerms.id)
        .where(terms.op("@@")(func.to_tsquery(_SIMPLE, block.c.match)))
        .order_by((SearchTerms.id + 0).desc())
        .limit(_MOST)
        .lateral("found")
    )
    return select(found.c.id).select_from(block).join(found, true()).limit(_MOST)


_IN_POSTGRESQL: Final = _in_postgresql()
