"""Tombstones from before each actor had its own: revision 0010 keeps them, and can be taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from alembic import command
from sqlalchemy import MetaData, Table, create_engine, insert, select

from app.models import Actor
from tests.migrations.test_migrations import config_for

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZOE, GONE = "https://pond.example/users/zoe", "https://pond.example/notes/1"


def rows(url: str, *, adding: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What the table has, as it is now."""
    engine = create_engine(url)
    table = Table("tombstones", MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        if adding is not None:
            connection.execute(insert(table).values(former_type="Note", signed_at=NOW, deleted_at=NOW, **adding))
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    engine.dispose()
    return found


def meet_zoe(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        named = {"type": "Person", "preferred_username": "zoe", "name": "zoe", "inbox": f"{ZOE}/inbox"}
        connection.execute(insert(Actor).values(id="act_zoe", uri=ZOE, created_at=NOW, updated_at=NOW, **named))
    engine.dispose()


def test_tombstones_are_those_of_the_actors_they_were_of(empty_database_url: str) -> None:
    config = config_for(empty_database_url)
    command.upgrade(config, "0009")
    meet_zoe(empty_database_url)
    rows(empty_database_url, adding={"uri": GONE, "actor_uri": ZOE})

    command.upgrade(config, "head")
    (kept,) = rows(empty_database_url)
    rows(empty_database_url, adding={"uri": GONE, "actor_id": "act_yan"})
    command.downgrade(config, "0009")

    assert (kept["uri"], kept["actor_id"]) == (GONE, "act_zoe")
    assert [(row["uri"], row["actor_uri"]) for row in rows(empty_database_url)] == [(GONE, ZOE)]
