"""The only sender of a socket: a bounded queue, a thread that empties it, pings, and the closing handshake."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import suppress

from app.live.frames import PING_FRAME, CloseCode, close_frame

QUEUE_FRAMES_MAX = 256
QUEUE_BYTES_MAX = 1024 * 1024
SEND_SECONDS = 10.0
PING_SECONDS = 25.0  # Routers of hosting platforms cut what is silent for 55 s.
CLOSING_SECONDS = 10.0
LINGER_SECONDS = 2.0

# Who has no more than this waiting keeps up.
CALM_FRAMES = 64
CALM_BYTES = QUEUE_BYTES_MAX // 4

TOO_SLOW = "too slow"

_CHUNK_BYTES = 64 * 1024


def is_full(frames: int, size: int, frame: bytes) -> bool:
    """Whether a queue that has so many frames and bytes takes no `frame` more. One alone is always taken: nobody reads
    so quickly that it would not have to wait."""
    return frames >= QUEUE_FRAMES_MAX or (frames > 0 and size + len(frame) > QUEUE_BYTES_MAX)


class Writer:
    """Sends frames whole and in order, or not at all.

    `put` and `finish` may be called from anywhere and never wait. Who reads too slowly is closed with 1013 when the
    queue is full, and cut off when it takes no 64 KiB in 10 s. Who says nothing between two pings is gone. The
    socket's timeout is set to those 10 s, for reading as well.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.settimeout(SEND_SECONDS)
        self._queue: deque[bytes] = deque()
        self._queue_bytes = 0
        self._lock = threading.Lock()
        self._has_work = threading.Event()
        self._finished_at: float | None = None
        self._is_peer_done = threading.Event()
        self._pinged_at = time.monotonic()
        self.heard_at = self._pinged_at  # The reader sets it whenever bytes arrive; the handshake counts as such.
        self._thread = threading.Thread(target=self._run, name="socket-writer", daemon=True)

    @property
    def is_finished(self) -> bool:
        """The last frame is queued or sent; nothing more is taken."""
        return self._finished_at is not None

    @property
    def has_room(self) -> bool:
        """Whether the peer keeps up: little of what was queued still waits."""
        return len(self._queue) < CALM_FRAMES and self._queue_bytes < CALM_BYTES

    def start(self) -> None:
        self._thread.start()

    def put(self, frame: bytes) -> bool:
        """Queue a frame; False when the socket is closing, or is closed now because its queue is full."""
        with self._lock:
            if self._finished_at is not None:
                return False
            is_taken = not is_full(len(self._queue), self._queue_bytes, frame)
            if is_taken:
                self._append(frame)
            else:
                self._queue.clear()  # A client that must come back for more has no use for a part.
                self._queue_bytes = 0
                self._end_with(close_frame(CloseCode.TRY_AGAIN_LATER, TOO_SLOW))
        self._has_work.set()
        return is_taken

    def finish(self, frame: bytes) -> None:
        """Queue the Close frame behind what waits; only the first call counts."""
        with self._lock:
            if self._finished_at is None:
                self._end_with(frame)
        self._has_work.set()

    def cut(self) -> None:
        """End the connection now; whoever reads or writes on it wakes up."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Tell that the reader is done and wait, some seconds at most, until nothing more will be sent."""
        self._is_peer_done.set()
        self._thread.join()

    def _append(self, frame: bytes) -> None:
        self._queue.append(frame)
        self._queue_bytes += len(frame)

    def _end_with(self, frame: bytes) -> None:
        self._append(frame)
        self._finished_at = time.monotonic()

    def _run(self) -> None:
        try:
            self._send_all()
            # Closing at once would make the kernel answer unread bytes with a reset, and that outruns the Close
            # frame: the peer is given time to take it and to close its side (RFC 6455, 7.1.1).
            self._sock.shutdown(socket.SHUT_WR)
            self._is_peer_done.wait(LINGER_SECONDS)
        except OSError:
            pass  # The peer is gone or takes nothing; there is nobody to tell.
        finally:
            self._finished_at = self._finished_at or time.monotonic()
            self.cut()

    def _send_all(self) -> None:
        """Send until the Close frame is out; OSError, of which TimeoutError is one, when the peer takes no more."""
        while True:
            self._has_work.wait(max(0.0, self._pinged_at + PING_SECONDS - time.monotonic()))
            self._has_work.clear()
            while frames := self._take():
                self._send(frames)
                self._check_closing_time()
                self._ping_if_due()
            if self._is_all_sent():
                return
            self._ping_if_due()

    def _is_all_sent(self) -> bool:
        with self._lock:
            return self._finished_at is not None and not self._queue

    def _take(self) -> bytes:
        """Some whole frames, so that a backlog of small ones costs few system calls."""
        frames: list[bytes] = []
        size = 0
        with self._lock:
            while self._queue and size < _CHUNK_BYTES:
                frames.append(self._queue.popleft())
                size += len(frames[-1])
            self._queue_bytes -= size
        return b"".join(frames)

    def _send(self, frames: bytes) -> None:
        view = memoryview(frames)
        for start in range(0, len(view), _CHUNK_BYTES):
            self._sock.sendall(view[start : start + _CHUNK_BYTES])

    def _check_closing_time(self) -> None:
        if self._finished_at is not None and time.monotonic() > self._finished_at + CLOSING_SECONDS:
            raise TimeoutError

    def _ping_if_due(self) -> None:
        if self.is_finished or time.monotonic() < self._pinged_at + PING_SECONDS:
            return
        if self.heard_at < self._pinged_at:
            raise TimeoutError
        self._pinged_at = time.monotonic()
        self._sock.sendall(PING_FRAME)
