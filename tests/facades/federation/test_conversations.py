"""Who is in a conversation that somebody elsewhere begins: whom it is openly for, or in secret alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.db import reading
from app.models import Actor, Participant
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor


def conversations() -> list[set[str]]:
    """Who is in each, by their URIs."""
    found: dict[str, set[str]] = {}
    with reading() as session:
        rows = session.execute(
            select(Participant.conversation_id, Actor.uri).join(Actor, Actor.id == Participant.actor_id)
        )
        for conversation_id, uri in rows:
            found.setdefault(conversation_id, set()).add(uri)
    return list(found.values())


def write(world: World, *, on: str, **addressed: Any) -> None:
    """A note whose secret recipients stand on the note, on the activity, or on both."""
    hidden = {name: addressed.pop(name) for name in ("bto", "bcc") if name in addressed}
    note = world.zoe.note(**addressed, **(hidden if on != "activity" else {}))
    world.receive(world.zoe, world.zoe.activity("Create", note, **addressed, **(hidden if on != "note" else {})))
    assert outcome() == ("done", None)


@pytest.mark.parametrize("on", ["note", "activity", "both"])
@pytest.mark.parametrize("field", ["bto", "bcc"])
@pytest.mark.parametrize("seen", ["to", "cc", "audience"])
def test_who_is_told_openly_does_not_hear_who_is_told_in_secret(world: World, on: str, field: str, seen: str) -> None:
    alice, bob = world.actor(world.alice.id).uri, world.actor(world.bob.id).uri

    write(world, on=on, **{seen: [alice], field: [bob]})

    assert conversations() == [{world.zoe.uri, alice}]


@pytest.mark.parametrize("field", ["bto", "bcc"])
def test_who_is_told_in_secret_alone_has_it_with_the_author_alone(world: World, field: str) -> None:
    alice, bob = world.actor(world.alice.id).uri, world.actor(world.bob.id).uri
    world.known(world.mallory)

    write(world, on="both", to=[world.mallory.uri], **{field: [alice, bob]})

    assert conversations() == [{world.zoe.uri, alice}]


def test_who_is_named_openly_too_is_no_secret(world: World) -> None:
    alice, bob = world.actor(world.alice.id).uri, world.actor(world.bob.id).uri

    write(world, on="note", to=[alice, bob], bcc=[bob])

    assert conversations() == [{world.zoe.uri, alice, bob}]


def test_nobody_is_in_a_conversation_by_how_anothers_uri_reads(world: World) -> None:
    """A conversation is known by the URIs of its people, one behind the other (contracts/pufferblow.md, 0.5)."""
    alice, bob = sorted([world.actor(world.alice.id).uri, world.actor(world.bob.id).uri])
    short = world.meet(RemoteActor("https://a.example/x"))
    long = world.meet(RemoteActor(f"{short.uri}::{alice}"))
    world.receive(long, long.activity("Create", long.note(to=[bob]), to=[bob]))

    world.receive(short, short.activity("Create", short.note(to=[alice, bob]), to=[alice, bob]))

    assert outcome() == ("done", None)
    assert sorted(conversations(), key=len) == [{long.uri, bob}, {short.uri, alice, bob}]


@pytest.mark.parametrize("type_", ["Mention", ["Mention"], ["Link", "Mention"]])
def test_who_is_mentioned_is_in_it_however_the_mention_says_what_it_is(world: World, type_: object) -> None:
    """One value may be in a list of one (JSON-LD)."""
    alice = world.actor(world.alice.id).uri
    mention = {"type": type_, "href": world.mallory.uri}

    write(world, on="note", to=[alice, world.mallory.uri], tag=[mention])

    assert conversations() == [{world.zoe.uri, alice, world.mallory.uri}]
