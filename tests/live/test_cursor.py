"""The cursor waits for holes, gives up those that are nobody's, and repeats nothing."""

import threading
from datetime import UTC, datetime
from typing import cast

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.db import Database, reading, transaction
from app.live import cursor as module
from app.live.cursor import BATCH, HOLE_SECONDS_MAX, HOLE_SECONDS_MIN, Cursor
from app.models import Event
from app.queries import events
from app.queries.events import RecordedEvent, Writers

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NO_SESSION = cast("Session", None)


class Log:
    """A simulated log: what is committed, who is at work, and what time it is."""

    def __init__(self) -> None:
        self.committed: set[int] = set()
        self.writers = Writers(oldest=100, next=100)
        self.now = 0.0
        self.cursor = Cursor(0, clock=lambda: self.now)

    def list_after(self, _session: Session, position: int, *, limit: int) -> list[RecordedEvent]:
        found = sorted(number for number in self.committed if number > position)[:limit]
        return [RecordedEvent(number, "test", None, None, None, None, {}, NOW) for number in found]

    def read(self) -> list[int]:
        return [event.position for event in self.cursor.read(NO_SESSION)]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    monkeypatch.setattr(events, "list_after", log.list_after)
    monkeypatch.setattr(events, "writers", lambda _session: log.writers)
    return log


def test_without_holes_everything_is_read_at_once_and_once(log: Log) -> None:
    log.committed = {1, 2, 3}

    assert log.read() == [1, 2, 3]
    assert log.read() == []
    assert not log.cursor.waits_for_hole


def test_position_that_commits_late_is_waited_for(log: Log) -> None:
    log.committed = {1, 3, 4}
    log.writers = Writers(oldest=100, next=102)

    assert log.read() == [1]
    assert log.cursor.waits_for_hole
    log.now = HOLE_SECONDS_MAX - 0.1
    assert log.read() == []

    log.committed.add(2)

    assert log.read() == [2, 3, 4]
    assert not log.cursor.waits_for_hole


def test_position_that_was_rolled_back_is_given_up_when_its_writers_have_ended(log: Log) -> None:
    log.committed = {1, 3}
    log.writers = Writers(oldest=100, next=102)
    assert log.read() == [1]

    log.writers = Writers(oldest=101, next=105)
    log.now = HOLE_SECONDS_MIN * 2
    assert log.read() == []
    log.writers = Writers(oldest=102, next=105)

    assert log.read() == [3]
    log.committed.add(4)
    assert log.read() == [4]


def test_hole_is_not_judged_in_its_first_instant(log: Log) -> None:
    log.committed = {2}
    log.read()

    log.now = HOLE_SECONDS_MIN / 2
    assert log.read() == []

    log.now = HOLE_SECONDS_MIN
    assert log.read() == [2]


def test_writer_that_never_ends_is_given_up_in_time(log: Log) -> None:
    log.committed = {2}
    log.writers = Writers(oldest=100, next=101)
    log.read()

    log.now = HOLE_SECONDS_MAX

    assert log.read() == [2]


def test_late_commit_after_giving_up_is_neither_out_of_order_nor_repeated(log: Log) -> None:
    log.committed = {2}
    log.read()
    log.now = HOLE_SECONDS_MAX
    assert log.read() == [2]

    log.committed |= {1, 3}

    assert log.read() == [3]


def test_each_hole_is_judged_by_its_own_writers(log: Log) -> None:
    log.committed = {2}
    log.read()
    log.committed = {2, 4}
    log.writers = Writers(oldest=100, next=103)
    log.now = HOLE_SECONDS_MIN

    assert log.read() == [2]
    assert log.cursor.waits_for_hole
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


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
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
