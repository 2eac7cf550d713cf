"""The pace at which much is told to sockets at once: whoever keeps up is not taken for somebody who does not."""

from __future__ import annotations

import time
from typing import Final

from app.live.writer import CALM_BYTES, CALM_FRAMES

_PAUSE_SECONDS: Final = 0.02  # In which a client on a line of 100 Mbit/s takes as much.


class Pace:
    """Of all that this process tells to sockets of one kind, batch after batch. Their queues are filled at the same
    speed, so it needs no look at any."""

    def __init__(self) -> None:
        self._frames = 0
        self._bytes = 0

    def keep(self, text: str) -> None:
        """Call it after each frame; the writers, and after much also their clients, have their turn in between."""
        self._frames += 1
        self._bytes += len(text.encode())
        if self._bytes >= CALM_BYTES:
            self._rest(_PAUSE_SECONDS)
        elif self._frames >= CALM_FRAMES:
            self._rest(0)

    def _rest(self, seconds: float) -> None:
        time.sleep(seconds)
        self._frames = self._bytes = 0
