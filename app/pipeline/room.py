"""How much more the queue of one domain takes: whoever sends faster than is applied is told to come back later.

What is counted for each server alone is no limit to who has many (docs/decisions.md, 50).

The queue is measured rarely, because measuring a long one takes time: not again before a share of what there was room
for has come, however the workers are getting on meanwhile. So the limits are not met to the row.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Final

import msgspec
from cachetools import LRUCache

from activitypub.uris import domain_of
from app.db import reading
from app.errors import TooManyRequestsError
from app.queries.queues import QUEUE_BYTES_MAX, QUEUE_MAX, measure_inbox

# What is taken of a domain before its queue is looked at for the first time.
FIRST_ROWS: Final = 200
FIRST_BYTES: Final = 8 * 1024 * 1024
LOOK_AGAIN_SECONDS: Final = 10
_SHARE: Final = 8  # Other web processes take a share of the same room.
_RETRY_AFTER_SECONDS: Final = 60


class _Room(msgspec.Struct):
    rows: int
    bytes: int
    is_being_measured: bool = False
    full_until: float = 0.0


_rooms: LRUCache[str, _Room] = LRUCache(maxsize=8192)
_lock = threading.Lock()


def take_room(host: str, size: int) -> None:
    """Raises TooManyRequestsError while the queue of the host's domain is full (hostile case FED-03), UnavailableError
    when the database is away."""
    domain = domain_of(host)
    with _lock:
        room = _rooms.setdefault(domain, _Room(FIRST_ROWS, FIRST_BYTES))
        if time.monotonic() < room.full_until:
            raise _full()
        # Whoever comes while the queue is measured is let in: nobody knows yet that it is full.
        if (room.rows > 0 and room.bytes > 0) or room.is_being_measured:
            _take(room, size)
            return
        room.is_being_measured = True
    try:
        _measure(domain, room)
    finally:
        room.is_being_measured = False
    _take(room, size)


def _take(room: _Room, size: int) -> None:
    room.rows -= 1
    room.bytes -= size


def _full() -> TooManyRequestsError:
    return TooManyRequestsError(
        "What your server sent before is not applied yet. Send this again later.",
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )


def _measure(domain: str, room: _Room) -> None:
    with reading() as session:
        rows, bytes_ = measure_inbox(session, domain)
    room.rows = math.ceil((QUEUE_MAX - rows) / _SHARE)
    room.bytes = math.ceil((QUEUE_BYTES_MAX - bytes_) / _SHARE)
    if room.rows <= 0 or room.bytes <= 0:
        room.full_until = time.monotonic() + LOOK_AGAIN_SECONDS
        raise _full()
