"""Idle connections, kept for the next request to the same host."""

import threading
from collections import OrderedDict
from typing import Final, TypeAlias

from activitypub.fetch.connection import Connection

Endpoint: TypeAlias = tuple[str, int]

# As many as a healthy host gets deliveries at once.
_MAX_PER_HOST: Final = 6

# A TLS handshake costs as much as a delivery, so the followers of a busy channel should all have room here. More
# would come near the 1,024 files that a process may have open by default.
MAX_HOSTS: Final = 600


class ConnectionPool:
    """Thread-safe; forgets the host that rested longest when there are too many, and old connections."""

    def __init__(self, *, max_hosts: int = MAX_HOSTS, max_idle_seconds: float = 30.0) -> None:
        self._max_hosts = max_hosts
        self._max_idle_seconds = max_idle_seconds
        self._lock = threading.Lock()
        # In the order in which the hosts were last given something.
        self._idle: OrderedDict[Endpoint, list[Connection]] = OrderedDict()

    def take(self, endpoint: Endpoint) -> Connection | None:
        """The connection that rested least, if one is still usable; it is the caller's until given back."""
        while (connection := self._pop(endpoint)) is not None:
            if connection.is_usable(max_idle_seconds=self._max_idle_seconds):
                return connection
            connection.close()
        return None

    def give(self, endpoint: Endpoint, connection: Connection) -> None:
        """Keep a connection, or close it if it cannot carry another request."""
        if not connection.rest():
            connection.close()
            return
        with self._lock:
            resting = self._idle.setdefault(endpoint, [])
            resting.append(connection)
            self._idle.move_to_end(endpoint)
            surplus = [resting.pop(0)] if len(resting) > _MAX_PER_HOST else []
            while len(self._idle) > self._max_hosts or self._is_oldest_expired():
                surplus += self._idle.popitem(last=False)[1]
        for old in surplus:
            old.close()

    def close(self) -> None:
        with self._lock:
            resting = [connection for host in self._idle.values() for connection in host]
            self._idle.clear()
        for connection in resting:
            connection.close()

    def _pop(self, endpoint: Endpoint) -> Connection | None:
        with self._lock:
            resting = self._idle.get(endpoint)
            if not resting:
                return None
            connection = resting.pop()
            if not resting:
                del self._idle[endpoint]
            return connection

    def _is_oldest_expired(self) -> bool:
        newest_of_oldest_host = next(iter(self._idle.values()))[-1]
        return newest_of_oldest_host.idle_seconds > self._max_idle_seconds
