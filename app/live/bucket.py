"""A token bucket: so many a second, and a burst before that counts."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Full at first. Its time is the process's own, so a step of the wall clock changes nothing."""

    __slots__ = ("_burst", "_clock", "_filled_at", "_per_second", "_tokens")

    def __init__(self, *, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._filled_at = clock()

    def take(self, wanted: float = 1) -> bool:
        """That many tokens; False when there are fewer, which costs nothing."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens < wanted:
            return False
        self._tokens -= wanted
        return True
