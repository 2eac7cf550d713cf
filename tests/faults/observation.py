"""What is there when everything has healed and every queue has run dry."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace

import psutil

from tests.e2e.waiting import eventually
from tests.faults.fleet import Fleet
from tests.faults.listener import Connection
from tests.faults.peer import Arrival
from tests.faults.person import Document

# A lease of a dead worker (60 s), the wait after two failures in a row (36 s), a sweep (15 s), and the work itself.
DRAIN_SECONDS = 180.0

_WAITING = (
    "SELECT (SELECT count(*) FROM deliveries WHERE state = 'queued') + (SELECT count(*) FROM outgoing), "
    "(SELECT count(*) FROM inbox_items WHERE state = 'queued')"
)
_DELIVERIES = "SELECT state, coalesce(last_error, '') FROM deliveries WHERE state NOT IN ('delivered', 'queued')"
_ITEMS = "SELECT state, coalesce(outcome, '') FROM inbox_items WHERE state NOT IN ('done', 'queued')"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a reader sees it."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Of all processes of one server together."""

    open_files: int
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Observation:
    """`shown` is by (place, server). `ended` says how deliveries and requests ended that did not end well."""

    shown: dict[tuple[str, str], list[Shown]]
    told: dict[str, list[Connection]]
    arrivals: list[Arrival]
    ended: dict[str, Counter[str]]
    waiting: dict[str, tuple[int, int]]
    usage: dict[str, Usage]
    drained_in_seconds: float
    leaks: list[str] = field(default_factory=list)


def wait_until_drained(fleet: Fleet) -> float:
    """Seconds until no server had anything queued; an AssertionError says what still waits after DRAIN_SECONDS."""
    began = time.monotonic()
    eventually(
        lambda: all(_waiting(fleet, name) == (0, 0) for name in fleet.sites),
        timeout_seconds=DRAIN_SECONDS,
        what="all queues are empty",
    )
    return time.monotonic() - began


def observe(fleet: Fleet, told: dict[str, list[Connection]], leaks: list[str]) -> Observation:
    """Wait for the queues to run dry, then read everything on every server."""
    try:
        drained_in = wait_until_drained(fleet)
    except AssertionError:
        drained_in = DRAIN_SECONDS  # What still waits is in `waiting`, and a violation.
    return replace(look(fleet), told=told, leaks=leaks, drained_in_seconds=drained_in)


def look(fleet: Fleet) -> Observation:
    """Read everything as it is now."""
    shown: dict[tuple[str, str], list[Shown]] = {}
    for place in fleet.places:
        if (key := (place.name, place.person.host[0])) not in shown:
            read = place.person.history if place.is_channel else place.person.conversation
            shown[key] = [_shown(message) for message in read(place.target)]
    return Observation(
        shown=shown,
        told={},
        arrivals=fleet.peer.arrivals,
        ended={name: _ended(fleet, name) for name in fleet.sites},
        waiting={name: _waiting(fleet, name) for name in fleet.sites},
        usage={name: _usage(fleet, name) for name in fleet.sites},
        drained_in_seconds=0.0,
    )


def without(seen: Observation, earlier: Observation) -> Observation:
    """What came since `earlier`."""
    marks = {message.mark for messages in earlier.shown.values() for message in messages}
    return replace(
        seen,
        shown={
            key: [message for message in messages if message.mark not in marks] for key, messages in seen.shown.items()
        },
        arrivals=seen.arrivals[len(earlier.arrivals) :],
        ended={name: endings - earlier.ended[name] for name, endings in seen.ended.items()},
    )


def _shown(message: Document) -> Shown:
    text = str(message["message"])
    return Shown(text.partition(" ")[0], text)


def _waiting(fleet: Fleet, name: str) -> tuple[int, int]:
    deliveries, items = fleet.sites[name].rows(_WAITING)[0]
    return deliveries, items


def _ended(fleet: Fleet, name: str) -> Counter[str]:
    site = fleet.sites[name]
    deliveries = Counter(f"delivery {state}: {error}" for state, error in site.rows(_DELIVERIES))
    return deliveries + Counter(f"request {state}: {outcome}" for state, outcome in site.rows(_ITEMS))


def _usage(fleet: Fleet, name: str) -> Usage:
    family: list[psutil.Process] = [
        found for process in fleet.sites[name].processes.values() for found in process.family()
    ]
    return Usage(sum(found.num_fds() for found in family), sum(found.memory_info().rss for found in family))
