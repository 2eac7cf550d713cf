"""Where pages begin: by arithmetic what counting would find."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.db import reading
from app.pipeline import compose
from app.queries import paging
from app.queries.messages import list_conversation, list_page
from app.queries.paging import BLOCK, Gap, Start, seek
from tests.databases import BACKENDS
from tests.world import World

HEADS = st.integers(0, 4 * BLOCK + 7)


@settings(max_examples=150)
@given(head=HEADS, seed=st.integers(), share=st.floats(0, 1), data=st.data())
def test_seeking_finds_what_counting_does(head: int, seed: int, share: float, data: st.DataObject) -> None:
    chance = random.Random(seed)
    deleted = {position for position in range(1, head + 1) if chance.random() < share}
    counts = Counter(position // BLOCK for position in deleted)
    gaps = [Gap(block, counts[block]) for block in sorted(counts, reverse=True)]
    living = [position for position in range(head, 0, -1) if position not in deleted]
    skip = data.draw(st.integers(0, len(living) + 3))

    start = seek(head, gaps, skip)

    assert _first(start, living) == (living[skip] if skip < len(living) else None)
    assert start is None or start.skip < BLOCK


def test_a_block_that_is_all_deleted_is_passed_over() -> None:
    assert seek(3 * BLOCK, [Gap(1, BLOCK)], 2 * BLOCK - 1) == Start(1, 0)
    assert seek(3 * BLOCK, [Gap(1, BLOCK)], 2 * BLOCK) is None


@pytest.mark.parametrize("world", BACKENDS, indirect=True)
def test_pages_are_those_of_a_list_that_forgets_what_is_deleted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small blocks, and no page so near that it is counted off."""
    for module in ("app.queries.paging.BLOCK", "app.projections.messages.BLOCK"):
        monkeypatch.setattr(module, 4)
    monkeypatch.setattr(paging, "_NEAR", -1)
    chance = random.Random(5)
    lobby, carol = world.channel("lobby"), world.actor("carol")
    uris = [world.say(chance.choice([world.bob, carol]), lobby, str(number)) for number in range(30)]
    told = [world.tell(world.bob, [world.alice], str(number)) for number in range(10)]
    for uri in [*chance.sample(uris, 13), told[3], told[8]]:
        author = world.bob if world.message(uri).author_id == world.bob.id else carol
        world.perform(compose.deletion(world.viewer(author), world.message(uri).id))

    for uri_list, is_channel in ((uris, True), (told, False)):
        living = [uri for uri in uri_list if world.message(uri).deleted_at is None]
        place = lobby.id if is_channel else world.message(told[0]).conversation_id or ""
        for page in range(1, len(living) // 3 + 3):
            newest_first = living[::-1][(page - 1) * 3 : page * 3]
            with reading() as session:
                views = (list_page if is_channel else list_conversation)(session, place, page=page, size=3)
            assert [view.uri for view in views] == newest_first[::-1]


def _first(start: Start | None, living: list[int]) -> int | None:
    if start is None:
        return None
    below = [position for position in living if position <= start.top]
    return below[start.skip]
