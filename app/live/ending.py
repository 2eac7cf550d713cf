"""The end of a socket that is good for as long as the token it was opened with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from app.live.hub import Subscriber


@contextmanager
def ending_at(subscriber: Subscriber, expires_at: datetime | None) -> Iterator[None]:
    """Sign a client's socket out when its token ends, if that comes before the end of the block. PufferBlow's own
    clients open none with the next token, so theirs outlive them (contracts/pufferblow.md, 7)."""
    if not subscriber.is_of_client or expires_at is None:
        yield
        return
    left = (expires_at - datetime.now(UTC)).total_seconds()
    ending = threading.Timer(max(0.0, left), subscriber.sign_out, ["the token expired"])
    ending.daemon = True
    ending.start()
    try:
        yield
    finally:
        ending.cancel()
