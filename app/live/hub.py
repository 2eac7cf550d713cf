"""The hub: who is connected to this process, and how to reach them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from app.live.catching_up import CatchingUp
from app.live.connection import Connection
from app.live.frames import CloseCode, text_frame
from app.queries.scopes import Scope

SOCKETS_PER_USER = 10
SOCKETS_PER_IP = 100
GOODBYE_SECONDS = 2.0

Family = Literal["pufferblow", "punctum"]


@dataclass(frozen=True, slots=True, eq=False)
class Subscriber:
    """One socket and whom it serves, in the words of its `family`.

    `channel_id` narrows it to one channel. `remote_ip` may be any key of the network the client is in, `session_id`
    is the login session, whose end ends the socket: with 1008, or with 4401 if it is a client's (`is_of_client`), which
    asks for its next token then. `scopes` are what a limited session may hear of, None for all that its viewer
    may. `catching_up` is there for a socket that missed something.
    """

    viewer_id: str
    connection: Connection
    remote_ip: str
    session_id: str | None = None
    channel_id: str | None = None
    catching_up: CatchingUp | None = None
    is_of_client: bool = False
    scopes: frozenset[str] | None = None
    family: Family = "pufferblow"

    def offer(self, position: int | None, frame: bytes) -> bool:
        """False when the client will not get it, or has it already."""
        if self.catching_up is not None:
            return self.catching_up.offer(position, frame)
        return self.connection.offer_frame(frame)

    def sign_out(self, reason: str) -> None:
        code = CloseCode.TOKEN_ENDED if self.is_of_client else CloseCode.POLICY_VIOLATION
        self.connection.close(code, reason)

    def is_for(self, channel_id: str | None) -> bool:
        """Whether it gets what belongs to that channel or conversation; None is what belongs to none."""
        return channel_id is None or self.channel_id in (None, channel_id)

    def is_allowed(self, scope: Scope | None) -> bool:
        """Whether its session may hear what takes `scope`; None is for every socket."""
        return scope is None or self.scopes is None or scope in self.scopes


class Hub:
    """The sockets of this process. Limits and presence count here alone; other processes have hubs of their own.

    No method waits for a client. Whether a viewer may see what it is sent is for the caller to know.
    """

    def __init__(self) -> None:
        self._by_viewer: dict[str, set[Subscriber]] = {}
        self._by_ip: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._is_closing = False

    def may_connect(self, user_id: str, ip: str) -> bool:
        """Whether one more socket is within the limits; ask before the 101, and answer 429 if it is not."""
        return len(self._by_viewer.get(user_id, ())) < SOCKETS_PER_USER and self._by_ip[ip] < SOCKETS_PER_IP

    def add(self, subscriber: Subscriber) -> bool:
        """True when it is the viewer's first socket here.

        A socket beyond the limits, which `may_connect` saw before others of its kind came in, is closed with 1008; one
        that comes while the process stops, with 1012. It is still in the hub until it is removed.
        """
        with self._lock:
            is_over = not self.may_connect(subscriber.viewer_id, subscriber.remote_ip)
            theirs = self._by_viewer.setdefault(subscriber.viewer_id, set())
            theirs.add(subscriber)
            self._by_ip[subscriber.remote_ip] += 1
            is_first = len(theirs) == 1
        if self._is_closing:
            subscriber.connection.close(CloseCode.SERVICE_RESTART, "restarting")
        elif is_over:
            subscriber.connection.close(CloseCode.POLICY_VIOLATION, "too many sockets")
        return is_first

    def remove(self, subscriber: Subscriber) -> bool:
        """True when it was the viewer's last socket here."""
        with self._lock:
            theirs = self._by_viewer.get(subscriber.viewer_id, set())
            if subscriber not in theirs:
                return False
            theirs.discard(subscriber)
            self._by_ip[subscriber.remote_ip] -= 1
            if not self._by_ip[subscriber.remote_ip]:
                del self._by_ip[subscriber.remote_ip]
            if theirs:
                return False
            del self._by_viewer[subscriber.viewer_id]
            return True

    def __len__(self) -> int:
        return self._by_ip.total()

    def viewers(self, family: Family | None = None) -> set[str]:
        """Who has a socket here, or one of that family."""
        if family is None:
            return set(self._by_viewer)
        return {subscriber.viewer_id for subscriber in self._subscribers(None) if subscriber.family == family}

    def is_narrowed(self, user_id: str) -> bool:
        """Whether each socket that somebody has here is one for a single channel."""
        return all(subscriber.channel_id is not None for subscriber in self._subscribers([user_id]))

    def send(
        self,
        user_ids: Collection[str] | None,
        text: str,
        *,
        channel_id: str | None,
        position: int | None = None,
        scope: Scope | None = None,
        family: Family = "pufferblow",
    ) -> int:
        """Queue `text` for the sockets that these users, or all, have of a family; the number of those that took it.

        Sockets narrowed to a channel get what has its `channel_id`, and what has none, such as presence. What belongs
        to a conversation is given that one's id in its place: no narrowed socket has it. `position` is the event's, and
        `scope` what a limited session needs to hear it, beside what it needed for the socket.
        """
        frame = text_frame(text)
        return sum(
            subscriber.offer(position, frame)
            for subscriber in self._subscribers(user_ids)
            if subscriber.family == family and subscriber.is_for(channel_id) and subscriber.is_allowed(scope)
        )

    def close_viewer(self, user_id: str, code: int, reason: str) -> None:
        for subscriber in self._subscribers([user_id]):
            subscriber.connection.close(code, reason)

    def close_channel(self, user_ids: Collection[str] | None, channel_id: str, code: int, reason: str) -> None:
        """Close the sockets of these users, or of everybody, that are narrowed to the channel."""
        for subscriber in self._subscribers(user_ids):
            if subscriber.channel_id == channel_id:
                subscriber.connection.close(code, reason)

    def close_session(self, session_id: str, reason: str) -> None:
        """Close the sockets that were opened with this login session."""
        for subscriber in self._subscribers(None):
            if subscriber.session_id == session_id:
                subscriber.sign_out(reason)

    def close_network(self, network: str, code: int, reason: str) -> None:
        """Close the sockets that were opened from there."""
        closed = ip_network(network)
        for subscriber in self._subscribers(None):
            theirs = ip_network(subscriber.remote_ip) if subscriber.remote_ip else None
            if theirs is not None and theirs.version == closed.version and theirs.overlaps(closed):
                subscriber.connection.close(code, reason)

    def close_all(self) -> None:
        """Close every socket, and each that comes later, and wait at most two seconds until they are gone."""
        self._is_closing = True
        deadline = time.monotonic() + GOODBYE_SECONDS
        for subscriber in self._subscribers(None):
            subscriber.connection.close(CloseCode.SERVICE_RESTART, "restarting")
        while len(self) and time.monotonic() < deadline:
            time.sleep(0.02)
        for subscriber in self._subscribers(None):
            subscriber.connection.cut()

    def _subscribers(self, user_ids: Iterable[str] | None) -> list[Subscriber]:
        with self._lock:
            if user_ids is None:
                return [subscriber for theirs in self._by_viewer.values() for subscriber in theirs]
            return [subscriber for user_id in user_ids for subscriber in self._by_viewer.get(user_id, ())]
