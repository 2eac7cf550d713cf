"""Sights: which channels the people with a socket here saw when they were last told, so that what each of them gains or
loses by a change of rights is known."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from app.db import reading
from app.queries.sight import list_seen
from app.queries.viewers import Viewer


class Change(msgspec.Struct, frozen=True):
    """Who sees a channel that did not, and who no longer sees it that did."""

    gained: frozenset[str]
    lost: frozenset[str]


class Sights:
    """For as long as each person has a socket here. Holds the ids of channels, as many as the person sees."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}
        self._sockets: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def kept(self, viewer: Viewer) -> Iterator[None]:
        """Begin before the socket is told of anything: what changes between is then told once too often, not never.

        Raises UnavailableError.
        """
        with reading() as session:
            seen = list_seen(session, viewer)
        with self._lock:
            self._sockets[viewer.actor_id] += 1
            self._seen.setdefault(viewer.actor_id, seen)
        try:
            yield
        finally:
            with self._lock:
                self._sockets[viewer.actor_id] -= 1
                if not self._sockets[viewer.actor_id]:
                    del self._sockets[viewer.actor_id], self._seen[viewer.actor_id]

    def compare(self, seeing: Mapping[str, frozenset[str]]) -> dict[str, Change]:
        """What changed of each channel, now that these people see it."""
        with self._lock:
            known = list(self._seen.items())
            changes = {}
            for channel_id, seers in seeing.items():
                before = {viewer_id for viewer_id, seen in known if channel_id in seen}
                now = seers & self._seen.keys()
                changes[channel_id] = Change(gained=frozenset(now - before), lost=frozenset(before - now))
            return changes

    def note(self, changes: Mapping[str, Change]) -> None:
        """They have been told."""
        with self._lock:
            for channel_id, change in changes.items():
                for viewer_id in change.gained & self._seen.keys():
                    self._seen[viewer_id].add(channel_id)
                for viewer_id in change.lost & self._seen.keys():
                    self._seen[viewer_id].discard(channel_id)
