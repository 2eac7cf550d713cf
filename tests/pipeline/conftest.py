"""A world for each test, on each database."""

from tests.world import world

__all__ = ["world"]
