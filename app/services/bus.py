"""The bus: short messages between the processes of one installation, over Redis pub/sub, lost without harm."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from app.db import on_wake

EVENTS = "events"  # A hint without a payload: the table of events has grown.
SETTINGS = "settings"  # Likewise: an admin changed something.
STATUSES = "statuses"  # JSON of somebody's status, for `app.live.statuses`.
EPHEMERAL = "ephemeral"  # JSON of what is never recorded, such as presence and typing.

Listener = Callable[[str, bytes], None]

_HINTS = frozenset({EVENTS, SETTINGS})
_SOCKET_SECONDS = 0.5
_PAUSE_SECONDS = 1.0  # After a failure: trying each message would make a queue out of a server that hangs.
_OUTGOING_MAX = 1024
_SPACING_SECONDS = 0.02  # Hints that come meanwhile are told once: each costs as much as a twelfth of a message.
_PING_SECONDS = 5.0
_BACKOFF_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)

_log = logging.getLogger(__name__)


class Bus:
    """Publish to every process of the installation, this one included, and hear what the others publish.

    A message is a hint: it arrives at once or never, at most once, in its sender's order. Without `redis_url` the bus
    is this process alone. `installation` keeps apart two of them on one Redis, whose pub/sub does not know database
    numbers; the public origin will do. Nothing connects and no thread starts before the first `publish` or
    `subscribe`, so a bus may be made before a fork.
    """

    def __init__(self, redis_url: str | None, *, installation: str) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._reconnect_listeners: list[Callable[[], None]] = []
        self._client = None if redis_url is None else _make_client(redis_url)
        self._publisher: _Publisher | None = None
        self._subscriber: _Subscriber | None = None
        if self._client is not None:
            sender = secrets.token_hex(8).encode()
            channel = f"shoal:bus:{installation}"
            self._publisher = _Publisher(self._client, channel, sender)
            self._subscriber = _Subscriber(self._client, channel, sender, self._tell, self._tell_reconnected)

    def listen(self, topic: str, listener: Listener) -> None:
        """Have `listener` called with topic and payload: in `publish` of this process, in a thread for the others.

        It must be quick and must not wait: the messages behind it do.
        """
        self._listeners.setdefault(topic, []).append(listener)

    def on_reconnect(self, listener: Callable[[], None]) -> None:
        """Have `listener` called each time the subscription stands, also the first: what came before was missed."""
        self._reconnect_listeners.append(listener)

    def publish(self, topic: str, payload: bytes | str = b"") -> None:
        """Tell the listeners of this process now, and the other processes as soon as can be. Never waits or raises."""
        data = payload.encode() if isinstance(payload, str) else payload
        self._tell(topic, data)
        if self._publisher is not None:
            self._publisher.put(topic, data)

    def subscribe(self) -> None:
        """Begin to hear the other processes; asked twice is done once."""
        if self._subscriber is not None:
            self._subscriber.thread.start()

    def close(self) -> None:
        """Stop hearing and telling the others; what was on its way is lost."""
        if self._client is None or self._publisher is None or self._subscriber is None:
            return
        self._publisher.stop()
        self._subscriber.stop()
        self._client.close()
        self._client.connection_pool.disconnect()

    def _tell(self, topic: str, payload: bytes) -> None:
        for listener in self._listeners.get(topic, ()):
            try:
                listener(topic, payload)
            except Exception:  # noqa: BLE001  Whoever published is not to blame, nor is the next message.
                _log.exception("a listener of the bus failed", extra={"topic": topic})

    def _tell_reconnected(self) -> None:
        for listener in self._reconnect_listeners:
            listener()


_hinted: Bus | None = None


def hint_commits(bus: Bus) -> None:
    """Have `bus`, from now on instead of any other, told of every commit of this process that added events or changed
    settings."""
    global _hinted  # noqa: PLW0603  Commits are of the process, and so is who is told.
    if _hinted is None:
        on_wake(_hint)
    _hinted = bus


def _hint(kind: str, _key: str) -> None:
    if kind in _HINTS and _hinted is not None:
        _hinted.publish(kind)


class _OnceThread:
    """A daemon thread that starts when it is first needed, in whichever process that is."""

    def __init__(self, run: Callable[[], None], name: str) -> None:
        self._run = run
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def join(self, timeout_seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_seconds)


class _Publisher:
    """Sends from a thread of its own, so that no request ever waits for Redis."""

    def __init__(self, client: redis.Redis, channel: str, sender: bytes) -> None:
        self._client = client
        self._channel = channel
        self._sender = sender
        self._lock = threading.Lock()
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=_OUTGOING_MAX)
        self._has_outgoing = threading.Event()
        self._is_stopped = threading.Event()
        self.thread = _OnceThread(self._run, "bus-publisher")

    def put(self, topic: str, payload: bytes) -> None:
        with self._lock:
            if topic in _HINTS and (topic, payload) in self._outgoing:
                return  # The hint that is still waiting says the same.
            self._outgoing.append((topic, payload))
        self._has_outgoing.set()
        self.thread.start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._has_outgoing.set()
        self.thread.join(2 * _SOCKET_SECONDS)

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            self._has_outgoing.wait()
            self._has_outgoing.clear()
            while message := self._take():
                if not self._send(*message):
                    self._forget()
                    self._is_stopped.wait(_PAUSE_SECONDS)
            self._is_stopped.wait(_SPACING_SECONDS)

    def _take(self) -> tuple[str, bytes] | None:
        with self._lock:
            return self._outgoing.popleft() if self._outgoing else None

    def _forget(self) -> None:
        with self._lock:
            self._outgoing.clear()

    def _send(self, topic: str, payload: bytes) -> bool:
        try:
            self._client.publish(self._channel, b" ".join((self._sender, topic.encode(), payload)))
        except (redis.RedisError, OSError) as error:
            _log.debug("the bus could not publish", extra={"topic": topic, "reason": str(error)})
            return False
        return True


class _Subscriber:
    """Hears the other processes, and subscribes again for as long as it takes when Redis goes away."""

    def __init__(
        self,
        client: redis.Redis,
        channel: str,
        sender: bytes,
        tell: Callable[[str, bytes], None],
        tell_reconnected: Callable[[], None],
    ) -> None:
        self._client = client
        self._channel = channel
        self._sender = sender
        self._tell = tell
        self._tell_reconnected = tell_reconnected
        self._is_stopped = threading.Event()
        self._failures = 0
        self.thread = _OnceThread(self._run, "bus-subscriber")

    def stop(self) -> None:
        self._is_stopped.set()
        self.thread.join(2 * _SOCKET_SECONDS)

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            pubsub = self._client.pubsub()  # type: ignore[no-untyped-call]  # redis-py has not annotated it.
            try:
                pubsub.subscribe(self._channel)
                self._hear(pubsub)
            except (redis.RedisError, OSError) as error:
                self._note_failure(error)
            finally:
                with suppress(redis.RedisError, OSError):
                    pubsub.close()

    def _note_failure(self, error: Exception) -> None:
        if self._failures == 0:
            _log.warning("the bus is away; sockets are served by polling", extra={"reason": str(error)})
        pause = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
        self._is_stopped.wait(pause)

    def _hear(self, pubsub: PubSub) -> None:
        """Serve one connection; a server that hangs is noticed because it does not answer pings."""
        heard_at = pinged_at = time.monotonic()
        while not self._is_stopped.is_set():
            message = pubsub.get_message(timeout=_SOCKET_SECONDS)
            now = time.monotonic()
            if message is not None:
                heard_at = now
                self._take(message["type"], message["data"])
                time.sleep(0)  # Under gevent a backlog would be read without a break, and no socket could be written.
            elif now - heard_at > 2 * _PING_SECONDS:
                raise redis.TimeoutError("no answer to a ping")
            elif now - pinged_at > _PING_SECONDS:
                pubsub.ping()
                pinged_at = now

    def _take(self, kind: str, data: object) -> None:
        if kind == "subscribe":
            if self._failures:
                _log.warning("the bus is back")
            self._failures = 0
            self._tell_reconnected()
        elif kind == "message" and isinstance(data, bytes):
            sender, _, rest = data.partition(b" ")
            topic, _, payload = rest.partition(b" ")
            if sender != self._sender:  # Our own listeners were told by `publish`.
                self._tell(topic.decode("ascii", "replace"), payload)


def _make_client(url: str) -> redis.Redis:
    pool = redis.BlockingConnectionPool.from_url(  # The plain pool raises when it is used up.
        url,
        max_connections=4,
        timeout=_SOCKET_SECONDS,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        protocol=2,
        retry=Retry(NoBackoff(), 0),  # Retries of redis-py would subscribe again without telling us.
    )
    return redis.Redis(connection_pool=pool)
