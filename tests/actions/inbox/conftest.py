"""A world for each test, on each database, and around it the wire, which says what a test lets it."""

from __future__ import annotations

import pytest

from app.actions import keys
from app.services import remote
from tests.databases import postgres_url, sqlite_template
from tests.facades.federation.remote import Wire, rsa_key
from tests.founding import founding
from tests.world import World, world

__all__ = ["founding", "postgres_url", "sqlite_template", "wire", "world"]


@pytest.fixture
def wire(world: World, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """In place of this process's one guarded client."""
    wire = Wire()
    monkeypatch.setattr(remote, "_client", wire)
    monkeypatch.setattr(keys, "generate_rsa", rsa_key)
    return wire
