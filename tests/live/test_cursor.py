"""The cursor waits for holes a moment, passes those that last, and reads what fills them; it repeats nothing."""

import threading
from collections.abc import Collection
from datetime import UTC, datetime
from typing import cast

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.db import Database, reading, transaction
from app.live import holes as module
from app.live.cursor import BATCH, Cursor
from app.live.holes import HOLE_SECONDS_MAX, HOLE_SECONDS_MIN, HOLES_MAX, LIFE_SECONDS
from app.models import Event
from app.queries import events
from app.queries.events import RecordedEvent, Writers
from tests.databases import ON_POSTGRESQL

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NO_SESSION = cast("Session", None)


class Log:
    """A simulated log: what is committed, who is at work, what time it is, and what was asked."""

    def __init__(self) -> None:
        self.committed: set[int] = set()
        self.at_work = Writers(oldest=100, next=100)
        self.now = 0.0
        self.asked: list[str] = []
        self.cursor = Cursor(0, clock=lambda: self.now)

    def list_after(self, _session: Session, position: int, *, limit: int) -> list[RecordedEvent]:
        self.asked.append("list_after")
        return self._recorded(sorted(number for number in self.committed if number > position)[:limit])

    def list_at(self, _session: Session, positions: Collection[int]) -> list[RecordedEvent]:
        self.asked.append("list_at")
        return self._recorded(sorted(self.committed.intersection(positions)))

    def writers(self, _session: Session) -> Writers:
        self.asked.append("writers")
        return self.at_work

    def _recorded(self, positions: list[int]) -> list[RecordedEvent]:
        return [RecordedEvent(number, "test", None, None, None, None, {}, NOW) for number in positions]

    def read(self) -> list[int]:
        self.asked.clear()
        return [event.position for event in self.cursor.read(NO_SESSION)]

    def pass_first_hole(self) -> list[int]:
        """Read until it is waited for no more."""
        self.at_work = Writers(oldest=100, next=101)
        read = self.read()
        self.now += HOLE_SECONDS_MIN
        read += self.read()
        self.now += HOLE_SECONDS_MAX
        return read + self.read()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    for name in ("list_after", "list_at", "writers"):
        monkeypatch.setattr(events, name, getattr(log, name))
    return log


def test_without_holes_everything_is_read_at_once_and_once_and_nothing_else_is_asked(log: Log) -> None:
    log.committed = {1, 2, 3}

    assert log.read() == [1, 2, 3]
    assert log.asked == ["list_after"]
    assert log.read() == []
    assert not log.cursor.waits_for_hole


def test_position_that_commits_late_is_waited_for(log: Log) -> None:
    log.committed = {1, 3, 4}
    log.at_work = Writers(oldest=100, next=102)

    assert log.read() == [1]
    assert log.cursor.waits_for_hole
    log.now = HOLE_SECONDS_MAX - 0.1
    assert log.read() == []

    log.committed.add(2)

    assert log.read() == [2, 3, 4]
    assert not log.cursor.waits_for_hole


def test_position_that_was_rolled_back_is_given_up_when_its_writers_have_ended(log: Log) -> None:
    log.committed = {1, 3}
    log.at_work = Writers(oldest=100, next=102)
    assert log.read() == [1]
    log.now = HOLE_SECONDS_MIN
    assert log.read() == []

    log.at_work = Writers(oldest=101, next=105)
    assert log.read() == []
    log.at_work = Writers(oldest=102, next=105)

    assert log.read() == [3]
    log.committed.add(4)
    assert log.read() == [4]
    log.committed.add(5)
    assert log.read() == [5]
    assert log.asked == ["list_after"]


def test_hole_is_not_judged_in_its_first_instant(log: Log) -> None:
    """A position is given out before its writer has a number."""
    log.committed = {2}
    log.read()
    log.at_work = Writers(oldest=100, next=101)

    log.now = HOLE_SECONDS_MIN / 2
    assert log.read() == []
    log.now = HOLE_SECONDS_MIN
    assert log.read() == []
    log.at_work = Writers(oldest=101, next=101)

    assert log.read() == [2]


def test_position_that_takes_long_to_commit_holds_nothing_up_and_is_read_when_it_is_there(log: Log) -> None:
    log.committed = {2}

    assert log.pass_first_hole() == [2]
    assert not log.cursor.waits_for_hole
    log.now += LIFE_SECONDS / 2
    log.committed |= {1, 3}

    assert log.read() == [1, 3]
    assert log.read() == []
    assert log.asked == ["list_after"]


def test_hole_that_was_passed_is_forgotten_when_its_writers_have_ended(log: Log) -> None:
    log.committed = {2}
    log.pass_first_hole()

    log.at_work = Writers(oldest=101, next=103)
    assert log.read() == []
    assert log.read() == []
    assert log.asked == ["list_after"]


def test_what_its_writer_left_as_it_ended_is_read_before_the_hole_is_forgotten(log: Log) -> None:
    log.committed = {2}
    log.pass_first_hole()

    log.at_work = Writers(oldest=101, next=103)
    log.committed.add(1)

    assert log.read() == [1]


def test_hole_is_forgotten_when_no_transaction_can_still_be_open(log: Log) -> None:
    log.committed = {2}
    log.pass_first_hole()

    log.now += LIFE_SECONDS
    log.read()
    log.read()

    assert log.asked == ["list_after"]


def test_more_holes_than_are_remembered_hold_nothing_up_and_the_newest_are_kept(log: Log) -> None:
    last = 3 * HOLES_MAX
    log.committed = {last}

    assert log.pass_first_hole() == [last]
    log.committed |= {1, last - 1}

    assert log.read() == [last - 1]


def test_what_comes_late_is_read_in_batches_too(log: Log) -> None:
    last = 2 * BATCH + 4
    log.committed = {last}
    log.pass_first_hole()
    log.committed |= set(range(1, last + 2))

    read = [log.read() for _ in range(4)]

    assert [len(batch) for batch in read] == [BATCH, BATCH, 4, 0]
    assert [position for batch in read for position in batch] == [*range(1, last), last + 1]


def test_each_hole_is_judged_by_its_own_writers(log: Log) -> None:
    log.committed = {2}
    log.read()
    log.committed = {2, 4}
    log.at_work = Writers(oldest=103, next=103)
    log.now = HOLE_SECONDS_MIN

    assert log.read() == [2]
    assert log.cursor.waits_for_hole
    log.at_work = Writers(oldest=103, next=104)
    log.now = 3 * HOLE_SECONDS_MIN
    assert log.read() == []
    log.committed.add(3)
    assert log.read() == [3, 4]


def test_long_log_is_read_in_batches(log: Log) -> None:
    log.committed = set(range(1, 2 * BATCH + 4))

    assert [len(log.read()) for _ in range(4)] == [BATCH, BATCH, 3, 0]


def _add(session: Session) -> int:
    statement = insert(Event).values(type="test", data={}, created_at=NOW).returning(Event.position)
    return session.execute(statement).scalar_one()


def _commit_one() -> int:
    with transaction() as session:
        return _add(session)


def _read(cursor: Cursor) -> list[int]:
    with reading() as session:
        return [event.position for event in cursor.read(session)]


def test_real_log_is_read_in_order(database: Database) -> None:
    with reading() as session:
        assert events.head(session) == 0
        cursor = Cursor(events.head(session))

    committed = [_commit_one() for _ in range(3)]

    assert _read(cursor) == committed
    assert _read(cursor) == []
    with reading() as session:
        assert events.head(session) == committed[-1]


def test_real_hole_of_a_deleted_row_is_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLE_SECONDS_MIN", 0.0)
    first, second, third = (_commit_one() for _ in range(3))
    with transaction() as session:
        session.execute(delete(Event).where(Event.position == second))
    cursor = Cursor(0)

    assert _read(cursor) == [first]
    assert _read(cursor) == [third]


@ON_POSTGRESQL
@pytest.mark.parametrize("is_committed", [True, False], ids=["commits", "rolls-back"])
def test_real_writer_that_is_overtaken_is_waited_for(
    database: Database, is_committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLE_SECONDS_MIN", 0.0)
    cursor = Cursor(0)
    with database.writing_engine.connect() as slow:
        early = slow.execute(insert(Event).values(type="test", data={}, created_at=NOW).returning(Event.position))
        position = early.scalar_one()
        late = _commit_one()
        assert late > position

        assert _read(cursor) == []
        assert _read(cursor) == []
        if is_committed:
            slow.commit()
        else:
            slow.rollback()

    assert _read(cursor) == ([position, late] if is_committed else [late])


@ON_POSTGRESQL
def test_what_is_being_committed_with_a_lower_position_than_the_head_is_behind_a_cursor_there(
    database: Database,
) -> None:
    _commit_one()
    with database.writing_engine.connect() as slow:
        position = slow.execute(insert(Event).values(type="test", data={}, created_at=NOW).returning(Event.position))
        early = position.scalar_one()
        late = _commit_one()
        with reading() as session:
            cursor = Cursor.at_head(session)
        assert cursor.position == late > early
        assert _read(cursor) == []
        slow.commit()

    assert _read(cursor) == [early]
    assert _read(cursor) == []


def test_positions_that_are_missing_are_listed_from_the_log(database: Database) -> None:
    committed = [_commit_one() for _ in range(6)]
    with transaction() as session:
        session.execute(delete(Event).where(Event.position.in_([*committed[:2], committed[3]])))

    with reading() as session:
        assert events.list_missing(session, -100, committed[4]) == [*range(1, committed[2]), committed[3]]
        assert events.list_missing(session, committed[2], committed[5]) == [committed[3]]
        assert events.list_missing(session, -100, 0) == []


def test_many_writers_at_once_are_read_without_a_gap(database: Database) -> None:
    cursor = Cursor(0)
    committed: list[int] = []
    seen: list[int] = []

    def write() -> None:
        committed.extend(_commit_one() for _ in range(20))

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen += _read(cursor)
    while batch := _read(cursor):
        seen += batch

    assert seen == sorted(committed)
