"""Alembic's entrance: the settings give the database, the models the tables."""

from __future__ import annotations

from alembic import context

import app.models  # noqa: F401  Fills Base.metadata.
from app.db import Base, Database
from app.models.search import is_described
from app.settings import load_settings


def run_migrations() -> None:
    """Each revision in one transaction of its own, so that one killed half way leaves no trace (fault F34).

    SQLite takes its write lock before the first statement: two processes that start at once migrate after one another.
    """
    settings = context.config.attributes.get("settings") or load_settings()
    database = Database(settings.database_url)
    with database.writing_engine.connect() as connection:
        if not database.is_sqlite:
            # What a request may take is too little for an index of all that there is, and would end each attempt at it.
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=database.is_sqlite,
            transaction_per_migration=True,
            compare_type=True,
            include_name=is_described,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    database.engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Shoal migrates a running database only.")
run_migrations()
