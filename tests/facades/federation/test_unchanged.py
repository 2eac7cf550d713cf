"""An Update after which a message says what it said before edits nothing, whoever sends it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Delivery, Event, Notification
from app.queries.messages import find_by_uri
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor
from tests.facades.federation.test_passed_on import text_of


@pytest.fixture
def said(world: World) -> dict[str, Any]:
    """What zoe has said in a channel of ours that somebody elsewhere follows."""
    lobby = f"{ORIGIN}/ap/channels/{world.channel('lobby')}"
    world.follow(world.mallory, lobby)
    bob = world.actor(world.bob.id).uri
    note = world.zoe.note(
        to=[PUBLIC, lobby],
        type="Question",
        oneOf=_options(0),
        tag=[{"type": "Mention", "href": bob, "name": "@bob"}],
        attachment=[{"type": "Image", "url": "https://peer.example/a.png", "mediaType": "image/png", "width": 9}],
    )
    world.receive(world.zoe, world.zoe.activity("Create", note))
    return note


def _options(votes: int) -> list[dict[str, Any]]:
    return [{"type": "Note", "name": "yes", "replies": {"type": "Collection", "totalItems": votes}}]


def edit(world: World, note: dict[str, Any], *, number: int = 1, by: RemoteActor | None = None) -> None:
    sender = by or world.zoe
    world.receive(sender, sender.activity("Update", note, number=number))


def told(note: dict[str, Any]) -> tuple[bool, int, int]:
    """Whether it is shown as edited, and how many events and deliveries there are."""
    with reading() as session:
        message = find_by_uri(session, note["id"])
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Event, Delivery)]
        return message is not None and message.edited_at is not None, counts[0], counts[1]


def test_votes_in_a_poll_edit_nothing(world: World, said: dict[str, Any]) -> None:
    before = told(said)

    for votes in (1, 2):
        edit(world, said | {"oneOf": _options(votes), "votersCount": votes}, number=votes)

    assert outcome()[0] == "dropped"
    assert told(said) == before
    assert before[0] is False


def test_votes_after_an_edit_do_not_edit_it_again(world: World, said: dict[str, Any]) -> None:
    edited = said | {"content": "<p>better</p>", "updated": "2026-11-01T00:00:00Z"}
    edit(world, edited)
    before = told(said)
    assert (text_of(said["id"]), before[0]) == ("better\n\n- yes", True)

    edit(world, edited | {"oneOf": _options(7)}, number=2)

    assert outcome()[0] == "dropped"
    assert told(said) == before


def test_who_repeats_an_embed_edits_nothing(world: World) -> None:
    embed = {"type": "Page", "name": "Title", "summary": "<b>s</b>", "image": "https://peer.example/i.png"}
    lobby = f"{ORIGIN}/ap/channels/{world.channel('lobby')}"
    note = world.zoe.note(to=[PUBLIC, lobby], attachment=[embed])
    world.receive(world.zoe, world.zoe.activity("Create", note))
    before = told(note)

    edit(world, note)

    assert (outcome()[0], told(note)) == ("dropped", before)


@pytest.mark.parametrize("change", ["the text", "a picture", "an option", "the time alone"])
def test_what_is_changed_or_later_is_an_edit(world: World, said: dict[str, Any], change: str) -> None:
    changed: dict[str, Any] = {
        "the text": {"content": "other"},
        "a picture": {"attachment": []},
        "an option": {"oneOf": [{"type": "Note", "name": "no"}]},
        "the time alone": {"updated": "2026-11-01T00:00:00Z"},
    }

    edit(world, said | changed[change])

    assert outcome() == ("done", None)
    assert told(said)[0] is True


def test_an_edit_answers_nothing_that_the_message_did_not(world: World) -> None:
    """The parent stays, so nobody is told of an answer that none is shown as."""
    lobby = world.channel("lobby")
    asked = world.say(world.alice, lobby, "who is there?")
    note = world.zoe.note(to=[PUBLIC, f"{ORIGIN}/ap/channels/{lobby}"])
    world.receive(world.zoe, world.zoe.activity("Create", note))

    edit(world, note | {"content": "I", "inReplyTo": f"{ORIGIN}/ap/messages/{asked.found['message_id']}"})

    assert text_of(note["id"]) == "I"
    with reading() as session:
        message = find_by_uri(session, note["id"])
        assert message is not None
        assert message.in_reply_to is None
        assert session.scalars(select(Notification.account_id)).all() == []
