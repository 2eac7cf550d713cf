"""A world for each test, on each database, and around it the wire."""

from __future__ import annotations

import pytest

from tests.actions.inbox.arrivals import Clock
from tests.actions.wire import wire
from tests.world import world

__all__ = ["wire", "world"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _wired(wire: object) -> None:
    """Nothing here asks the real network."""
