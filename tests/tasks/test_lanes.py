"""Lanes: slow hosts wait among themselves, and no hint is lost between two turns."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from app.actions.delivery import Turn
from app.errors import UnavailableError
from tasks import lanes as lanes_module
from tasks.lanes import Lanes
from tests.e2e.waiting import eventually

PROMPT = Turn(delivered=1, is_prompt=True)


class Hosts:
    """Stands in for the turns: notes them, and behaves for each host as a test wants."""

    def __init__(self) -> None:
        self.turns: Counter[str] = Counter()
        self.behaviour: dict[str, Callable[[], Turn]] = {}
        self.present: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, host: str) -> Turn:
        with self._lock:
            self.turns[host] += 1
            self.present[host] += 1
            self.most_at_once[host] = max(self.most_at_once[host], self.present[host])
        try:
            return self.behaviour.get(host, lambda: PROMPT)()
        finally:
            with self._lock:
                self.present[host] -= 1


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


@pytest.fixture
def lanes(hosts: Hosts) -> Iterator[Lanes]:
    lanes = Lanes(hosts, name="test", prompt_threads=2, other_threads=4)
    yield lanes
    lanes.stop(seconds=5)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def hang(released: threading.Event) -> Callable[[], Turn]:
    def turn() -> Turn:
        released.wait(60)
        return Turn(is_prompt=False)

    return turn


def test_a_hint_is_a_turn(lanes: Lanes, hosts: Hosts) -> None:
    lanes.put("a.test")

    assert eventually(lambda: hosts.turns["a.test"] == 1)


def test_hundreds_of_hanging_hosts_do_not_hold_up_one_that_answers(
    lanes: Lanes, hosts: Hosts, released: threading.Event
) -> None:
    lanes.put("good.test")
    assert eventually(lambda: hosts.turns["good.test"] == 1 and not lanes._present)
    for number in range(300):
        hosts.behaviour[f"slow{number}.test"] = hang(released)
        lanes.put(f"slow{number}.test")

    lanes.put("good.test")

    assert eventually(lambda: hosts.turns["good.test"] == 2, timeout_seconds=5)
    assert not released.is_set()


def test_the_hanging_hosts_of_one_domain_leave_room_for_hosts_that_nobody_knows_yet(
    lanes: Lanes, hosts: Hosts, released: threading.Event
) -> None:
    for number in range(300):
        hosts.behaviour[f"h{number}.slow.test"] = hang(released)
        lanes.put(f"h{number}.slow.test")
    assert eventually(lambda: hosts.present.total() == 3)

    for number in range(5):
        lanes.put(f"h{number}.new.test")

    assert eventually(lambda: all(hosts.turns[f"h{number}.new.test"] for number in range(5)), timeout_seconds=5)
    assert hosts.present.total() == 3
    released.set()
    assert eventually(lambda: not lanes._present and sum(hosts.turns.values()) == 305)


def test_domains_take_turns(hosts: Hosts, released: threading.Event) -> None:
    lanes = Lanes(hosts, name="test", prompt_threads=1, other_threads=1)
    hosts.behaviour["first.test"] = hang(released)
    lanes.put("first.test")
    assert eventually(lambda: hosts.turns["first.test"])
    order: list[str] = []

    def note(host: str) -> Callable[[], Turn]:
        def turn() -> Turn:
            order.append(host)
            return PROMPT

        return turn

    for host in ("a.many.test", "b.many.test", "c.many.test", "a.few.test"):
        hosts.behaviour[host] = note(host)
        lanes.put(host)

    released.set()

    assert eventually(lambda: len(order) == 4)
    assert order == ["a.many.test", "a.few.test", "b.many.test", "c.many.test"]
    lanes.stop(seconds=5)


def test_a_host_that_began_to_hang_loses_its_place_among_the_prompt(
    lanes: Lanes, hosts: Hosts, released: threading.Event
) -> None:
    lanes.put("a.test")
    assert eventually(lambda: lanes._prompt_hosts.get("a.test"))
    hosts.behaviour["a.test"] = lambda: Turn(is_prompt=False)

    lanes.put("a.test")

    assert eventually(lambda: hosts.turns["a.test"] == 2 and "a.test" not in lanes._prompt_hosts)


def test_a_host_is_in_one_place_at_a_time_and_a_hint_during_its_turn_is_another_turn(
    lanes: Lanes, hosts: Hosts, released: threading.Event
) -> None:
    hosts.behaviour["a.test"] = hang(released)
    lanes.put("a.test")
    assert eventually(lambda: hosts.turns["a.test"] == 1)
    for _ in range(50):
        lanes.put("a.test")

    released.set()

    assert eventually(lambda: hosts.turns["a.test"] == 2 and not lanes._present)
    assert hosts.most_at_once["a.test"] == 1


def test_a_turn_that_leaves_work_is_followed_by_another(lanes: Lanes, hosts: Hosts) -> None:
    left = [Turn(due_in_seconds=0), Turn(due_in_seconds=0.05), PROMPT]
    hosts.behaviour["a.test"] = lambda: left.pop(0) if left else PROMPT

    lanes.put("a.test")

    assert eventually(lambda: hosts.turns["a.test"] == 3 and not lanes._present)


def test_what_is_due_in_minutes_is_left_to_the_sweep(lanes: Lanes, hosts: Hosts) -> None:
    hosts.behaviour["a.test"] = lambda: Turn(due_in_seconds=61)

    lanes.put("a.test")

    assert eventually(lambda: hosts.turns["a.test"] == 1 and not lanes._present)
    assert lanes._timers._times == []


def test_many_timers_of_a_host_are_one(lanes: Lanes, hosts: Hosts) -> None:
    hosts.behaviour["a.test"] = lambda: Turn(due_in_seconds=30)

    while hosts.turns["a.test"] < 20:
        lanes.put("a.test")
        assert eventually(lambda: not lanes._present)

    assert len(lanes._timers._times) == 1


def test_a_turn_that_breaks_is_tried_again_and_harms_no_other(
    lanes: Lanes, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "_AGAIN_SECONDS", 0.01)
    errors: list[Exception] = [UnavailableError(), RuntimeError("a mistake of ours")]

    def turn() -> Turn:
        if errors:
            raise errors.pop(0)
        return PROMPT

    hosts.behaviour["a.test"] = turn

    lanes.put("a.test")

    assert eventually(lambda: hosts.turns["a.test"] == 3)


def test_after_a_stop_no_turn_begins(hosts: Hosts, released: threading.Event) -> None:
    lanes = Lanes(hosts, name="test", prompt_threads=2, other_threads=4)
    hosts.behaviour["a.test"] = hang(released)
    lanes.put("a.test")
    assert eventually(lambda: hosts.turns["a.test"] == 1)

    lanes.stop(seconds=0.05)
    lanes.put("b.test")

    assert lanes.is_stopping()
    assert hosts.turns["b.test"] == 0
