"""Statuses follow who has a socket here, through outages, and no socket waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from app.actions import presence
from app.actions.presence import StatusChange
from app.errors import UnavailableError
from app.live import attendance as module
from app.live.attendance import Attendance
from tests.e2e.waiting import eventually
from tests.live.test_hub import Room


class Database:
    """What the actions on presence would write down."""

    def __init__(self) -> None:
        self.present: set[str] = set()
        self.errors: list[Exception] = []
        self.batches: list[tuple[int, int]] = []
        self.swept: list[datetime] = []
        self.is_away = False

    def note(self, _process_id: str, *, arrived: set[str], left: set[str]) -> list[StatusChange]:
        self._fail()
        self.batches.append((len(arrived), len(left)))
        came, went = arrived - self.present, left & self.present
        self.present = (self.present | arrived) - left
        return [
            *(StatusChange(person, "online") for person in sorted(came)),
            *(StatusChange(person, "offline") for person in sorted(went)),
        ]

    def keep(self, _process_id: str) -> set[str]:
        self._fail()
        return set(self.present)

    def sweep(self, silent_since: datetime) -> list[StatusChange]:
        self._fail()
        self.swept.append(silent_since)
        return [StatusChange("ghost", "offline")] if len(self.swept) == 1 else []

    def _fail(self) -> None:
        if self.is_away:
            raise UnavailableError
        if self.errors:
            raise self.errors.pop(0)


class Hall(Room):
    """A hub whose attendance is taken."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.attendance = Attendance(self.hub)
        self.told: list[tuple[str, str]] = []
        self.attendance.listen(lambda change: self.told.append((change.actor_id, change.status)))

    def come(self, name: str, person: str) -> None:
        if self.join(name, person, ip=name):
            self.attendance.changed()

    def go(self, name: str) -> None:
        if self.leave(name):
            self.attendance.changed()

    def wait_for(self, *told: tuple[str, str]) -> None:
        eventually(lambda: self.told == [("ghost", "offline"), *told], timeout_seconds=5, what=f"{told} are told")


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    database = Database()
    for name in ("note", "keep", "sweep"):
        monkeypatch.setattr(presence, name, getattr(database, name))
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    hall = Hall(database)
    yield hall
    hall.attendance.stop()


def test_first_socket_and_last_one_are_told(hall: Hall) -> None:
    hall.come("one", "alice")
    hall.wait_for(("alice", "online"))
    hall.come("two", "alice")
    hall.go("one")
    hall.go("two")

    hall.wait_for(("alice", "online"), ("alice", "offline"))


def test_nothing_starts_before_the_first_socket(hall: Hall) -> None:
    assert hall.attendance._thread is None


def test_outage_fails_nobody_and_is_made_up_for(hall: Hall) -> None:
    hall.come("one", "alice")
    hall.wait_for(("alice", "online"))
    hall.database.is_away = True

    hall.go("one")
    hall.come("two", "bob")
    hall.come("three", "carol")
    hall.go("three")
    eventually(lambda: hall.attendance._is_failing, what="the outage is noticed")
    hall.database.is_away = False

    hall.wait_for(("alice", "online"), ("bob", "online"), ("alice", "offline"))
    assert hall.database.present == {"bob"}


def test_mistake_of_ours_does_not_end_it(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    hall.database.errors = [ValueError("a bug")]
    hall.come("one", "alice")

    hall.wait_for(("alice", "online"))
    assert "a bug" in caplog.text


def test_many_at_once_are_few_transactions(hall: Hall) -> None:
    hall.database.is_away = True
    for number in range(1200):
        hall.come(f"socket{number}", f"person{number}")
    hall.database.is_away = False

    eventually(lambda: len(hall.database.present) == 1200, what="all are noted")
    assert max(hall.database.batches) <= (500, 500)
    assert len(hall.database.batches) <= 5


def test_sockets_are_written_to_while_many_come(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    told_before_turn: list[int] = []
    monkeypatch.setattr("app.live.attendance.time.sleep", lambda _seconds: told_before_turn.append(len(hall.told)))

    hall.attendance._tell(StatusChange(f"person{number}", "online") for number in range(120))

    assert told_before_turn == [50, 100]


def test_who_was_taken_for_dead_is_noted_again_at_the_next_beat(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    hall.come("one", "alice")
    hall.wait_for(("alice", "online"))

    hall.database.present.clear()

    hall.wait_for(("alice", "online"), ("alice", "online"))


def test_stop_says_that_nobody_is_here_any_more(hall: Hall) -> None:
    hall.come("one", "alice")
    hall.wait_for(("alice", "online"))

    hall.attendance.stop()

    hall.wait_for(("alice", "online"), ("alice", "offline"))
    assert hall.database.present == set()


def test_stop_does_not_mind_that_the_database_is_away(hall: Hall) -> None:
    hall.come("one", "alice")
    hall.wait_for(("alice", "online"))
    hall.database.is_away = True

    hall.attendance.stop()

    assert hall.database.present == {"alice"}


def test_none_comes_after_the_stop(hall: Hall) -> None:
    hall.attendance.stop()

    hall.come("one", "alice")

    assert hall.attendance._thread is None
