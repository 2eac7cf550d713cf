"""Markup in every text there is: what came of it, read back by clients and by other servers."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.html import to_text
from activitypub.vocabulary import PUBLIC
from app.actions.remote_actors import fetch_actor
from app.db import reading
from app.models import Message
from app.projections.channels import name_key
from app.queries.messages import view_message
from tests.activitypub.test_html import assert_safe, payloads
from tests.facades.federation.conftest import World, wire, world
from tests.facades.federation.remote import path_of

__all__ = ["wire", "world"]

# What becomes of markup is settled before any database is asked.
pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 67]),
]
LOAD = "/api/v1/channels/{}/load_messages"


def loaded(world: World, channel_id: str) -> list[dict[str, Any]]:
    answer = world.server.call("GET", LOAD.format(channel_id), person=world.bob)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json["messages"]
    return found


def test_a_text_of_ours_is_read_as_it_was_typed_and_sent_as_harmless_markup(world: World, every: int) -> None:
    lobby = world.channel("lobby")
    for text in filter(str.strip, payloads()[::every]):
        sent = world.server.send(world.alice, lobby, text)
        assert sent["message"] == text
        assert loaded(world, lobby)[-1]["message"] == text

        with reading() as session:
            uri = session.scalars(select(Message.uri).where(Message.id == sent["message_id"])).one()
        note = world.get(path_of(uri)).json
        assert note["source"]["content"] == text
        assert_safe(note["content"])


def test_a_message_from_elsewhere_is_read_as_its_words(world: World, every: int) -> None:
    lobby = world.channel("lobby")
    group = world.actor(lobby).uri
    world.follow(world.zoe, group)
    for number, markup in enumerate(payloads()[::every]):
        note = world.zoe.note(number=number, content=markup, name="title", to=[group, PUBLIC], audience=group)
        world.receive(world.zoe, world.zoe.activity("Create", note, number=number, to=[group, PUBLIC]))

        newest = loaded(world, lobby)[-1]
        assert newest["message"] == "\n\n".join(filter(None, ("title", to_text(markup))))
        with reading() as session:
            view = view_message(session, newest["message_id"])
        assert view is not None
        assert_safe(view.content.html)


def test_somebody_elsewhere_is_described_in_words(world: World, every: int) -> None:
    lobby = world.channel("lobby")
    group = world.actor(lobby).uri
    zoe = world.known(world.zoe)
    world.follow(world.zoe, group)
    note = world.zoe.note(to=[group, PUBLIC], audience=group)
    world.receive(world.zoe, world.zoe.activity("Create", note, to=[group, PUBLIC]))
    for markup in payloads()[::every]:
        world.wire.serve(zoe.uri, world.zoe.document | {"name": markup, "summary": markup})
        stored = fetch_actor(zoe.uri)
        assert_safe(stored.summary)

        profile = world.server.call("POST", "/api/v1/users/profile", person=world.bob, json={"user_id": zoe.id}).json
        abouts = {profile["user_data"]["about"], loaded(world, lobby)[-1]["sender_about"]}
        assert abouts == {to_text(markup) or None}


def test_a_room_is_called_what_its_owner_typed(world: World, every: int) -> None:
    """A name is plain text (activitystreams-vocabulary, section 4.3): who shows it as markup escapes it."""
    short = (text.strip() for text in payloads()[::every] if len(text) <= 100 and text.isprintable())
    names = {name_key(text): text for text in filter(None, short)}
    for name in names.values():
        answer = world.server.call("POST", "/api/v1/channels/create/", person=world.alice, json={"channel_name": name})
        assert answer.json["channel_data"]["channel_name"] == name
        group = world.actor(answer.json["channel_data"]["channel_id"])
        assert world.get(path_of(group.uri)).json["name"] == name
