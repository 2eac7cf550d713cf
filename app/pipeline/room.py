"""How much more one server's queue takes: whoever sends faster than is applied is told to come back later.

The queue is measured rarely, because measuring a long one takes time: not again before a share of what there was room
for has come, however the workers are getting on meanwhile.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from app.db import reading
from app.errors import TooManyRequestsError
from app.queries.queues import QUEUE_BYTES_MAX, QUEUE_MAX, measure_inbox

_FIRST_ROWS: Final = 200
_FIRST_BYTES: Final = 8 * 1024 * 1024
"""What is taken of a server before its queue is looked at for the first time."""
_SHARE: Final = 8  # Other web processes take a share of the same room.
_LOOK_AGAIN_SECONDS: Final = 10
_RETRY_AFTER_SECONDS: Final = 60


@dataclass(slots=True)
class _Room:
    rows: int
    bytes: int
    full_until: float = 0.0


_rooms: LRUCache[str, _Room] = LRUCache(maxsize=8192)
_lock = threading.Lock()


def take_room(host: str, size: int) -> None:
    """Raises TooManyRequestsError while the host's queue is full (hostile case FED-03), UnavailableError when the
    database is away."""
    with _lock:
        room = _rooms.setdefault(host, _Room(_FIRST_ROWS, _FIRST_BYTES))
    if room.rows <= 0 or room.bytes <= 0:
        if time.monotonic() >= room.full_until:
            _measure(host, room)
        if room.rows <= 0 or room.bytes <= 0:
            raise TooManyRequestsError(
                "What your server sent before is not applied yet. Send this again later.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
    room.rows -= 1
    room.bytes -= size


def _measure(host: str, room: _Room) -> None:
    room.full_until = time.monotonic() + _LOOK_AGAIN_SECONDS  # Others that come now do not measure it, too.
    with reading() as session:
        rows, bytes_ = measure_inbox(session, host)
    room.rows = -(-(QUEUE_MAX - rows) // _SHARE)
    room.bytes = -(-(QUEUE_BYTES_MAX - bytes_) // _SHARE)
