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
