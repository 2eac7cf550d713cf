"""Clients that send, edit and delete until they are told to stop, and note what they were told."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.faults.fleet import Fleet, Place
from tests.faults.history import History, Kind, Op, Result
from tests.faults.person import Reply, new_key

# How long a client goes on asking with the same key before it leaves the fate of a message unknown.
_PATIENCE_SECONDS = 25.0
_AGAIN_SECONDS = 0.7
_EDIT_SHARE, _DELETE_SHARE, _GIVE_UP_SHARE = 0.08, 0.08, 0.2


@dataclass(slots=True)
class Client:
    """One person in one place, one request at a time."""

    place: Place
    run_name: str
    history: History
    rng: random.Random
    pause_seconds: float
    sequence: int = 0
    own: list[tuple[str, str]] = field(default_factory=list)  # (mark, message id) of what may still be changed.

    @property
    def name(self) -> str:
        return f"{self.place.person.username}@{self.place.name}.{self.run_name}"

    def run(self, is_over: threading.Event) -> None:
        while not is_over.wait(self.rng.uniform(0.3, 1.7) * self.pause_seconds):
            chance = self.rng.random()
            if chance < _DELETE_SHARE and self.own and self.place.is_channel:
                self._delete(*self.own.pop(self.rng.randrange(len(self.own))))
            elif chance < _DELETE_SHARE + _EDIT_SHARE and self.own and self.place.is_channel:
                self._edit(*self.rng.choice(self.own))
            else:
                self._send(is_over)

    def _send(self, is_over: threading.Event) -> None:
        mark = f"{self.name}#{self.sequence + 1}"
        op, key = self._begin("send", mark, f"{mark} said"), new_key()
        gives_up = self.rng.random() < _GIVE_UP_SHARE
        is_again = False
        while True:
            reply = self._post(op.text, key)
            message_id = message_id_of(reply)
            if reply.result == "ok":
                self.own.append((mark, message_id))
            is_late = time.monotonic() - op.began_at > _PATIENCE_SECONDS
            if reply.result != "unknown" or gives_up or is_late or is_over.wait(_AGAIN_SECONDS):
                # Refused after an unknown attempt is no promise about that attempt.
                result: Result = "unknown" if is_again and reply.result == "fail" else reply.result
                return self.history.end(op, result, message_id or str(reply))
            is_again = True

    def _post(self, text: str, key: str) -> Reply:
        person, target = self.place.person, self.place.target
        return person.send(target, text, key) if self.place.is_channel else person.send_directly(target, text, key)

    def _edit(self, mark: str, message_id: str) -> None:
        op = self._begin("edit", mark, f"{mark} edited-{self.sequence + 1}")
        self._end(op, self.place.person.edit(self.place.target, message_id, op.text))

    def _delete(self, mark: str, message_id: str) -> None:
        op = self._begin("delete", mark, "")
        self._end(op, self.place.person.delete(self.place.target, message_id))

    def _begin(self, kind: Kind, mark: str, text: str) -> Op:
        self.sequence += 1
        return Op(self.name, self.sequence, kind, self.place.name, mark, text, time.monotonic())

    def _end(self, op: Op, reply: Reply) -> None:
        self.history.end(op, reply.result, "" if reply.result == "ok" else str(reply))


class Watcher:
    """Somebody who may not see things, and keeps trying while they break (I7)."""

    def __init__(self, fleet: Fleet, history: History) -> None:
        self._fleet = fleet
        self._history = history
        self.leaks: list[str] = []
        self.looks = 0

    def run(self, is_over: threading.Event) -> None:
        guest = self._fleet.people["guest_a"]
        while not is_over.wait(0.7):
            self._try("a private channel", guest.page(self._fleet.private_channel), "")
            self._try("a conversation", guest.conversation_page(self._fleet.people["owner_b"].handle), "@dm-")
            for op in [op for op in self._history.ops if op.place.startswith("dm-") and op.result == "ok"][-1:]:
                stranger = self._fleet.sites[op.client.partition("@")[0][-1]].person("nobody")
                self._try("a direct message", stranger.request("GET", f"/ap/messages/{op.note}"), "")

    def _try(self, what: str, reply: Reply, secret: str) -> None:
        self.looks += 1
        if reply.result == "ok" and secret in str(reply.document):
            self.leaks.append(f"{what} was shown to somebody outside it: {reply}")


class Guest:
    """The peer's own person: sends Notes to a channel and repeats each until it is accepted, as servers do."""

    def __init__(self, fleet: Fleet, history: History, run_name: str, rng: random.Random) -> None:
        self._run_name = run_name
        self._fleet = fleet
        self._history = history
        self._rng = rng
        self._sequence = 0

    def run(self, is_over: threading.Event) -> None:
        while not is_over.wait(self._rng.uniform(1, 3)):
            channel = self._rng.choice(sorted(self._fleet.channel_uris))
            self._send(channel, is_over)

    def _send(self, channel: str, is_over: threading.Event) -> None:
        self._sequence += 1
        peer, uri = self._fleet.peer, self._fleet.channel_uris[channel]
        client = f"mock@{channel}.{self._run_name}"
        mark = f"{client}#{self._sequence}"
        op = Op(client, self._sequence, "send", channel, mark, f"{mark} said", time.monotonic())
        activity = peer.create(uri, op.text, f"{channel}-{self._run_name}-{self._sequence}")
        inbox = f"{uri.partition('/ap/')[0]}/ap/inbox"
        result: Result = "unknown"
        while result == "unknown":
            status = peer.post(activity, inbox)
            result = "ok" if 200 <= status < 300 else "unknown"
            if is_over.wait(_AGAIN_SECONDS):
                break
        if result == "ok" and self._rng.random() < 0.5:
            peer.post(activity, inbox)  # Servers send the same activity more than once (F25).
        self._history.end(op, result, str(activity.id))


class Workload:
    """All clients, from entering to leaving the context."""

    def __init__(self, fleet: Fleet, history: History, *, seed: int, pause_seconds: float) -> None:
        self.watcher = Watcher(fleet, history)
        self._is_over = threading.Event()
        clients = [
            Client(place, str(seed), history, random.Random(f"{seed} {number}"), pause_seconds)
            for number, place in enumerate(fleet.places)
        ]
        runs: list[Callable[[threading.Event], None]] = [client.run for client in clients]
        runs += [self.watcher.run, Guest(fleet, history, str(seed), random.Random(f"{seed} mock")).run]
        self._threads = [threading.Thread(target=run, args=(self._is_over,), daemon=True) for run in runs]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(90)


def message_id_of(reply: Reply) -> str:
    """Of what was sent; empty where it is not known to have been."""
    if reply.result != "ok":
        return ""
    document = reply.document
    return str(document.get("message_id") or document.get("result", {}).get("message_id", ""))
