"""Preparing an upload: looked into, without metadata, with a small copy of what is large; nothing is stored yet."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final, Protocol, TypeVar

from app.actions.files.rules import MAX_PORTRAIT_SIDE, Category, check_extension, check_kind, check_portrait
from app.errors import InvalidInputError, UnavailableError
from app.ids import new_id
from app.media import pictures
from app.media.kinds import PICTURES, extension_of, media_type_of, tidy_filename
from app.projections.files import NewBlob, NewFile
from app.services.storage import copy_hashed
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


@dataclass(frozen=True, slots=True)
class Prepared:
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
        blob, contents = _in_turn(lambda: _prepare_picture(upload))
    else:
        blob = NewBlob(digest=upload.digest, size=upload.size, media_type=media_type)
        contents = {upload.digest: upload.file}
    return Prepared(_new_file(blob, owner_id, directory, filename, is_public=is_public), contents)


def prepare_portrait(upload: Upload, *, owner_id: str, directory: str) -> Prepared:
    """An avatar or a banner: drawn anew, and for everybody. Raises what `prepare` raises."""
    filename = tidy_filename(upload.filename)
    check_portrait(filename, upload.size)
    blob, contents = _in_turn(lambda: _redraw(upload.file))
    stem = filename.removesuffix(f".{extension_of(filename)}")
    named = f"{stem}.{PICTURES[blob.media_type]}"
    return Prepared(_new_file(blob, owner_id, directory, named, is_public=True), contents)


def _new_file(blob: NewBlob, owner_id: str, directory: str, filename: str, *, is_public: bool) -> NewFile:
    return NewFile(
        id=new_id("file"), blob=blob, owner_id=owner_id, directory=directory, filename=filename, is_public=is_public
    )


def _prepare_picture(upload: Upload) -> tuple[NewBlob, dict[str, BinaryIO]]:
    picture = pictures.inspect(upload.file)
    small = pictures.make_small(upload.file)
    cleaned = upload.another_file()
    pictures.clean(upload.file, picture, cleaned)
    size = cleaned.tell()
    digest = _digest_of(cleaned)
    contents: dict[str, BinaryIO] = {digest: cleaned}
    thumbnail = _thumbnail(small, contents)
    return _picture_blob(digest, size, picture, small.blurhash, thumbnail), contents


def _redraw(file: BinaryIO) -> tuple[NewBlob, dict[str, BinaryIO]]:
    picture, drawn = pictures.redraw(file, max_side=MAX_PORTRAIT_SIDE)
    digest = hashlib.sha256(drawn).hexdigest()
    contents: dict[str, BinaryIO] = {digest: BytesIO(drawn)}
    small = pictures.make_small(BytesIO(drawn))
    return _picture_blob(digest, len(drawn), picture, small.blurhash, _thumbnail(small, contents)), contents


def _picture_blob(
    digest: str, size: int, picture: pictures.Picture, blurhash: str, thumbnail: NewBlob | None
) -> NewBlob:
    return NewBlob(
        digest=digest,
        size=size,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        blurhash=blurhash,
        thumbnail=thumbnail,
    )


def _thumbnail(small: pictures.Small, contents: dict[str, BinaryIO]) -> NewBlob | None:
    if small.webp is None:
        return None
    digest = hashlib.sha256(small.webp).hexdigest()
    contents[digest] = BytesIO(small.webp)
    return NewBlob(digest=digest, size=len(small.webp), media_type="image/webp", width=small.width, height=small.height)


def _digest_of(file: BinaryIO) -> str:
    file.seek(0)
    return copy_hashed(file, BytesIO())


def _in_turn(work: Callable[[], T]) -> T:
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise UnavailableError("Too many pictures are being uploaded. Try again.")
    try:
        return off_the_loop(work)
    except OSError as error:  # A full disk; what is wrong with a picture has an error of ours.
        raise UnavailableError from error
    finally:
        _turns.release()
