"""What may be uploaded: by its extension, by what it is, and how much of it (contracts/pufferblow.md, 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final, Literal

from app.errors import InvalidInputError, UnsupportedMediaError
from app.media.kinds import PICTURES, extension_of, is_active
from app.queries.server_settings import ServerSettings, server_settings
from app.settings import MEGABYTE

Category = Literal["image", "gif", "video", "audio", "sticker", "file"]

MAX_PORTRAIT_MB: Final = 5
MAX_PORTRAIT_SIDE: Final = 2048
"""Of avatars and banners."""

MAX_ATTACHMENTS: Final = 20
"""Of one message."""

# What each directory takes; any other takes everything.
_TAKEN: Final[dict[str, tuple[Category, ...]]] = {
    "images": ("image", "gif"),
    "gifs": ("gif",),
    "stickers": ("sticker",),
    "videos": ("video",),
    "audio": ("audio",),
}
_EVERYTHING: Final[tuple[Category, ...]] = ("image", "gif", "video", "audio", "file")


def categories_of(directory: str) -> tuple[Category, ...]:
    return _TAKEN.get(directory, _EVERYTHING)


def check_extension(filename: str, categories: Sequence[Category], file: BinaryIO) -> None:
    """Raises InvalidInputError, or UnsupportedMediaError for what a browser could run, which nobody asked to share."""
    allowed = _allowed(server_settings(), categories)
    extension = extension_of(filename)
    if extension in allowed:
        return
    message = f"File extension '{extension}' not allowed. Allowed: {', '.join(allowed)}"
    raise UnsupportedMediaError(message) if is_active(file) else InvalidInputError(message)


def check_portrait(filename: str, size: int) -> None:
    """An avatar or a banner, before it is looked into. Raises InvalidInputError."""
    allowed = server_settings().allowed_image_types
    extension = extension_of(filename)
    if extension not in allowed:
        raise InvalidInputError(f"File extension '{extension}' not allowed. Allowed: {', '.join(allowed)}")
    check_size(size, MAX_PORTRAIT_MB)


def check_kind(filename: str, media_type: str, size: int, categories: Sequence[Category]) -> Category:
    """Which of the categories the bytes are of. Raises InvalidInputError for other bytes, and for too many."""
    settings = server_settings()
    category = _category_of(settings, filename, media_type, categories)
    check_size(size, getattr(settings, f"max_{category}_size"))
    return category


def check_size(size: int, megabytes: int) -> None:
    """Raises InvalidInputError."""
    if size > megabytes * MEGABYTE:
        raise InvalidInputError(f"File size exceeds maximum of {megabytes}MB")


def max_upload_bytes() -> int:
    """What a single file may have at most."""
    settings = server_settings()
    return MEGABYTE * max(int(getattr(settings, f"max_{category}_size")) for category in (*_EVERYTHING, "sticker"))


def max_message_bytes() -> int:
    """What all the files of a message may have together."""
    return MEGABYTE * server_settings().max_total_attachment_size


def max_portrait_bytes() -> int:
    return MEGABYTE * MAX_PORTRAIT_MB


def _category_of(settings: ServerSettings, filename: str, media_type: str, categories: Sequence[Category]) -> Category:
    extension = extension_of(filename)
    if media_type in PICTURES:
        fitting: Category = "gif" if media_type == "image/gif" else "image"
        for category in (fitting, "image", "sticker"):
            if category in categories:
                return category
        raise InvalidInputError("This directory does not take pictures.")
    if extension in {*settings.allowed_image_types, *settings.allowed_gif_types, *settings.allowed_sticker_types}:
        raise InvalidInputError("Invalid image file")
    for category in ("video", "audio"):
        if extension in _types(settings, category):
            return category
    return "file"


def _allowed(settings: ServerSettings, categories: Sequence[Category]) -> list[str]:
    return list(dict.fromkeys(extension for category in categories for extension in _types(settings, category)))


def _types(settings: ServerSettings, category: Category) -> tuple[str, ...]:
    types: tuple[str, ...] = getattr(settings, f"allowed_{category}_types")
    return types
