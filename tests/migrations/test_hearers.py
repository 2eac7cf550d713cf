"""Follows from before they said where somebody is told: revision 0012 says it of each."""

from __future__ import annotations

from datetime import UTC, datetime

from alembic import command
from sqlalchemy import MetaData, Table, create_engine, insert, select

from app.models import Actor
from tests.migrations.test_migrations import config_for

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POND, LAKE = "https://deep.pond.example", "https://lake.example"


def test_each_follow_says_where_its_actor_is_told(empty_database_url: str) -> None:
    config = config_for(empty_database_url)
    command.upgrade(config, "0011")
    engine = create_engine(empty_database_url)
    follow = {"target_id": "bob", "state": "accepted", "activity_uri": "https://pond.example/f", "created_at": NOW}
    with engine.begin() as connection:
        for id_, host, inbox, shared in (
            ("bob", None, "https://chat.test/ap/users/bob/inbox", "https://chat.test/ap/inbox"),
            ("amy", None, "https://chat.test/ap/users/amy/inbox", "https://chat.test/ap/inbox"),
            ("zoe", "deep.pond.example", f"{POND}/zoe/inbox", f"{POND}/inbox"),
            ("yan", "lake.example", f"{LAKE}/yan/inbox", None),
        ):
            actor = {"type": "Person", "preferred_username": id_, "name": id_, "created_at": NOW, "updated_at": NOW}
            told = {"host": host, "inbox": inbox, "shared_inbox": shared}
            connection.execute(insert(Actor).values(id=id_, uri=inbox.removesuffix("/inbox"), **actor, **told))
        follows = Table("follows", MetaData(), autoload_with=connection)
        people = ("amy", "zoe", "yan")
        connection.execute(insert(follows), [{**follow, "id": f"follow_{id_}", "actor_id": id_} for id_ in people])

    command.upgrade(config, "head")

    with engine.connect() as connection:
        follows = Table("follows", MetaData(), autoload_with=connection)
        rows = connection.execute(
            select(*(follows.c[name] for name in ("actor_id", "domain", "inbox", "is_shared")))
        ).all()
    engine.dispose()
    assert sorted(map(tuple, rows)) == [
        ("amy", None, None, False),
        ("yan", "lake.example", f"{LAKE}/yan/inbox", False),
        ("zoe", "pond.example", f"{POND}/inbox", True),
    ]
    command.downgrade(config, "0011")
