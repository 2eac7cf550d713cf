"""Real databases for what writes them."""

from tests.databases import database, database_url, postgres_url, sqlite_template

__all__ = ["database", "database_url", "postgres_url", "sqlite_template"]
