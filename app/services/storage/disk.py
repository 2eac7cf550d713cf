"""The store on a disk: one file for each content, in folders by the first two letters of its digest."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from app.errors import UnavailableError
from app.services.storage.store import CHUNK_BYTES, Content, copy_hashed
from app.services.threads import off_the_loop

_DRAFT: Final = ".draft-"
_FOLDER_MODE: Final = 0o700
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


class DiskStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, digest: str, file: BinaryIO) -> None:
        """File, rename and both folders are synced, in this order (reliability.md, "201 upload")."""
        with _disk_errors():
            off_the_loop(lambda: self._put(digest, file))

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def read(self, digest: str, start: int, length: int) -> Iterator[bytes]:
        with _disk_errors():
            file = self._path(digest).open("rb")
        file.seek(start)
        return _Chunks(file, length)

    def delete(self, digest: str) -> None:
        with _disk_errors():
            self._path(digest).unlink(missing_ok=True)

    def list_contents(self, *, before: datetime) -> Iterator[Content]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            put_at = _changed_at(path)
            if put_at is not None and put_at < before and not path.name.startswith(_DRAFT):
                yield Content(path.name, put_at)

    def sweep(self, *, before: datetime) -> None:
        for path in self._folder.glob(f"[0-9a-f][0-9a-f]/{_DRAFT}*"):
            begun_at = _changed_at(path)
            if begun_at is not None and begun_at < before:
                path.unlink(missing_ok=True)

    def _put(self, digest: str, file: BinaryIO) -> None:
        path = self._path(digest)
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        draft = path.with_name(_DRAFT + secrets.token_hex(8))
        try:
            with draft.open("xb") as target:
                file.seek(0)
                copied = copy_hashed(file, target)
                target.flush()
                os.fsync(target.fileno())
            if copied != digest:
                raise ValueError("the content is not what its digest says")
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        _sync_folder(self._folder)  # The name of the folder itself may be new.

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


class _Chunks:
    """The next bytes of a file. A server closes what it sends, also when nobody has begun to read it."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self._file.read(min(self._left, CHUNK_BYTES))
        if not chunk:
            self.close()
            raise StopIteration
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


def _changed_at(path: Path) -> datetime | None:
    """None for a file that is gone meanwhile."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A disk that is full or gone is the operator's trouble: 503, never a 500."""
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT:
            raise
        raise UnavailableError from error
