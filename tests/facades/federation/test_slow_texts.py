"""Texts that are made to take long to read: whoever sends one keeps nobody else waiting (hostile case PAR-10)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from activitypub.vocabulary import PUBLIC
from app.actions.remote_actors import fetch_actor
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import path_of

# What is slow is slow before any database is asked.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SEND = "/api/v1/channels/{}/send_message"
LOAD = "/api/v1/channels/{}/load_messages"


@contextmanager
def quickly() -> Iterator[None]:
    """The machine may be busy, and each of these took from seven seconds to minutes."""
    began = time.process_time()
    yield
    assert time.process_time() - began < 4


@pytest.mark.parametrize("word", ["http://x.example/" * 2950, ("|a.com" * 250)[:1400]])
def test_a_text_of_links_inside_of_links_is_stored_and_sent_as_it_was_typed(world: World, word: str) -> None:
    lobby = world.channel("lobby")
    text = " ".join([word] * 36)[:50_000].strip()

    with quickly():
        answer = world.server.call("POST", SEND.format(lobby), person=world.bob, json={"message": text})

    assert answer.status_code == 201
    note = world.get(path_of(f"https://chat.example/ap/messages/{answer.json['message_id']}")).json
    assert note["source"]["content"] == text


@pytest.mark.parametrize("around", ["blockquote", "em"])
def test_a_message_that_is_nested_very_deep_is_read_as_soon_as_any_other(world: World, around: str) -> None:
    lobby = world.channel("lobby")
    group = world.actor(lobby).uri
    world.follow(world.zoe, group)
    content = f"<{around}>" * 240 + "<p>x</p>" * 20_000 + f"</{around}>" * 240
    note = world.zoe.note(content=content, to=[group, PUBLIC], audience=group)

    with quickly():
        world.receive(world.zoe, world.zoe.activity("Create", note, to=[group, PUBLIC]))

    assert outcome()[0] == "done"
    message = world.server.call("GET", LOAD.format(lobby), person=world.bob).json["messages"][-1]["message"]
    assert message.startswith("x\n\nx\n\nx")


def test_who_describes_themselves_very_deep_slows_down_no_list_of_messages(world: World) -> None:
    lobby = world.channel("lobby")
    group = world.actor(lobby).uri
    world.follow(world.zoe, group)
    summary = "<pre><ul><li>" * 80 + "<li>x</li><pre>\n\nx</pre>" * 650
    world.wire.serve(world.zoe.uri, world.zoe.document | {"summary": summary})
    fetch_actor(world.zoe.uri)
    for number in range(50):
        note = world.zoe.note(number=number, to=[group, PUBLIC], audience=group)
        world.receive(world.zoe, world.zoe.activity("Create", note, number=number, to=[group, PUBLIC]))

    with quickly():
        messages = world.server.call("GET", f"{LOAD.format(lobby)}?messages_per_page=50", person=world.bob).json

    abouts = [message["sender_about"] for message in messages["messages"]]
    assert len(abouts) == 50
    assert {about[-4:] for about in abouts} == {"x\n\nx"}
