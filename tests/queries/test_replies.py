"""What answers a message: in its own place alone, and the newest of very many."""

from __future__ import annotations

import pytest

from activitypub import build
from app.db import reading
from app.models import Actor
from app.pipeline import compose
from app.queries import replies
from app.queries.messages import list_page, view_messages
from tests.databases import BACKENDS
from tests.world import World

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)


def answer_elsewhere(world: World, author: Actor, person: Actor, uri: str) -> None:
    """A direct message that says it answers what stands in a channel."""
    handles = {person.uri: compose.handle(person)}
    note = world.note(author, "aye", to=[person.uri], mentions=handles, in_reply_to=uri)
    world.perform(build.create(actor=author.uri, object=note))
    assert world.message(note["id"]).in_reply_to == uri


def test_what_is_said_elsewhere_counts_for_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "MOST", 2)
    mallory, zoe, lobby = world.actor("mallory", "remote"), world.actor("zoe", "remote"), world.channel("lobby")
    first, second = (world.say(world.bob, lobby, text) for text in ("one", "two"))
    answers = [world.message(world.say(zoe, lobby, "aye", in_reply_to=first)).id for _ in range(3)]
    for name in ("dora", "emil", "fay"):
        answer_elsewhere(world, mallory, world.actor(name), first)
        answer_elsewhere(world, mallory, world.actor(f"{name}2"), second)

    with reading() as session:
        listed = replies.list_replies(session, list_page(session, lobby.id, page=1, size=20))

    assert listed == {world.message(first).id: answers[1:]}


def test_those_to_a_direct_message_are_in_its_conversation(world: World) -> None:
    zoe, dora, lobby = world.actor("zoe", "remote"), world.actor("dora"), world.channel("lobby")
    asked = world.tell(zoe, [world.bob], "well?")
    answer_elsewhere(world, zoe, dora, asked)
    answer_elsewhere(world, zoe, world.bob, asked)
    world.say(zoe, lobby, "aye", in_reply_to=asked)
    message = world.message(asked)

    with reading() as session:
        listed = replies.list_replies(session, view_messages(session, [message.id]))
        [(_, [id_])] = listed.items()
        [answer] = view_messages(session, [id_])

    assert answer.conversation_id == message.conversation_id is not None
    assert answer.in_reply_to == asked
