"""The migrations make the tables that the models describe, and can be taken back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, inspect

from app.db import Base, Database
from app.models.search import is_described

VERSION_TABLE = "alembic_version"


def config_for(url: str) -> Config:
    config = Config(attributes={"settings": SimpleNamespace(database_url=url)})
    config.set_main_option("script_location", "migrations")
    return config


def test_migrated_database_is_what_the_models_describe(empty_database_url: str) -> None:
    command.upgrade(config_for(empty_database_url), "head")

    engine = Database(empty_database_url).engine
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_described})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def test_second_upgrade_changes_nothing(empty_database_url: str) -> None:
    command.upgrade(config_for(empty_database_url), "head")

    command.upgrade(config_for(empty_database_url), "head")

    engine = Database(empty_database_url).engine
    tables = {name for name in inspect(engine).get_table_names() if is_described(name, "table", {})}
    assert tables == {*Base.metadata.tables, VERSION_TABLE}
    engine.dispose()


def test_every_revision_can_be_taken_back(empty_database_url: str) -> None:
    command.upgrade(config_for(empty_database_url), "head")

    command.downgrade(config_for(empty_database_url), "base")

    engine = Database(empty_database_url).engine
    assert inspect(engine).get_table_names() == [VERSION_TABLE]
    engine.dispose()


def test_an_index_of_much_may_take_its_time(empty_database_url: str) -> None:
    if not empty_database_url.startswith("postgresql"):
        pytest.skip("SQLite ends no statement because it takes long")
    allowed: set[str] = set()

    def note(_connection: Any, cursor: Any, statement: str, *_others: Any) -> None:
        if statement.lstrip().startswith("CREATE"):
            allowed.add(cursor.connection.execute("SHOW statement_timeout").fetchone()[0])

    event.listen(Engine, "after_cursor_execute", note)
    try:
        command.upgrade(config_for(empty_database_url), "head")
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert allowed == {"0"}


def test_positions_are_never_given_again_on_sqlite(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/shoal.db"
    command.upgrade(config_for(url), "head")

    engine = Database(url).engine
    with engine.connect() as connection:
        made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    engine.dispose()
    counted = {name for name, sql in made if sql and "AUTOINCREMENT" in sql}
    assert {"activities", "deliveries", "events", "inbox_items"} <= counted
