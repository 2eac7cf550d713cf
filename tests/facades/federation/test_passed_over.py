"""What an inbox takes and does nothing with, because it cannot be told in good time what it says."""

from __future__ import annotations

import pytest

from tests.facades.federation.conftest import World

_MANY = {f"x:{number}": number for number in range(6_000)}


@pytest.mark.parametrize("place", ["activity", "note", "context"])
def test_what_would_take_long_to_look_through_is_passed_over(world: World, place: str) -> None:
    """Or whoever has a key would keep the process busy with a few requests a second."""
    world.known(world.zoe)
    note = world.zoe.note(to=[world.actor(world.alice.id).uri]) | (_MANY if place == "note" else {})
    create = world.zoe.activity("Create", note, to=note["to"]) | (_MANY if place == "activity" else {})
    if place == "context":
        create["@context"] = [create["@context"], _MANY]
    world.forget()

    with world.server.stores_nothing():
        answer = world.send(world.zoe.post(create))

    assert (answer.status_code, answer.json["result"]["action"]) == (202, "ignored")
    assert world.wire.asked == []
