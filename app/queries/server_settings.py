"""What an admin decides about the server at run time, cheap enough to be asked for in every request."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Database, database
from app.models import Setting
from app.queries.instance import get_instance
from app.settings import current

# Before a setting's own name in the table, which also holds what the installation knows of itself.
PREFIX: Final = "server."

MAX_NAME: Final = 100
MAX_DESCRIPTION: Final = 2000
MAX_MESSAGE_LENGTH: Final = 50_000
MAX_SIZE_MB: Final = 4096
MAX_TYPES: Final = 64

_LIVES_SECONDS: Final = 5.0  # In a process that missed the word that something changed.


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are megabytes (2**20 bytes), `max_message_length` characters, `rate_limit_duration` minutes.

    `max_users` counts local accounts, None is no limit; a private server takes no sign-ups from strangers, and one that
    requires a login shows them no accounts or conferences over Punctum. Types are the ends of file names, without the
    dot.
    """

    server_name: str
    server_description: str
    welcome_message: str = ""
    is_private: bool = False
    max_users: int | None = None
    max_message_length: int = MAX_MESSAGE_LENGTH
    max_image_size: int = 5
    max_video_size: int = 50
    max_sticker_size: int = 5
    max_gif_size: int = 10
    max_audio_size: int = 50
    max_file_size: int = 50
    max_total_attachment_size: int = 50
    allowed_image_types: tuple[str, ...] = ("png", "jpg", "jpeg", "gif", "webp")
    allowed_video_types: tuple[str, ...] = ("mp4", "webm")
    allowed_audio_types: tuple[str, ...] = ("mp3", "wav", "ogg", "m4a", "aac", "flac", "opus")
    allowed_file_types: tuple[str, ...] = ("pdf", "doc", "docx", "txt", "zip")
    allowed_sticker_types: tuple[str, ...] = ("png", "gif")
    allowed_gif_types: tuple[str, ...] = ("gif",)
    max_rate_limit_requests: int
    rate_limit_duration: int = 5
    max_rate_limit_warnings: int = 15
    require_login_to_read: bool = False


# The name and the description are the home space's, which other servers see: an activity changes them.
NAMES: Final = frozenset(field.name for field in fields(ServerSettings)) - {"server_name", "server_description"}


class _Cache:
    """The settings of one database as they were read last.

    One at a time reads them anew, and whoever comes meanwhile gets those of before: a writer holds a connection
    already, and many that all want a second one at the same moment would wait for each other.
    """

    def __init__(self) -> None:
        self._read: tuple[Database, float, ServerSettings] | None = None
        self._changes = 0
        self._reading = threading.Lock()

    def forget(self) -> None:
        self._changes += 1
        if (read := self._read) is not None:
            self._read = (read[0], -math.inf, read[2])

    def get(self) -> ServerSettings:
        here = database()
        known = read if (read := self._read) and read[0] is here else None
        if known is not None and time.monotonic() - known[1] < _LIVES_SECONDS:
            return known[2]
        if known is not None and self._reading.locked():
            return known[2]
        with self._reading:
            return self._look(here)

    def _look(self, here: Database) -> ServerSettings:
        changes, now = self._changes, time.monotonic()
        with here.reading() as session:
            settings = read_server_settings(session)
        # Otherwise it may have been read before the change that was told since.
        self._read = (here, now if changes == self._changes else -math.inf, settings)
        return settings


_cache = _Cache()


def server_settings() -> ServerSettings:
    """What holds now. A change is known at once in the process that made it, in the others when the bus has told
    them, and after five seconds at the latest. Raises UnavailableError on a database that is away or not set up."""
    return _cache.get()


def forget_server_settings() -> None:
    """Have the next question read the database: something has changed."""
    _cache.forget()


def read_server_settings(session: Session) -> ServerSettings:
    """What the database says. Raises UnavailableError on one that was never set up."""
    instance = get_instance(session)
    rows = session.execute(select(Setting.name, Setting.value).where(Setting.name.startswith(PREFIX)))
    changed = {name.removeprefix(PREFIX): value for name, value in rows}
    changed.setdefault("max_rate_limit_requests", current().rate_limit)
    return ServerSettings(server_name=instance.name, server_description=instance.description, **_known(changed))


def _known(changed: Mapping[str, Any]) -> dict[str, Any]:
    """Without what an older or newer version of Shoal kept there; JSON has lists where we have tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in changed.items() if name in NAMES
    }
