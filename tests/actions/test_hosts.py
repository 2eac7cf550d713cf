"""A host that speaks to us is spoken to again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from app import db
from app.actions import hosts
from app.db import Database, reading
from app.models import Host
from tests.actions.delivery.world import HOST, INBOX, World


@pytest.fixture
def woken(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(db, "_wake_listeners", [lambda kind, key: heard.append((kind, key))])
    hosts._seen_lately.clear()
    yield heard
    hosts._seen_lately.clear()


@pytest.fixture
def world(woken: list[tuple[str, str]]) -> World:
    world = World()
    world.clock.now = datetime.now(UTC)
    world.queue()
    woken.clear()
    return world


def break_down(world: World, **values: object) -> None:
    world.wire.answers[INBOX] = [503, 202]
    world.deliver()
    world.change_host(**values)


def test_a_request_from_a_failing_host_has_its_queue_tried_now(world: World, woken: list[tuple[str, str]]) -> None:
    break_down(world, state="open", failures=9, probe_at=datetime.now(UTC) + timedelta(hours=8))

    hosts.note_inbound(HOST)

    assert woken == [("deliver", HOST)]
    assert (world.host().state, world.host().failures) == ("up", 0)
    world.clock.now = datetime.now(UTC)
    assert world.deliver().delivered == 1


def test_a_request_from_a_healthy_host_writes_nothing(
    world: World, woken: list[tuple[str, str]], database: Database
) -> None:
    world.deliver()
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    for _ in range(20):
        hosts.note_inbound(HOST)

    assert woken == []
    assert [statement.split()[0] for statement in asked if not statement.startswith("BEGIN")] == ["SELECT"]


def test_a_busy_host_is_not_disturbed_by_what_it_sends(world: World, woken: list[tuple[str, str]]) -> None:
    world.wire.answers[INBOX] = [429]
    world.deliver()
    until = world.host().probe_at

    hosts.note_inbound(HOST)

    assert woken == []
    assert world.host().probe_at == until


def test_a_host_that_an_admin_declared_gone_stays_so(world: World, woken: list[tuple[str, str]]) -> None:
    break_down(world, state="gone")

    hosts.note_inbound(HOST)

    assert woken == []
    assert world.host().state == "gone"


def test_an_unknown_host_is_not_given_a_row(database: Database, woken: list[tuple[str, str]]) -> None:
    hosts.note_inbound("never-heard-of.test")

    assert woken == []


def test_request_signed_by_rfc9421_shows_that_its_host_takes_such_signatures(database: Database) -> None:
    hosts._rfc9421_lately.clear()

    hosts.note_signature("modern.test", "rfc9421")

    with reading() as session:
        assert session.scalar(select(Host.scheme).where(Host.host == "modern.test")) == "rfc9421"


def test_request_signed_by_the_draft_shows_nothing_and_writes_nothing(database: Database) -> None:
    hosts.note_signature("old.test", "draft-cavage")

    with reading() as session:
        assert session.scalar(select(Host.host).where(Host.host == "old.test")) is None
