"""What any store can do, and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Final, NamedTuple, Protocol

CHUNK_BYTES: Final = 64 * 1024


class Content(NamedTuple):
    """A content in the store, and when it was last put there."""

    digest: str
    put_at: datetime


class Target(Protocol):
    """All that copying needs of a file."""

    def write(self, chunk: bytes, /) -> int: ...


class Store(Protocol):
    """Every method raises UnavailableError when the store is full or away; nothing is then kept that was not before."""

    def put(self, digest: str, file: BinaryIO) -> None:
        """Keep what `file` has from its start on, whose SHA-256 in hex is `digest`.

        Durable and whole when it returns, invisible before. What is there already is put again, and `put_at` is new.
        """

    def has(self, digest: str) -> bool: ...

    def read(self, digest: str, start: int, length: int) -> Iterator[bytes]:
        """Those bytes in chunks, fewer where it ends before. Raises FileNotFoundError, before the first chunk."""

    def delete(self, digest: str) -> None:
        """What is not there is as good as deleted. It is done within three seconds or not at all, as far as the store
        knows: a transaction waits for it."""

    def list_contents(self, *, before: datetime) -> Iterator[Content]:
        """Those last put there before that time, in no order."""

    def sweep(self, *, before: datetime) -> None:
        """Take away what was begun before that time and never finished."""


def copy_hashed(source: BinaryIO, target: Target) -> str:
    """Copy from where `source` is to its end, in chunks; returns the SHA-256 of it in hex."""
    sum_ = hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        sum_.update(chunk)
        target.write(chunk)
    return sum_.hexdigest()
