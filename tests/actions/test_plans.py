"""What is looked for in tables of very many rows is found by indexes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from app.actions.delivery.recipients import drop_follows
from app.actions.files import orphans
from app.actions.inbox import queue
from app.db import Database, transaction
from app.models import Actor, Follow
from app.queries import hearers

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def plan_of(database: Database, do: Callable[[], object]) -> list[str]:
    """How the database does all that it is asked for, if it goes through a whole table only where there is no other
    way."""
    ran: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        ran.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    do()
    event.remove(database.engine, "before_cursor_execute", note)
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET enable_seqscan = off"))
            connection.execute(text("SET enable_hashjoin = off"))
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        lines = [
            row[-1]
            for statement, parameters in ran
            if not statement.startswith("BEGIN")
            for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
        ]
        connection.invalidate()  # Nobody else is to have what was set.
    return lines


def test_what_an_author_said_that_failed_is_looked_for_among_what_failed(database: Database) -> None:
    plan = plan_of(database, lambda: queue.list_due("peer.test", NOW))

    assert [line for line in plan if "ix_inbox_items_tried" in line] != [], plan


def test_whose_small_copy_a_content_is_is_looked_for_by_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "store", lambda: SimpleNamespace(list_contents=lambda before: iter(())))

    plan = plan_of(database, lambda: list(orphans._list_ownerless(NOW)))

    assert any("ix_blobs_thumbnail" in line for line in plan)


def fill_with_followers(database: Database, target_id: str) -> None:
    """Three thousand at one domain, each with an inbox of their own."""
    person: dict[str, object] = {
        "type": "Person",
        "preferred_username": "m",
        "name": "m",
        "created_at": NOW,
        "updated_at": NOW,
    }
    follow: dict[str, object] = {"target_id": target_id, "state": "accepted", "created_at": NOW}
    people: list[dict[str, object]] = []
    follows: list[dict[str, object]] = []
    for number in range(3000):
        id_, inbox = f"user_{number}", f"https://mass.example/u/{number}/in"
        people.append({**person, "id": id_, "uri": inbox[:-3], "host": "mass.example", "inbox": inbox})
        told = {"domain": "mass.example", "inbox": inbox}
        follows.append({**follow, **told, "id": f"follow_{number:04}", "actor_id": id_, "activity_uri": inbox})
    us = {**person, "id": target_id, "uri": "https://chat.test/ap/t", "inbox": "https://chat.test/ap/t/inbox"}
    with transaction() as session:
        session.execute(insert(Actor), [us])
        session.execute(insert(Actor), people)
        session.execute(insert(Follow), follows)
        session.execute(text("ANALYZE"))


def test_who_is_told_is_not_found_by_looking_at_all_who_follow(database: Database) -> None:
    fill_with_followers(database, "user_us")
    told: list[str] = []

    def find() -> None:
        with transaction() as session:
            told.extend(inbox.uri for inbox in hearers.list_follower_inboxes(session, "user_us"))

    plan = plan_of(database, find)

    assert told == [f"https://mass.example/u/{number}/in" for number in range(hearers.MOST_INBOXES_OF_DOMAIN)]
    assert len([line for line in plan if "ix_follows_inbox" in line]) >= 2, plan
    assert [line for line in plan if "follows" in line and ("SCAN" in line or "Seq Scan" in line)] == []


def test_whose_inbox_is_gone_is_looked_for_at_its_host(database: Database) -> None:
    def drop() -> None:
        with transaction() as session:
            drop_follows(session, "peer.test", "https://peer.test/users/zoe/inbox", "user_1")

    plan = plan_of(database, drop)

    assert [line for line in plan if "SCAN actors" in line or "Seq Scan on actors" in line] == []
