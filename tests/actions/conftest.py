"""Real databases for what writes them."""

from tests.databases import database, database_url
from tests.world import world

__all__ = ["database", "database_url", "world"]
