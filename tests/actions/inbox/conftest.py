"""A world for each test, on each database, and around it the wire."""

from __future__ import annotations

import pytest

from tests.actions.inbox.arrivals import Clock
from tests.actions.wire import wire
from tests.databases import postgres_url, sqlite_template
from tests.founding import founding
from tests.world import world

__all__ = ["founding", "postgres_url", "sqlite_template", "wire", "world"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _wired(wire: object) -> None:
    """Nothing here asks the real network."""
