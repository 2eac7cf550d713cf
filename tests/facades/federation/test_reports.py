"""Whom people of other servers report to our moderators, beside our own people: who has said something in a channel of
ours. Lemmy's people report that to the channel."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Event, Report
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor
from tests.facades.federation.test_announced import pond, served

__all__ = ["pond"]


def reports() -> list[tuple[str, list[str], str | None]]:
    with reading() as session:
        return [(row.target_id, row.message_ids, row.description) for row in session.scalars(select(Report))]


def told() -> int:
    with reading() as session:
        return len(session.scalars(select(Event).where(Event.type == "report_created")).all())


@pytest.fixture
def said(world: World) -> str:
    """What zoe has said in a channel of ours."""
    lobby = f"{ORIGIN}/ap/channels/{world.channel('lobby')}"
    note = world.zoe.note(to=[PUBLIC, lobby])
    world.receive(world.zoe, world.zoe.activity("Create", note))
    return str(note["id"])


@pytest.mark.parametrize("with_person", [True, False])
def test_what_a_guest_said_in_a_channel_of_ours_is_reported(world: World, said: str, with_person: bool) -> None:
    named = [world.zoe.uri, said] if with_person else said

    world.receive(world.mallory, world.mallory.activity("Flag", named, summary="spam", to=[f"{ORIGIN}/ap/instance"]))

    assert outcome() == ("done", None)
    [(target, messages, why)] = reports()
    assert (target, len(messages), why, told()) == (world.known(world.zoe).id, 1, "spam", 1)
    world.receive(world.mallory, world.mallory.activity("Flag", named, number=2))
    assert (outcome()[0], len(reports()), told()) == ("dropped", 1, 1)


@pytest.mark.parametrize(
    "about", ["the guest alone", "a channel elsewhere", "a conversation", "a private channel", "none"]
)
def test_what_strangers_said_elsewhere_is_not_our_moderators_business(
    world: World, pond: RemoteActor, said: str, about: str
) -> None:
    yan = world.meet(RemoteActor("https://peer.example/users/yan"))
    bob = world.actor(world.bob.id).uri
    named: str | list[str] = world.zoe.uri
    if about == "a channel elsewhere":
        named = served(world, yan)["id"]
        world.receive(pond, pond.activity("Announce", named, to=[PUBLIC]))
    elif about == "a conversation":
        note = yan.note(to=[bob, world.mallory.uri])
        world.receive(yan, yan.activity("Create", note))
        named = note["id"]
    elif about == "a private channel":
        secret = world.channel("secret", is_private=True)
        world.admit(secret, yan)
        note = yan.note(to=[f"{ORIGIN}/ap/channels/{secret}"])
        world.receive(yan, yan.activity("Create", note))
        named = note["id"]
    elif about == "none":
        named = [yan.uri, said.replace("/1", "/5")]
        world.known(yan)

    world.receive(world.mallory, world.mallory.activity("Flag", named))

    assert outcome()[0] == "dropped"
    assert (reports(), told()) == ([], 0)
