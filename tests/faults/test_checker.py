"""The checker finds what it is there to find: each invariant, broken once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checker import MAX_OPEN_FILES, MAX_RESIDENT_BYTES, check
from tests.faults.history import Kind, Op, Result
from tests.faults.listener import Connection
from tests.faults.observation import DRAIN_SECONDS, Observation, Shown, Usage
from tests.faults.peer import Arrival

PLACE = "harbour"


def op(number: int, result: Result = "ok", *, kind: Kind = "send", mark: int | None = None, text: str = "") -> Op:
    name = f"bob#{number if mark is None else mark}"
    return Op("bob", number, kind, PLACE, name, text or f"{name} said", 0.0, result=result)


def shown(*numbers: int) -> list[Shown]:
    return [Shown(f"bob#{number}", f"bob#{number} said") for number in numbers]


def announced(number: int, *, id: str = "", status: int | None = 202) -> Arrival:
    text = f"bob#{number} said"
    create = {"type": "Create", "object": {"type": "Note", "source": {"content": text}}}
    activity: dict[str, Any] = {"id": id or f"announce-{number}", "type": "Announce", "object": create}
    return Arrival(0.0, "a.test", activity, status)


def observed(*numbers: int) -> Observation:
    """All is well with these messages on two servers, their sockets and the peer."""
    told = [mark.mark for mark in shown(*numbers)]
    return Observation(
        shown={(PLACE, site): shown(*numbers) for site in "ab"},
        told={site: [Connection(0.0, None, list(told))] for site in "ab"},
        arrivals=[announced(number) for number in numbers],
        ended={site: Counter() for site in "ab"},
        waiting=dict.fromkeys("ab", (0, 0)),
        usage={site: Usage(100, 1000) for site in "ab"},
        drained_in_seconds=1.0,
    )


def broken(ops: list[Op], seen: Observation) -> set[str]:
    return {violation.invariant for violation in check(ops, seen)}


def test_a_run_that_kept_its_promises_is_not_accused() -> None:
    ops = [
        op(1),
        op(2, "fail"),
        op(3, "unknown"),
        op(4, "unknown"),
        op(5),
        op(6, kind="edit", mark=5, text="bob#5 anew"),
    ]
    seen = observed(1, 3, 5)
    for site in "ab":
        seen.shown[PLACE, site][2] = Shown("bob#5", "bob#5 anew")

    assert check(ops, seen) == []


def test_a_deleted_message_may_have_been_told_of_and_sent() -> None:
    seen = replace(observed(1), shown={(PLACE, site): [] for site in "ab"})

    assert check([op(1), op(2, kind="delete", mark=1)], seen) == []


def test_an_edit_nobody_heard_the_end_of_may_have_happened() -> None:
    ops = [op(1), op(2, "unknown", kind="edit", mark=1, text="bob#1 anew")]

    assert check(ops, observed(1)) == []


@pytest.mark.parametrize(
    ("ops", "numbers", "invariant"),
    [
        ([op(1), op(2)], [1], "I1"),
        ([op(1, "fail")], [1], "I1"),
        ([op(1), op(2, kind="delete", mark=1)], [1], "I1"),
        ([op(1), op(2, kind="edit", mark=1, text="bob#1 anew")], [1], "I1"),
        ([op(1)], [1, 1], "I2"),
        ([op(1)], [1, 2], "I4"),
        ([op(1), op(2)], [2, 1], "I5"),
    ],
    ids=["lost", "refused and there", "deleted and there", "edit lost", "twice", "from nowhere", "out of order"],
)
def test_what_is_shown_against_the_promise_is_found(ops: list[Op], numbers: list[int], invariant: str) -> None:
    assert invariant in broken(ops, observed(*numbers))


def test_servers_that_do_not_agree_are_found() -> None:
    seen = observed(1)
    seen.shown[PLACE, "b"].clear()

    assert "I3" in broken([op(1, "unknown")], seen)


def test_a_socket_that_was_told_twice_or_too_little_is_found() -> None:
    twice, deaf = observed(1), observed(1)
    twice.told["a"][0].told.append("bob#1")
    deaf.told["a"][0].told.clear()

    assert broken([op(1)], twice) == {"I2"}
    assert broken([op(1)], deaf) == {"I1"}


def test_a_socket_that_was_cut_may_have_missed_something_but_not_heard_of_nothing() -> None:
    seen = observed(1)
    seen.told["a"] = [Connection(0.0, 1.0, []), Connection(2.0, None, ["bob#9"])]

    assert broken([op(1)], seen) == {"I4"}


@pytest.mark.parametrize(
    ("arrivals", "invariant"),
    [
        ([], "I3"),
        ([announced(1, status=500)], "I3"),
        ([announced(1), announced(1, id="another")], "I2"),
        ([announced(1), announced(2, id="announce-1")], "I2"),
        ([announced(1), announced(7)], "I4"),
    ],
    ids=["never", "never taken", "two ids", "one id, two contents", "from nowhere"],
)
def test_what_reached_the_peer_against_the_promise_is_found(arrivals: list[Arrival], invariant: str) -> None:
    assert invariant in broken([op(1)], replace(observed(1), arrivals=arrivals))


def test_a_delivery_that_came_twice_with_one_id_is_as_promised() -> None:
    assert check([op(1)], replace(observed(1), arrivals=[announced(1), announced(1)])) == []


def test_the_peer_hears_an_author_in_order() -> None:
    seen = replace(observed(1, 2), arrivals=[announced(2), announced(1), announced(2)])

    assert broken([op(1), op(2)], seen) == {"I5"}


def test_leaks_leftovers_and_hunger_are_found() -> None:
    assert broken([op(1)], replace(observed(1), leaks=["a private channel"])) == {"I7"}
    assert broken([op(1)], replace(observed(1), waiting={"a": (1, 0)}, drained_in_seconds=DRAIN_SECONDS)) == {"I8"}
    assert broken([op(1)], replace(observed(1), ended={"a": Counter({"delivery failed: 400": 1})})) == {"I3"}
    assert broken([op(1)], replace(observed(1), usage={"a": Usage(MAX_OPEN_FILES + 1, 1)})) == {"I6"}
    assert broken([op(1)], replace(observed(1), usage={"a": Usage(1, MAX_RESIDENT_BYTES + 1)})) == {"I6"}
