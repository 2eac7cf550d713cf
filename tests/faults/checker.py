"""The checker: what clients were told and what is there, held against the promises I1 to I8.

Pure: a history and an observation go in, violations come out (tests/faults/test_checker.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.faults.history import Op
from tests.faults.listener import Connection
from tests.faults.observation import DRAIN_SECONDS, Observation, Shown

# Caps of I6 for one server's processes together.
MAX_OPEN_FILES = 1_500
MAX_RESIDENT_BYTES = 900 * 2**20

# How a delivery or a request may end besides well: its message was deleted before its turn came, or while it came.
_HARMLESS = ("delivery dropped: its document was erased", "request dropped:")


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant` is one of I1 to I8."""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


@dataclass(slots=True)
class Fate:
    """What may be true of one message, by what its author was told. `texts` is empty where nothing may be shown."""

    place: str
    client: str
    may_be_there: bool
    must_be_there: bool
    texts: set[str] = field(default_factory=set)
    was_deleted: bool = False


def check(ops: Sequence[Op], seen: Observation) -> list[Violation]:
    fates = fates_of(ops)
    return [
        *_check_shown(fates, seen),
        *_check_order(ops, seen),
        *_check_sockets(fates, seen),
        *_check_peer(fates, ops, seen),
        *_check_queues(seen),
        *(Violation("I7", leak) for leak in seen.leaks),
    ]


def fates_of(ops: Iterable[Op]) -> dict[str, Fate]:
    """By mark. Each author does one thing after the other, so the order of its ops is that of their effects."""
    fates: dict[str, Fate] = {}
    for op in sorted(ops, key=lambda op: (op.client, op.sequence)):
        if op.kind == "send":
            fates[op.mark] = Fate(op.place, op.client, op.result != "fail", op.result == "ok", {op.text})
            continue
        fate = fates[op.mark]
        if op.result == "fail":
            continue
        if op.kind == "delete":
            fate.must_be_there = False
            fate.may_be_there = op.result != "ok"
            fate.was_deleted = True
        else:
            fate.texts = {op.text} if op.result == "ok" else fate.texts | {op.text}
    return fates


def _check_shown(fates: dict[str, Fate], seen: Observation) -> Iterator[Violation]:
    """I1: what was acknowledged is there, with its last text; I2: once; I4: and nothing else is."""
    for (place, site), messages in seen.shown.items():
        counts = Counter(message.mark for message in messages)
        for mark, count in counts.items():
            if count > 1:
                yield Violation("I2", f"{mark} is shown {count} times in {place} on {site}")
        for mark, fate in fates.items():
            if fate.place == place and fate.must_be_there and mark not in counts:
                yield Violation("I1", f"{mark} was acknowledged and is not in {place} on {site}")
        for message in messages:
            yield from _check_one(fates.get(message.mark), message.mark, message.text, f"{place} on {site}")
    yield from _check_agreement(seen)


def _check_one(fate: Fate | None, mark: str, text: str, where: str) -> Iterator[Violation]:
    if fate is None:
        yield Violation("I4", f"{mark} in {where} was never sent")
    elif not fate.may_be_there:
        yield Violation("I1", f"{mark} was refused or deleted and is in {where}")
    elif text not in fate.texts:
        yield Violation("I1", f"{mark} in {where} says {text!r} and not one of {sorted(fate.texts)}")


def _check_agreement(seen: Observation) -> Iterator[Violation]:
    """I3: what is shown in a place is the same on every server, whatever its author was told."""
    everything: dict[str, set[Shown]] = defaultdict(set)
    for (place, _), messages in seen.shown.items():
        everything[place] |= {*messages}
    for (place, site), messages in seen.shown.items():
        for missing in sorted(everything[place] - {*messages}, key=lambda message: message.mark):
            yield Violation("I3", f"{missing.text!r} is in {place} elsewhere and not on {site}")


def _check_order(ops: Sequence[Op], seen: Observation) -> Iterator[Violation]:
    """I5: an author's acknowledged messages stand in the order in which they were acknowledged."""
    numbers = {op.mark: (op.client, op.sequence) for op in ops if op.kind == "send" and op.result == "ok"}
    for (place, site), messages in seen.shown.items():
        yield from _check_sequence([message.mark for message in messages], numbers, f"{place} on {site}")
    for host in sorted({arrival.host for arrival in seen.arrivals}):
        marks = [mark for arrival in seen.arrivals if arrival.host == host for mark in _created(arrival.activity)]
        yield from _check_sequence(list(dict.fromkeys(marks)), numbers, f"what {host} sent to the peer")


def _check_sequence(marks: Sequence[str], numbers: dict[str, tuple[str, int]], where: str) -> Iterator[Violation]:
    by_client: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for mark in marks:
        if mark in numbers:
            client, number = numbers[mark]
            by_client[client].append((number, mark))
    for sequence in by_client.values():
        for (before, first), (after, second) in pairwise(sequence):
            if before > after:
                yield Violation("I5", f"{first} stands before {second} in {where}")


def _check_sockets(fates: dict[str, Fate], seen: Observation) -> Iterator[Violation]:
    """I2 and I4 of sockets: told once a connection, and of nothing that is not so."""
    for site, connections in seen.told.items():
        there = {message.mark for (_, where), messages in seen.shown.items() if where == site for message in messages}
        for connection in connections:
            for mark, count in Counter(connection.told).items():
                if count > 1:
                    yield Violation("I2", f"one socket on {site} was told {count} times of {mark}")
                fate = fates.get(mark)
                if mark not in there and (fate is None or not fate.was_deleted):
                    yield Violation("I4", f"a socket on {site} was told of {mark}, which is not there")
        yield from _check_heard(fates, seen, site, connections)


def _check_heard(
    fates: dict[str, Fate], seen: Observation, site: str, connections: Sequence[Connection]
) -> Iterator[Violation]:
    """I1 of sockets: one that was open all the time was told of everything."""
    if len(connections) != 1 or connections[0].closed_at is not None:
        return
    for (place, where), messages in seen.shown.items():
        # The listener is the site's owner, who reads every channel and its own conversations alone.
        for mark in {message.mark for message in messages} - set(connections[0].told):
            if where == site and not fates[mark].was_deleted:
                yield Violation("I1", f"the socket on {site} was open all the time and never heard {mark} in {place}")


def _check_peer(fates: dict[str, Fate], ops: Sequence[Op], seen: Observation) -> Iterator[Violation]:
    """I2, I3 and I4 of the peer, which de-duplicates by id."""
    documents: dict[str, Any] = {}
    carriers: dict[str, set[str]] = defaultdict(set)
    taken: set[str] = set()
    for arrival in seen.arrivals:
        uri = str(arrival.activity.get("id"))
        if documents.setdefault(uri, arrival.activity) != arrival.activity:
            yield Violation("I2", f"{uri} reached the peer with two contents")
        for mark in _created(arrival.activity):
            carriers[mark].add(uri)
            if arrival.status is not None and arrival.status < 300:
                taken.add(mark)
    for mark, uris in carriers.items():
        if len(uris) > 1:
            yield Violation("I2", f"{mark} reached the peer in {len(uris)} activities")
        if mark not in fates or (not fates[mark].may_be_there and not fates[mark].was_deleted):
            yield Violation("I4", f"{mark} reached the peer and was never sent here")
    followed = {place for place, _ in seen.shown if not place.startswith("dm-")}
    for op in ops:
        fate = fates[op.mark]
        is_due = fate.must_be_there and not fate.was_deleted and not op.client.startswith("mock@")
        if op.kind == "send" and op.place in followed and is_due and op.mark not in taken:
            yield Violation("I3", f"{op.mark} never reached the peer")


def _created(activity: dict[str, Any]) -> Iterator[str]:
    """The marks of Notes that an activity creates, by itself or inside a Group's Announce (FEP-1b12)."""
    inner = activity.get("object")
    if activity.get("type") == "Announce" and isinstance(inner, dict):
        yield from _created(inner)
    elif activity.get("type") == "Create" and isinstance(inner, dict):
        yield str((inner.get("source") or {}).get("content", "")).partition(" ")[0]


def _check_queues(seen: Observation) -> Iterator[Violation]:
    """I3 and I8: everything ended, in time and for a reason; I6: nothing was used up."""
    for site, (deliveries, items) in seen.waiting.items():
        if deliveries or items:
            late = f"{deliveries} deliveries and {items} requests wait on {site}"
            yield Violation("I8", f"{late}, {DRAIN_SECONDS:g} s after everything healed")
    for site, endings in seen.ended.items():
        for ending, count in endings.items():
            if not ending.startswith(_HARMLESS):
                yield Violation("I3", f"{count} times on {site}: {ending}")
    for site, usage in seen.usage.items():
        if usage.open_files > MAX_OPEN_FILES or usage.resident_bytes > MAX_RESIDENT_BYTES:
            yield Violation("I6", f"{site} holds {usage}")
