"""Who names a private channel of ours and is not in it has said the rest as if it were not there."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Event, Message
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome


def places() -> list[tuple[bool, str]]:
    """Whether each message is in a conversation, and for whom it is."""
    with reading() as session:
        return [(row.conversation_id is not None, row.audience) for row in session.scalars(select(Message))]


def told() -> list[str]:
    with reading() as session:
        return [event.type for event in session.scalars(select(Event)) if event.message_id]


@pytest.mark.parametrize("channel", ["private", "none"])
@pytest.mark.parametrize("to", [[], [PUBLIC]])
def test_what_is_said_to_somebody_of_ours_as_well_reaches_them(world: World, channel: str, to: list[str]) -> None:
    secret = world.channel("secret", is_private=True) if channel == "private" else "channel_nowhere"
    alice = world.actor(world.alice.id).uri
    note = world.mallory.note(to=[f"{ORIGIN}/ap/channels/{secret}", alice, *to])

    world.receive(world.mallory, world.mallory.activity("Create", note))

    assert outcome() == ("done", None)
    assert (places(), told()) == ([(True, "direct")], ["direct_message"])


def test_what_is_said_to_nobody_else_is_dropped(world: World) -> None:
    secret = world.channel("secret", is_private=True)
    note = world.mallory.note(to=[f"{ORIGIN}/ap/channels/{secret}"])

    world.receive(world.mallory, world.mallory.activity("Create", note))

    assert outcome()[0] == "dropped"
    assert (places(), told()) == ([], [])


def test_who_is_in_it_speaks_in_it(world: World) -> None:
    secret = world.channel("secret", is_private=True)
    world.admit(secret, world.mallory)
    note = world.mallory.note(to=[f"{ORIGIN}/ap/channels/{secret}", world.actor(world.alice.id).uri])

    world.receive(world.mallory, world.mallory.activity("Create", note))

    assert (places(), told()) == ([(False, "members")], ["message"])
