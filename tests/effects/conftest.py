"""A world for each test.

What an effect means does not depend on the database, so most tests run on SQLite alone; the statements of each effect
run on PostgreSQL too, in the tests of the pipeline and in the modules here that ask for both.
"""

from __future__ import annotations

import pytest

from tests.founding import Founding
from tests.world import World, open_world

__all__ = ["world"]


@pytest.fixture(params=["sqlite"])
def world(request: pytest.FixtureRequest, founding: Founding, monkeypatch: pytest.MonkeyPatch) -> World:
    return open_world(request, founding, monkeypatch)
