"""The log ring: the last lines that the processes of an installation logged, in Redis, for the staff to read.

The log itself goes to standard output. The ring is lost with Redis, and nothing ever waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.errors import UnavailableError

LINES: Final = 2000

_LINE_CHARACTERS: Final = 4000
_WAITING_MAX: Final = 1000
_SOCKET_SECONDS: Final = 0.5
_COLLECT_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 5.0  # After a failure; what is logged meanwhile is not in the ring.


class LogRing(logging.Handler):
    """Sends lines from a thread of its own, several at once; no thread starts before the first line."""

    def __init__(self, redis_url: str, *, installation: str) -> None:
        super().__init__()
        self._client = _client(redis_url)
        self._key = _key(installation)
        self._waiting: deque[str] = deque(maxlen=_WAITING_MAX)
        self._has_lines = threading.Event()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Never waits; a record that cannot be rendered is the other handler's to complain of."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  As every handler of logging: a log line must not break what logs it.
            return
        self._waiting.append(line[:_LINE_CHARACTERS])
        self._has_lines.set()
        if self._thread is None:  # Under logging's own lock, which is held here.
            self._thread = threading.Thread(target=self._run, name="log-ring", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._has_lines.wait()
            time.sleep(_COLLECT_SECONDS)
            self._has_lines.clear()
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if lines and not self._send(lines):
                time.sleep(_PAUSE_SECONDS)

    def _send(self, lines: list[str]) -> bool:
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.rpush(self._key, *lines)
                pipeline.ltrim(self._key, -LINES, -1)
                pipeline.execute()
        except (redis.RedisError, OSError):
            return False
        return True


def read_log(redis_url: str, *, installation: str) -> list[str]:
    """The lines in the ring, oldest first. Raises UnavailableError when Redis is away."""
    client = _client(redis_url)
    try:
        lines = client.lrange(_key(installation), 0, -1)
    except (redis.RedisError, OSError) as error:
        raise UnavailableError("The last lines of the log are kept by the broker, which is away.") from error
    finally:
        client.close()
    return [line if isinstance(line, str) else line.decode(errors="replace") for line in lines]


def _key(installation: str) -> str:
    return f"shoal:logs:{installation}"


def _client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
    )
