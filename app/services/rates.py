"""How often something happened lately, counted in one process or, over Redis, in all of an installation."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import msgspec
import redis
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from packaging.version import Version

from app.settings import Settings

_SOCKET_SECONDS: Final = 0.25
_PAUSE_SECONDS: Final = 5.0  # After a failure: asking each time would make every request wait for a Redis that hangs.

_SMALLEST_STEP_SECONDS: Final = 1.0
_FORGET_EVERY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Rate(msgspec.Struct, frozen=True):
    """So many in any window of so many seconds."""

    amount: int
    seconds: int


class Standing(msgspec.Struct, frozen=True):
    """`resets_at` is when the oldest hit in the window leaves it, in Unix time."""

    is_within: bool
    remaining: int
    resets_at: float


# Both of the library's scripts in one, because every request asks for both and a round trip costs more than they do.
_COUNT: Final = f"""
local function acquire(ARGV) {RedisStorage.SCRIPT_ACQUIRE_MOVING_WINDOW.decode()} end
local function window(ARGV) {RedisStorage.SCRIPT_MOVING_WINDOW.decode()} end
local is_within = acquire(ARGV) and 1 or 0
return {{is_within, window({{ARGV[1] - ARGV[3], ARGV[2]}})}}
"""


class _OnlyRedis(RedisStorage):
    """The library's own would also import Valkey's client, a twin of the one we have."""

    DEPENDENCIES = {"redis": Version("3.0")}  # noqa: RUF012  The library has it so.

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._count = self.get_connection().register_script(_COUNT.encode())
        self._pop = self.get_connection().register_script(b"return redis.call('lpop', KEYS[1])")

    def count(self, item: RateLimitItem, key: tuple[str, ...]) -> Standing:
        now, seconds = time.time(), item.get_expiry()
        is_within, *window = self._count([self.prefixed_key(item.key_for(*key))], [now, item.amount, seconds, 1])
        oldest, count = window[0] if window else (now, 0)
        return Standing(bool(is_within), max(item.amount - count, 0), float(oldest) + seconds)

    def has_room(self, item: RateLimitItem, key: tuple[str, ...]) -> bool:
        _, count = self.get_moving_window(item.key_for(*key), item.amount, item.get_expiry())
        return count < item.amount

    def give_back(self, item: RateLimitItem, key: tuple[str, ...]) -> None:
        self._pop([self.prefixed_key(item.key_for(*key))])


class _OwnMemory(MemoryStorage):
    """Forgets what is over in between. The library's own does so 10 ms after a hit, in a thread made for it, and looks
    through all keys each time: with twenty thousand clients a request costs 6 ms instead of 0.01."""

    _forgets_at = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:
        now = time.monotonic()
        if now >= self._forgets_at:
            self._forgets_at = now + _FORGET_EVERY_SECONDS
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]
            self._forget_empty()

    def _forget_empty(self) -> None:
        """The library keeps the names of those whose hits are all over: of every name that somebody guessed at."""
        for name in [name for name, hits in self.events.items() if not hits]:
            with self.locks[name]:
                if not self.events.get(name):
                    self.events.pop(name, None)
            self.locks.pop(name, None)

    def give_back(self, item: RateLimitItem, key: tuple[str, ...]) -> None:
        name = item.key_for(*key)
        with self.locks[name]:
            del self.events.get(name, [])[:1]


class Rates:
    """Moving windows. While Redis is away each process counts for itself: a limit is then looser, never absent.

    `installation` keeps apart two of them on one Redis, where an account of one may have the name of one of the other.
    """

    def __init__(self, redis_url: str | None, *, installation: str = "") -> None:
        self._memory = _OwnMemory()
        self._own = MovingWindowRateLimiter(self._memory)
        self._shared = None if redis_url is None else _redis_storage(redis_url, f"shoal:rates:{installation}")
        self._alone_until = 0.0
        self._clock_offset = _clock_offset()

    def hit(self, rate: Rate, *key: str) -> Standing:
        """Count one more, unless the window is full already."""
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        if self._shared is not None and time.monotonic() >= self._alone_until:
            try:
                return self._shared.count(item, key)
            except (redis.RedisError, OSError) as error:
                _log.warning("rates are counted by each process alone for %s s: %s", _PAUSE_SECONDS, error)
                self._alone_until = time.monotonic() + _PAUSE_SECONDS
        self._forget_times_to_come()
        return _hit(self._own, item, key)

    def has_room(self, rate: Rate, *key: str) -> bool:
        """Whether one more would be within the rate; nothing is counted."""
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        if self._shared is not None and time.monotonic() >= self._alone_until:
            try:
                return self._shared.has_room(item, key)
            except (redis.RedisError, OSError):
                self._alone_until = time.monotonic() + _PAUSE_SECONDS
        self._forget_times_to_come()
        return self._own.test(item, *key)

    def give_back(self, rate: Rate, *key: str) -> None:
        """Count one less: the newest, which in a window of minutes is as good as the one that is meant."""
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        if self._shared is not None and time.monotonic() >= self._alone_until:
            try:
                self._shared.give_back(item, key)
                return
            except (redis.RedisError, OSError):
                self._alone_until = time.monotonic() + _PAUSE_SECONDS
        self._memory.give_back(item, key)

    def _forget_times_to_come(self) -> None:
        """Where the clock was put back, what happened before would fill the windows until it comes there again. Redis
        forgets by itself, because its keys live for seconds and not until some time."""
        offset = _clock_offset()
        if offset < self._clock_offset - _SMALLEST_STEP_SECONDS:
            self._memory.reset()
        self._clock_offset = offset


def _clock_offset() -> float:
    """How far the time of day is ahead of the time that nobody sets."""
    return time.time() - time.monotonic()


def rates_of(settings: Settings) -> Rates:
    """Shared where there is somebody to share with: one web process with its own broker is alone."""
    is_alone = settings.workers == 1 and settings.redis_url.startswith("unix://")
    return Rates(None if is_alone else settings.redis_url, installation=settings.origin)


def _hit(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]) -> Standing:
    is_within = limiter.hit(item, *key)
    stats = limiter.get_window_stats(item, *key)
    return Standing(is_within, max(stats.remaining, 0), stats.reset_time)


def _redis_storage(url: str, prefix: str) -> _OnlyRedis:
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=16,
        timeout=_SOCKET_SECONDS,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        protocol=2,
    )
    return _OnlyRedis("redis://", connection_pool=pool, key_prefix=prefix)
