"""Pages of long messages: no answer is larger than whoever asks would take."""

from __future__ import annotations

import pytest

from app.facades.federation.collections import OUTBOX_PAGE_BYTES
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import path_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_page_of_an_outbox_names_what_it_has_no_room_for(world: World) -> None:
    lobby = world.channel("lobby")
    for _ in range(12):
        world.say(world.bob, lobby, "<" * 50_000)  # In markup four times as long.

    page = world.get(f"{path_of(world.actor(world.bob.id).uri)}/outbox?page=1&limit=12")

    assert len(page.data) < OUTBOX_PAGE_BYTES + 10_000
    items = page.json["orderedItems"]
    whole = [item for item in items if isinstance(item, dict)]
    assert len(items) == 12
    assert 2 <= len(whole) < 6
    assert items[: len(whole)] == whole
    for item in items:
        shown = world.get(path_of(item["id"] if isinstance(item, dict) else item)).json
        assert shown["type"] == "Create"
        assert isinstance(item, str) or shown == item
    assert len({item["id"] if isinstance(item, dict) else item for item in items}) == 12
