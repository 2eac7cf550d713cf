"""The feed hands on each event once and in order, whatever happens to the database or to a broadcaster."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db import Database, transaction
from app.errors import UnavailableError
from app.live import cursor, holes
from app.live import feed as module
from app.live.feed import Feed
from app.models import Event
from app.queries import events
from app.queries.events import RecordedEvent
from tests.databases import ON_POSTGRESQL
from tests.e2e.waiting import eventually


class Audience:
    """A feed, whether anybody listens, and what a broadcaster was given."""

    def __init__(self) -> None:
        self.is_there = True
        self.feed = Feed(has_audience=lambda: self.is_there)
        self.told: list[int] = []
        self.errors: list[Exception] = []
        self.feed.register(self.tell)

    def tell(self, _session: Session, batch: Sequence[RecordedEvent]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.told += [event.position for event in batch]

    def wait_for(self, positions: list[int]) -> None:
        eventually(lambda: self.told == positions, timeout_seconds=5, what=f"{positions} are told")


@pytest.fixture
def audience(monkeypatch: pytest.MonkeyPatch) -> Iterator[Audience]:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    audience = Audience()
    yield audience
    audience.feed.stop()


def commit(count: int = 1) -> list[int]:
    with transaction() as session:
        statement = insert(Event).values(type="test", data={}, created_at=datetime.now(UTC)).returning(Event.position)
        return [session.execute(statement).scalar_one() for _ in range(count)]


def test_what_was_committed_before_is_not_told(database: Database, audience: Audience) -> None:
    commit(3)
    audience.feed.attend()
    new = commit(2)

    audience.feed.hint()

    audience.wait_for(new)


@ON_POSTGRESQL
def test_what_is_being_committed_as_the_first_socket_joins_is_told(database: Database, audience: Audience) -> None:
    with database.writing_engine.connect() as slow:
        statement = insert(Event).values(type="test", data={}, created_at=datetime.now(UTC)).returning(Event.position)
        early = slow.execute(statement).scalar_one()
        commit()

        audience.feed.attend()
        slow.commit()
    audience.feed.hint()

    audience.wait_for([early])


@ON_POSTGRESQL
def test_what_takes_longer_to_commit_than_anybody_waits_for_is_told_after_what_came_later(
    database: Database, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holes, "HOLE_SECONDS_MAX", 0.1)
    audience.feed.attend()
    with database.writing_engine.connect() as slow:
        statement = insert(Event).values(type="test", data={}, created_at=datetime.now(UTC)).returning(Event.position)
        early = slow.execute(statement).scalar_one()
        later = commit()
        audience.feed.hint()
        audience.wait_for(later)
        slow.commit()
    audience.feed.hint()

    audience.wait_for([*later, early])


def test_hints_are_not_needed(database: Database, audience: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    audience.feed.attend()

    audience.wait_for(commit(2))


def test_long_backlog_is_told_in_batches(database: Database, audience: Audience) -> None:
    audience.feed.attend()
    new = commit(2 * cursor.BATCH + 7)

    audience.feed.hint()

    audience.wait_for(new)


def test_who_joins_an_empty_room_is_told_nothing_of_the_past(database: Database, audience: Audience) -> None:
    audience.feed.attend()
    audience.is_there = False
    commit(2)
    audience.feed.hint()
    eventually(lambda: audience.feed._cursor is None)

    audience.is_there = True
    audience.feed.attend()
    new = commit()
    audience.feed.hint()

    audience.wait_for(new)


def test_every_broadcaster_is_told_and_a_broken_one_harms_no_other(
    database: Database, audience: Audience, caplog: pytest.LogCaptureFixture
) -> None:
    other: list[int] = []
    audience.feed.register(lambda _session, batch: other.extend(event.position for event in batch))
    audience.errors = [ValueError("a bug")]
    audience.feed.attend()

    lost = commit()
    audience.feed.hint()
    eventually(lambda: other == lost)
    new = commit()
    audience.feed.hint()

    audience.wait_for(new)
    eventually(lambda: other == lost + new)
    assert "a broadcaster failed" in caplog.text


def test_one_event_that_cannot_be_told_takes_no_other_along(
    database: Database, audience: Audience, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[int] = []
    audience.feed.attend()
    new = commit(5)

    def tell(_session: Session, batch: Sequence[RecordedEvent]) -> None:
        positions = [event.position for event in batch]
        if new[2] in positions:
            raise ValueError("a bug")
        told.extend(positions)

    audience.feed.register(tell)
    audience.feed.hint()

    eventually(lambda: told == [*new[:2], *new[3:]])
    audience.wait_for(new)
    assert "an event cannot be told" in caplog.text


@pytest.mark.parametrize("error", [UnavailableError(), OperationalError("SELECT", {}, Exception("closed"))])
def test_broadcaster_whose_reads_fail_is_given_the_batch_again_and_the_others_are_not(
    database: Database, audience: Audience, error: Exception
) -> None:
    first: list[int] = []
    audience.feed._broadcasters.insert(0, lambda _session, batch: first.extend(event.position for event in batch))
    audience.errors = [error, error]
    audience.feed.attend()

    new = commit()
    audience.feed.hint()
    audience.wait_for(new)
    later = commit()
    audience.feed.hint()

    audience.wait_for(new + later)
    assert first == new + later


def test_feed_goes_on_where_it_was_after_an_outage(
    database: Database, audience: Audience, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    audience.feed.attend()
    is_away = threading.Event()
    is_away.set()
    listing = events.list_after

    def list_after(session: Session, position: int, *, limit: int) -> list[RecordedEvent]:
        if is_away.is_set():
            raise OperationalError("SELECT", {}, Exception("server closed the connection"))
        return listing(session, position, limit=limit)

    monkeypatch.setattr(events, "list_after", list_after)
    new = commit()
    audience.feed.hint()
    eventually(lambda: "cannot read the database" in caplog.text)
    new += commit()
    is_away.clear()

    audience.wait_for(new)
    assert caplog.text.count("cannot read the database") == 1


def test_error_that_nobody_foresaw_does_not_end_the_feed(
    database: Database, audience: Audience, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    audience.feed.attend()
    listing, errors = events.list_after, [MemoryError(), MemoryError()]

    def list_after(session: Session, position: int, *, limit: int) -> list[RecordedEvent]:
        if errors:
            raise errors.pop()
        return listing(session, position, limit=limit)

    monkeypatch.setattr(events, "list_after", list_after)
    new = commit()
    audience.feed.hint()

    audience.wait_for(new)
    assert caplog.text.count("the feed stumbled") == 2


def test_nobody_joins_while_the_database_is_away(
    database: Database, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    def head(_session: Session) -> int:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(events, "head", head)

    with pytest.raises(UnavailableError):
        audience.feed.attend()
