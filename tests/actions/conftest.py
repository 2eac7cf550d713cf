"""Real databases for what writes them."""

from tests.databases import database, database_url, postgres_url, sqlite_folder, sqlite_template
from tests.founding import founding
from tests.world import world

__all__ = ["database", "database_url", "founding", "postgres_url", "sqlite_folder", "sqlite_template", "world"]
