"""Preparing an upload: looked into, without metadata, with a small copy of what is large; nothing is stored yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, Protocol, TypeVar

import msgspec

from app.actions.files.rules import Category, check_extension, check_kind, check_portrait
from app.errors import InvalidInputError, UnavailableError
from app.ids import new_id
from app.media.kinds import PICTURES, extension_of, media_type_of, tidy_filename
from app.projections.files import NewBlob, NewFile
from app.services.threads import off_the_loop

T = TypeVar("T")

_AT_ONCE: Final = 2  # A picture takes 100 MB for a moment.
_WAIT_SECONDS: Final = 20.0
_turns = threading.BoundedSemaphore(_AT_ONCE)


class Upload(Protocol):
    """A file that has arrived whole. `digest` is its SHA-256 in hex."""

    @property
    def filename(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def file(self) -> BinaryIO: ...
    def another_file(self) -> BinaryIO:
        """An empty one, which is there as long as this one is."""


class Prepared(msgspec.Struct, frozen=True):
    """A file ready to be kept. `contents` are what the store gets, by digest: its own and that of its small copy."""

    file: NewFile
    contents: dict[str, BinaryIO]


def prepare(
    upload: Upload, *, owner_id: str, directory: str, categories: Sequence[Category], is_public: bool
) -> Prepared:
    """Raises InvalidInputError or UnsupportedMediaError for what may not be uploaded, UnavailableError when too many
    pictures are looked at already."""
    filename = tidy_filename(upload.filename)
    if upload.size == 0:
        raise InvalidInputError("The file is empty.")
    check_extension(filename, categories, upload.file)
    media_type = media_type_of(upload.file)
    check_kind(filename, media_type, upload.size, categories)
    if media_type in PICTURES:
        from app.actions.files.drawing import prepare_picture  # Pillow comes with it: late, for who needs it.

        blob, contents = _in_turn(lambda: prepare_picture(upload.file, upload.another_file))
    else:
        blob = NewBlob(digest=upload.digest, size=upload.size, media_type=media_type)
        contents = {upload.digest: upload.file}
    return Prepared(_new_file(blob, owner_id, directory, filename, is_public=is_public), contents)


def prepare_portrait(upload: Upload, *, owner_id: str, directory: str) -> Prepared:
    """An avatar or a banner: drawn anew, and for everybody. Raises what `prepare` raises."""
    from app.actions.files.drawing import redraw

    filename = tidy_filename(upload.filename)
    check_portrait(filename, upload.size)
    blob, contents = _in_turn(lambda: redraw(upload.file))
    stem = filename.removesuffix(f".{extension_of(filename)}")
    named = f"{stem}.{PICTURES[blob.media_type]}"
    return Prepared(_new_file(blob, owner_id, directory, named, is_public=True), contents)


def _new_file(blob: NewBlob, owner_id: str, directory: str, filename: str, *, is_public: bool) -> NewFile:
    return NewFile(
        id=new_id("file"), blob=blob, owner_id=owner_id, directory=directory, filename=filename, is_public=is_public
    )


def _in_turn(work: Callable[[], T]) -> T:
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise UnavailableError("Too many pictures are being uploaded. Try again.")
    try:
        return off_the_loop(work)
    except OSError as error:  # A full disk; what is wrong with a picture has an error of ours.
        raise UnavailableError from error
    finally:
        _turns.release()
