"""A world for each test, on each database."""

import pytest

from app.db import Database
from tests.actions.delivery.world import World
from tests.activitypub.conftest import authority, ca_file, make_client, start_peer, system_roots

__all__ = [
    "authority",
    "ca_file",
    "make_client",
    "start_peer",
    "system_roots",
    "world",
]


@pytest.fixture
def world(database: Database) -> World:
    return World()
