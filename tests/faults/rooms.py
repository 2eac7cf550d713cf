"""What the directed fault tests say and look for: one message at a time, by a word that is in no other."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

from tests.e2e.waiting import eventually
from tests.faults.fleet import Fleet, Place
from tests.faults.person import Reply, new_key

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Room:
    """A channel as the owner of one server has it."""

    fleet: Fleet
    place: Place

    def say(self, text: str, *, key: str | None = None) -> Reply:
        return self.place.person.send(self.place.target, text, key or new_key())

    def say_until_told(self, text: str, *, seconds: float = 30) -> Reply:
        """Ask with one key until there is an answer, as a careful client does."""
        key = new_key()
        return eventually(lambda: self._answered(text, key), timeout_seconds=seconds, what=f"{text} is answered")

    def _answered(self, text: str, key: str) -> Reply:
        reply = self.say(text, key=key)
        if reply.result == "unknown":
            raise LookupError(f"no answer yet: {reply}")
        return reply

    def count(self, text: str) -> int:
        """How often it stands on the newest page."""
        reply = self.place.person.page(self.place.target)
        if reply.status != 200:
            raise LookupError(f"no page: {reply}")
        return sum(message["message"] == text for message in reply.document["messages"])

    def hears(self, text: str, *, seconds: float) -> None:
        """AssertionError unless it is here in time, and once."""
        eventually(lambda: self.count(text) > 0, timeout_seconds=seconds, what=f"{text} is on {self.place.person.host}")
        assert self.count(text) == 1


def room(fleet: Fleet, channel: str, site: str) -> Room:
    host = fleet.sites[site].host.name
    places = [place for place in fleet.places if place.name == channel and place.person.host == host]
    return Room(fleet, places[0])


def words() -> str:
    """A text that nobody said before."""
    return f"word-{next(_numbers)}-{time.monotonic_ns()}"


def carriers(fleet: Fleet, text: str) -> list[str]:
    """The ids of the activities that brought a message to the peer, each as often as it came."""
    found = []
    for arrival in fleet.peer.arrivals:
        inner = arrival.activity.get("object")
        note = inner.get("object") if isinstance(inner, dict) and inner.get("type") == "Create" else inner
        if isinstance(note, dict) and (note.get("source") or {}).get("content") == text:
            found.append(str(arrival.activity["id"]))
    return found


def reaches_peer(fleet: Fleet, text: str, *, seconds: float) -> None:
    """AssertionError unless the peer is sent it in time, however often, as one activity."""
    eventually(lambda: carriers(fleet, text), timeout_seconds=seconds, what=f"{text} reaches the peer")
    assert len(set(carriers(fleet, text))) == 1
