"""A world for each test, on each database."""

from tests.databases import postgres_url, sqlite_template
from tests.founding import founding
from tests.world import world

__all__ = ["founding", "postgres_url", "sqlite_template", "world"]
