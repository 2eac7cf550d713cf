"""Pictures of an upload: what is kept of them. It computes for up to seconds, so it is called off the loop.

Apart, because it needs Pillow: 3 MB, which a process that is given no pictures does not load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO

from app.actions.files.rules import MAX_PORTRAIT_SIDE
from app.media import pictures
from app.projections.files import NewBlob
from app.services.storage import copy_hashed


def prepare_picture(file: BinaryIO, another_file: Callable[[], BinaryIO]) -> tuple[NewBlob, dict[str, BinaryIO]]:
    """Without its metadata, which goes to `another_file`; and the contents by digest. Raises InvalidInputError."""
    picture = pictures.inspect(file)
    small = pictures.make_small(file)
    cleaned = another_file()
    pictures.clean(file, picture, cleaned)
    size = cleaned.tell()
    digest = _digest_of(cleaned)
    contents: dict[str, BinaryIO] = {digest: cleaned}
    thumbnail = _thumbnail(small, contents)
    return _picture_blob(digest, size, picture, small.blurhash, thumbnail), contents


def redraw(file: BinaryIO) -> tuple[NewBlob, dict[str, BinaryIO]]:
    """Drawn anew, as avatars and banners are; and the contents by digest. Raises InvalidInputError."""
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
