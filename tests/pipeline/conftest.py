"""A world for each test, on each database."""

from tests.databases import database, database_url, postgres_url, sqlite_template
from tests.world import world

__all__ = ["database", "database_url", "postgres_url", "sqlite_template", "world"]
