"""Answers in a channel elsewhere that do not name it, as PeerTube's comments: its own server has to bring them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.models import Notification
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import CONTEXT, RemoteActor
from tests.facades.federation.test_announced import messages, served, told


@pytest.fixture
def lake(world: World) -> RemoteActor:
    """A channel elsewhere that bob is a member of."""
    lake = world.meet(RemoteActor("https://peer.example/c/lake", "Group"))
    world.join_elsewhere(world.bob, lake, is_open=True)
    return lake


@pytest.fixture
def video(world: World, lake: RemoteActor) -> str:
    """What zoe has said in it."""
    note = served(world, world.zoe, type="Video", name="Cows", cc=[f"{world.zoe.uri}/followers"])
    world.receive(lake, lake.activity("Announce", note["id"], to=[PUBLIC]))
    return str(note["id"])


@pytest.fixture
def tom(world: World) -> RemoteActor:
    return world.meet(RemoteActor("https://third.example/users/tom"))


def comment(world: World, by: RemoteActor, on: str, **fields: Any) -> dict[str, Any]:
    """A comment, with its Create at its home."""
    note = by.note(number=5, inReplyTo=on, **({"to": [PUBLIC], "cc": [f"{by.uri}/followers"]} | fields))
    create = by.activity("Create", note, number=5) | {"@context": CONTEXT}
    world.wire.serve(create["id"], create)
    return create


@pytest.mark.parametrize("by", ["one of its people", "its server's own actor"])
def test_what_its_server_brings_stands_in_it(
    world: World, lake: RemoteActor, video: str, tom: RemoteActor, by: str
) -> None:
    bob = world.actor(world.bob.id).uri
    told_bob = {"cc": [bob], "tag": [{"type": "Mention", "href": bob, "name": "@bob"}]}
    author, sender = (world.zoe, world.zoe) if by == "one of its people" else (tom, world.peer)

    world.receive(sender, comment(world, author, video, **told_bob))

    assert outcome() == ("done", None)
    place = world.known(lake).id
    assert messages() == [(video, place), (f"{author.uri}/notes/5", place)]
    with reading() as session:
        assert session.scalars(select(Notification.account_id)).all() == [world.bob.id]


@pytest.mark.parametrize("by", ["its author", "another server", "nobody who is believed"])
def test_what_others_bring_does_not(world: World, video: str, tom: RemoteActor, by: str) -> None:
    create = comment(world, tom, video)
    if by == "nobody who is believed":
        world.wire.serve(create["id"], 404)
    sender = {"its author": tom, "another server": world.mallory}.get(by, world.peer)
    before = told()

    world.receive(sender, create)

    assert outcome()[0] == "dropped"
    assert ([uri for uri, _ in messages()], told()) == ([video], before)


@pytest.mark.parametrize("by", ["one of its people", "its server's own actor"])
def test_what_names_a_channel_stands_in_that(world: World, video: str, tom: RemoteActor, by: str) -> None:
    lobby = world.channel("lobby")
    author, sender = (world.zoe, world.zoe) if by == "one of its people" else (tom, world.peer)

    world.receive(sender, comment(world, author, video, cc=[world.actor(lobby).uri]))

    assert messages()[1:] == [(f"{author.uri}/notes/5", lobby)]


def test_what_is_private_is_for_whom_it_names(world: World, video: str) -> None:
    bob = world.actor(world.bob.id).uri

    world.receive(world.zoe, comment(world, world.zoe, video, to=[bob], cc=[]))

    assert messages()[1:] == [(f"{world.zoe.uri}/notes/5", None)]
    assert told()[1:] == ["direct_message"]
