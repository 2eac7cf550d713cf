"""What a busy process refuses, and whom first."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from app.errors import TooManyRequestsError, UnavailableError
from app.web.admission import (
    LEAST_RATE,
    MAX_HELD,
    MAX_LAG_SECONDS,
    MAX_OPEN,
    MAX_WAITING,
    PATIENCE_SECONDS,
    TICK_SECONDS,
    WINDOW_TICKS,
    Admission,
)


class Process:
    """A process whose timer is as late as the test says, and that works for as much of the time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.worked = 0.0
        self.admission = Admission(lambda: self.now, work=lambda: self.worked)
        self.tick()

    def tick(self, late: float = 0.0, share: float = 0.0) -> None:
        self.now += TICK_SECONDS + late
        self.worked += share * (TICK_SECONDS + late)
        self.admission.tick()

    def take(self, sender: str, count: int) -> int:
        """How many of so many deliveries are taken."""
        taken = 0
        for _ in range(count):
            try:
                self.admission.take_delivery(sender)
            except TooManyRequestsError:
                return taken
            taken += 1
        return taken

    def window(self, *, late: float, **sent: int) -> dict[str, int]:
        """A window in which each sender sends so many in each tick; what was taken of it."""
        taken = dict.fromkeys(sent, 0)
        for _ in range(WINDOW_TICKS):
            for sender, count in sent.items():
                taken[sender] += self.take(sender, count)
            self.tick(late)
        return taken


@pytest.fixture
def process() -> Process:
    return Process()


def test_deliveries_are_all_taken_while_nobody_here_waits(process: Process) -> None:
    assert process.window(late=0.5, peer=500) == {"peer": 5000}


def test_people_here_come_before_a_flood(process: Process) -> None:
    for _ in range(5):
        process.admission.note_person()
        taken = process.window(late=0.2, flood=500)

    assert taken["flood"] == LEAST_RATE


def test_a_flood_leaves_other_senders_their_share(process: Process) -> None:
    for _ in range(5):
        process.admission.note_person()
        taken = process.window(late=0.2, flood=500, peer=1)

    assert taken["peer"] == 10
    assert taken["flood"] <= LEAST_RATE


def test_what_there_is_time_for_is_taken(process: Process) -> None:
    process.admission.note_person()
    process.window(late=0.2, peer=500)

    for _ in range(8):
        process.admission.note_person()
        taken = process.window(late=0.0, peer=500)

    assert taken["peer"] > 3 * LEAST_RATE


def test_the_pace_slows_down_within_a_tick(process: Process) -> None:
    process.admission.note_person()
    taken = process.take("flood", 500)
    process.tick(late=0.05)

    assert taken == 500
    assert process.take("flood", 500) == 0


@pytest.mark.parametrize(("share", "taken"), [(0.6, 0), (0.4, 500)])
def test_the_pace_slows_down_before_anybody_is_late(process: Process, share: float, taken: int) -> None:
    process.admission.note_person()
    process.take("flood", 500)

    process.tick(share=share)

    assert process.take("flood", 500) == taken


def test_people_who_are_slow_by_themselves_cost_no_delivery(process: Process) -> None:
    process.admission.note_person()
    process.window(late=0.2)

    assert process.take("peer", 500) == 500


def test_pace_ends_when_the_people_have_gone(process: Process) -> None:
    process.admission.note_person()
    process.window(late=0.2, peer=500)
    process.now += 60
    process.window(late=0.0)

    assert process.take("peer", 5000) == 5000


def test_who_would_wait_for_seconds_is_told_at_once(process: Process) -> None:
    process.admission.enter()
    process.now += TICK_SECONDS + MAX_LAG_SECONDS + 0.1

    with pytest.raises(UnavailableError):
        process.admission.enter()
    process.admission.tick()
    process.tick()
    process.admission.enter()


def test_only_so_many_are_at_work_at_once(process: Process) -> None:
    for _ in range(MAX_OPEN):
        process.admission.enter()

    with pytest.raises(UnavailableError):
        process.admission.enter()
    process.admission.leave()
    process.admission.enter()


def test_those_who_wait_are_not_at_work(process: Process) -> None:
    with ExitStack() as waiting:
        for _ in range(MAX_OPEN + 50):
            process.admission.enter()
            waiting.enter_context(process.admission.waiting("slow"))
        process.admission.enter()
        assert process.admission.open_requests == 1

    assert process.admission.open_requests == MAX_OPEN + 51


def test_of_very_many_who_wait_whoever_has_most_of_them_is_refused(process: Process) -> None:
    with ExitStack() as waiting:
        for number in range(MAX_WAITING):
            waiting.enter_context(process.admission.waiting("other" if number < 10 else "slow"))

        with pytest.raises(UnavailableError), process.admission.waiting("slow"):
            pass
        for client in ("other", "newcomer"):
            waiting.enter_context(process.admission.waiting(client))


def test_who_is_refused_is_held_for_a_while_but_not_without_end() -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        admission.hold()  # The next one comes while this one waits.

    admission = Admission(sleep=sleep)

    admission.hold()

    assert slept == [PATIENCE_SECONDS] * MAX_HELD
