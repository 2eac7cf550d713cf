"""One domain does not have a message be shown with very many reactions."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.db import reading
from app.models import Event, Reaction
from app.queries import reactions
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor


def react(world: World, uri: str, message: str, *, number: int = 1) -> str:
    actor = world.meet(RemoteActor(uri))
    world.receive(actor, actor.activity("Like", message, number=number))
    return outcome()[0]


def given() -> int:
    with reading() as session:
        return len(session.scalars(select(Reaction.id)).all())


def told() -> int:
    with reading() as session:
        return len(session.scalars(select(Event.position)).all())


def test_the_actors_of_a_domain_give_a_message_so_many_and_others_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reactions, "MOST_BY_DOMAIN", 2)
    channel = world.channel("harbour")
    messages = [world.say(world.alice, channel, text).found["message_id"] for text in ("first", "second")]
    first, second = (f"{ORIGIN}/ap/messages/{id_}" for id_ in messages)
    assert react(world, "https://crowd.example/users/u1", first) == "done"
    assert react(world, "https://a.crowd.example/users/u2", first) == "done"
    before = told()

    assert react(world, "https://b.crowd.example/users/u3", first) == "dropped"

    assert (given(), told()) == (2, before)
    assert react(world, "https://other.example/users/u4", first) == "done"
    assert react(world, "https://b.crowd.example/users/u3", second, number=2) == "done"
    assert given() == 4


def test_whose_they_are_is_looked_up_where_there_are_that_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a message that everybody likes would cost more with each who does."""
    monkeypatch.setattr(reactions, "MOST_BY_DOMAIN", 2)
    message = f"{ORIGIN}/ap/messages/{world.say(world.alice, world.channel('harbour'), 'first').found['message_id']}"
    looked = []
    for number in range(4):
        with world.counted_queries() as queries:
            assert react(world, f"https://h{number}.example/users/u", message) == "done"
        looked.append(sum("UNION ALL" in query and "reactions" in query for query in queries))

    assert looked == [0, 0, 1, 1]


def test_among_very_many_those_known_as_long_are_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "MOST_BY_DOMAIN", 2)
    monkeypatch.setattr(reactions, "NEAREST", 2)
    message = f"{ORIGIN}/ap/messages/{world.say(world.alice, world.channel('harbour'), 'first').found['message_id']}"
    for number in range(2):
        assert react(world, f"https://h{number}.crowd.example/users/u", message) == "done"
    assert react(world, "https://h2.crowd.example/users/u", message) == "dropped"

    for number in range(2):
        assert react(world, f"https://h{number}.other.example/users/u", message) == "done"

    assert react(world, "https://h3.crowd.example/users/u", message) == "done"
    assert given() == 5
