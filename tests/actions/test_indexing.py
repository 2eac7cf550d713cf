"""The full-text index of an installation that is older than it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from app.actions import indexing
from app.actions.indexing import index_older
from app.actions.sweeps import sweep
from app.db import reading, transaction
from app.models import Channel as ChannelRow
from app.models import SearchTerms
from app.pipeline import compose
from app.queries.found import search_channel
from tests.databases import BACKENDS
from tests.world import Channel, World

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)


def found(channel: Channel, query: str) -> list[str]:
    with reading() as session:
        row = session.get_one(ChannelRow, channel.id)
        return [view.content.text for view in search_channel(session, row, query, page=1, size=50)[0]]


def forget_terms() -> None:
    with transaction() as session:
        session.execute(delete(SearchTerms))


def test_older_messages_are_found_in_their_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    lobby = world.channel("lobby")
    for number in range(5):
        world.say(world.bob, lobby, f"old frog {number}")
    forget_terms()
    world.say(world.bob, lobby, "new frog")

    assert found(lobby, "frog") == ["new frog"]
    assert [index_older(), index_older()] == [5, 0]

    assert found(lobby, "frog") == ["new frog", *(f"old frog {number}" for number in reversed(range(5)))]


def test_a_sweep_goes_on_with_it(world: World) -> None:
    lobby = world.channel("lobby")
    world.say(world.bob, lobby, "old frog")
    forget_terms()

    sweep(lambda _kind, _key: None)

    assert found(lobby, "frog") == ["old frog"]


def test_what_is_deleted_or_said_between_two_is_left_out(world: World) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "a frog")
    world.tell(world.bob, [world.alice], "a frog between us")
    forget_terms()
    world.perform(compose.deletion(world.viewer(world.bob), world.message(uri).id))

    assert index_older() == 0

    with reading() as session:
        assert session.scalars(select(SearchTerms)).all() == []
