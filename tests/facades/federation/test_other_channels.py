"""Of two channels of other servers that are followed here, neither takes what was said in the other."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub import build
from activitypub.vocabulary import PUBLIC
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor
from tests.facades.federation.test_announced import messages, pond, served, told

__all__ = ["pond"]

AS = pytest.mark.parametrize("announced", ["its address", "its Create"])


@pytest.fixture
def lake(world: World) -> RemoteActor:
    """Another channel elsewhere, which alice is a member of."""
    lake = world.meet(RemoteActor("https://peer.example/c/lake", "Group"))
    world.join_elsewhere(world.alice, lake, is_open=True)
    return lake


@pytest.fixture
def tom(world: World) -> RemoteActor:
    return world.meet(RemoteActor("https://third.example/users/tom"))


def place(world: World, group: RemoteActor) -> str:
    return world.known(group).id


def pass_on(world: World, by: RemoteActor, note: dict[str, Any], announced: str) -> None:
    author = RemoteActor(note["attributedTo"])
    create = author.activity("Create", note, number=int(note["id"][-1]))
    world.wire.serve(create["id"], create)
    what = create if announced == "its Create" else note["id"]
    world.receive(by, by.activity("Announce", what, number=int(note["id"][-1]), to=[PUBLIC]))


@AS
@pytest.mark.parametrize(
    "fields", [{"audience": "lake"}, {"cc": ["lake"]}, {"to": [PUBLIC, "lake/followers"]}], ids=str
)
def test_what_was_said_to_another_channel_stands_there(
    world: World, pond: RemoteActor, lake: RemoteActor, tom: RemoteActor, fields: dict[str, Any], announced: str
) -> None:
    note = served(world, tom, **{key: _with(value, lake) for key, value in fields.items()})

    pass_on(world, pond, note, announced)
    assert (messages(), told()) == ([], [])

    pass_on(world, lake, note, announced)
    assert messages() == [(note["id"], place(world, lake))]
    assert told() == ["message"]


def _with(value: Any, lake: RemoteActor) -> Any:
    if isinstance(value, list):
        return [_with(one, lake) for one in value]
    return value.replace("lake", lake.uri) if value.startswith("lake") else value


@AS
def test_an_answer_stands_where_it_answers(
    world: World, pond: RemoteActor, lake: RemoteActor, tom: RemoteActor, announced: str
) -> None:
    asked = served(world, world.zoe, audience=lake.uri)
    pass_on(world, lake, asked, announced)
    answer = served(world, tom, number=2, cc=[world.zoe.uri], inReplyTo=asked["id"])

    pass_on(world, pond, answer, announced)
    assert [uri for uri, _ in messages()] == [asked["id"]]

    pass_on(world, lake, answer, announced)
    assert messages() == [(asked["id"], place(world, lake)), (answer["id"], place(world, lake))]


@AS
def test_who_of_the_other_channels_server_is_passed_on_stands_there_at_once(
    world: World, pond: RemoteActor, lake: RemoteActor, announced: str
) -> None:
    """As if they had sent it themselves; by its address alone it waits for that."""
    note = served(world, world.zoe, audience=lake.uri)

    pass_on(world, pond, note, announced)

    assert messages() == ([(note["id"], place(world, lake))] if announced == "its Create" else [])


@AS
def test_what_names_both_stands_in_the_one_that_passes_it_on(
    world: World, pond: RemoteActor, lake: RemoteActor, tom: RemoteActor, announced: str
) -> None:
    note = served(world, tom, cc=[lake.uri, pond.uri])

    pass_on(world, pond, note, announced)
    pass_on(world, lake, note, announced)

    assert messages() == [(note["id"], place(world, pond))]


@AS
def test_a_channel_that_lets_nobody_in_keeps_nothing_from_others(
    world: World, pond: RemoteActor, tom: RemoteActor, announced: str
) -> None:
    """Who asks to be let in there would otherwise take from all here what names it."""
    closed = world.meet(RemoteActor("https://peer.example/c/closed", "Group"))
    world.known(closed)
    world.submit(build.follow(actor=world.actor(world.alice.id).uri, object=closed.uri))
    note = served(world, tom, cc=[closed.uri])

    pass_on(world, pond, note, announced)

    assert outcome() == ("done", None)
    assert messages() == [(note["id"], place(world, pond))]
