"""How those are found who had something of somebody: by indexes, however much was ever sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.db import transaction
from app.queries.deliveries import list_acquainted, list_receivers
from tests.world import World


@pytest.mark.parametrize("world", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "find",
    [
        lambda session, _: list_receivers(session, "https://chat.test/m/1"),
        lambda session, world: list_acquainted(session, world.bob.id),
    ],
    ids=["of a message", "of somebody"],
)
def test_nothing_that_was_sent_is_gone_through(world: World, find: Callable[[Session, World], Any]) -> None:
    world.say(world.bob, world.channel("lobby"), "hello")
    ran: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        ran.append((statement, parameters))

    with transaction() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        find(session, world)
        event.remove(engine, "before_cursor_execute", note)
        # As with very many rows: then one goes through all of them only where there is no other way.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plans = [
            row[0]
            for statement, parameters in ran
            for row in session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        ]

    assert any("deliveries" in line for line in plans)
    # A subplan is what each row of a whole table or index is looked for in.
    whole = ("Seq Scan on deliveries", "Seq Scan on activities", "hashed SubPlan")
    assert [line for line in plans if any(sign in line for sign in whole)] == []
