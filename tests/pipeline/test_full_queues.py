"""A queue that is too long loses public messages, oldest first, and says so to those who wrote them (3.2)."""

from __future__ import annotations

import pytest

from app.actions import pruning
from app.pipeline import compose
from tests.world import World, moment


def kept(world: World) -> list[str]:
    return [
        sent.type for sent, row in zip(world.deliveries(), world.delivery_rows(), strict=True) if row.state == "queued"
    ]


def test_authors_are_told_once_for_each_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])
    uris = [world.say(world.bob, lobby, text) for text in ("one", "two")]
    world.say(world.alice, lobby, "three")
    monkeypatch.setattr(pruning, "QUEUE_MAX", 2)

    pruning.prune(moment())

    told = [event for event in world.event_rows() if event.type == "delivery_dropped"]
    expected = [{"message_id": world.message(uri).id, "host": "pond.example"} for uri in uris]
    assert [event.data for event in told] == expected
    assert {event.actor_id for event in told} == {world.bob.id}
    assert kept(world) == ["Announce", "Announce"]
    assert world.wakes[-1] == ("events", "")


def test_what_takes_back_or_is_meant_for_somebody_is_never_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    regretted, spam = world.say(world.bob, lobby, "regret"), world.say(world.bob, lobby, "spam")
    world.forget()
    world.tell(world.bob, [zoe], "for you")
    world.perform(world.deleted(world.bob, regretted))
    world.perform(compose.deletion(world.viewer(world.alice), world.message(spam).id))
    monkeypatch.setattr(pruning, "QUEUE_MAX", 0)

    pruning.prune(moment())

    assert kept(world) == ["Create", "Delete", "Announce", "Announce", "Undo"]
