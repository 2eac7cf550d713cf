"""Catching up: a socket that comes back is told what it missed, and then what is new, nothing of it twice."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from app.live.connection import Connection
from app.live.frames import CloseCode, text_frame
from app.live.writer import TOO_SLOW, is_full

_PAUSE_SECONDS: Final = 0.02


class CatchingUp:
    """Keeps back what is new for one socket until what it missed has been told.

    `say` is for whoever tells what was missed, `offer` for the feed; each may be called by anybody. As much is kept
    back as a writer queues: who is so slow that more comes meanwhile is closed with 1013.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._said: set[int] = set()
        self._held: deque[tuple[int | None, bytes]] = deque()
        self._held_bytes = 0
        self._is_done = False

    def say(self, position: int, text: str) -> bool:
        """Tell one event that was missed, when the client has taken those before; False when it is gone."""
        if not self._wait_for_room():
            return False
        self._said.add(position)
        return self._connection.offer(text)

    def offer(self, position: int | None, frame: bytes) -> bool:
        """What is new; what is not of the log has no position."""
        with self._lock:
            if not self._is_done:
                return self._hold(position, frame)
        return position not in self._said and self._connection.offer_frame(frame)

    def _hold(self, position: int | None, frame: bytes) -> bool:
        if self._connection.is_finished:
            return False
        if is_full(len(self._held), self._held_bytes, frame):
            self._held.clear()
            self._connection.close(CloseCode.TRY_AGAIN_LATER, TOO_SLOW)
            return False
        self._held.append((position, frame))
        self._held_bytes += len(frame)
        return True

    def finish(self, *, last_words: str | None = None) -> None:
        """Let what was kept back follow, after `last_words`, as the client takes what is before it."""
        if last_words is not None and self._wait_for_room():
            self._connection.offer_frame(text_frame(last_words))
        while self._wait_for_room():
            with self._lock:
                if not self._held:
                    self._is_done = True
                    return
                position, frame = self._held.popleft()
                self._held_bytes -= len(frame)
                if position not in self._said:
                    self._connection.offer_frame(frame)
        with self._lock:
            self._held.clear()
            self._is_done = True

    def _wait_for_room(self) -> bool:
        """False when the client is gone. Not with the lock held, which would have the feed of everybody wait, too."""
        while not self._connection.is_finished:
            if self._connection.has_room:
                return True
            time.sleep(_PAUSE_SECONDS)
        return False
