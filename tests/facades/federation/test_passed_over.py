"""What an inbox takes and does nothing with, because it cannot be told in good time what it says."""

from __future__ import annotations

import pytest

from tests.facades.federation.conftest import World
from tests.facades.federation.remote import CONTEXT

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


@pytest.mark.parametrize(
    ("context", "key"),
    [
        ({"writer": "attributedTo"}, "writer"),
        ({"p": "as:"}, "p:attributedTo"),
        ({"@vocab": "as:attributed"}, "To"),
        ({"attributedTo": {"@type": "@id"}}, "unknown"),
        ([{"p": f"{CONTEXT}#", "writer": "p:attributedTo"}, {"p": "https://x.example/"}], "writer"),
    ],
)
def test_what_says_another_thing_to_who_expands_it_is_passed_over(world: World, context: object, key: str) -> None:
    """By what the context makes of its terms with one another, too (hostile case ORI-11)."""
    world.known(world.zoe)
    note = world.zoe.note(to=[world.actor(world.alice.id).uri]) | {key: world.mallory.uri}
    create = world.zoe.activity("Create", note, to=note["to"]) | {"@context": [CONTEXT, context]}

    with world.server.stores_nothing():
        answer = world.send(world.zoe.post(create))

    assert (answer.status_code, answer.json["result"]["action"]) == (202, "ignored")
