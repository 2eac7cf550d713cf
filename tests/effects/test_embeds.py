"""Embeds of messages between servers: what one tells, another shows as it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from activitypub import build
from app.db import reading
from app.errors import InvalidInputError
from app.models import Actor
from app.pipeline import compose, submit
from app.queries.messages import open_content
from tests.world import Channel, World

FULL = {
    "embed": True,
    "embed_title": "Tide & tables",
    "embed_description": "High <water>\nat noon",
    "embed_color": "0, 120, 255",
    "embed_image": "https://pond.example/tide.png",
    "embed_type": 2,
}
SHORT = {"embed_title": "Ebb", "embed_type": 1, "embed": False}


@pytest.fixture
def lobby(world: World) -> Channel:
    return world.channel("lobby")


@pytest.fixture
def zoe(world: World) -> Actor:
    return world.actor("zoe", "remote")


def _embeds(world: World, uri: str) -> Sequence[dict[str, Any]]:
    message = world.message(uri)
    with reading() as session:
        content = open_content(session, message)
    assert content is not None
    return list(content.embeds)


def _say(world: World, lobby: Channel, text: str, embeds: Sequence[dict[str, Any]]) -> str:
    activity = compose.channel_message(world.viewer(world.bob), lobby.id, text, embeds=embeds)
    submit(activity, private={"embeds": embeds})
    return str(activity.object_id)


def _sent(world: World, type_: str) -> dict[str, Any]:
    """The object of the newest activity of bob's of a type, as other servers have it."""
    note: dict[str, Any] = world.json([row.uri for row in world.log() if row.type == type_][-1])["object"]
    return note


def _from_elsewhere(world: World, author: Actor, note: dict[str, Any]) -> dict[str, Any]:
    """As if it were somebody else's on another server, of the same software."""
    uri = world.uri_of(author.uri, "notes")
    return note | {"id": uri, "url": uri, "attributedTo": author.uri}


@pytest.mark.parametrize("text", ["with two below", ""])
def test_message_has_the_embeds_there_that_it_has_here(world: World, lobby: Channel, zoe: Actor, text: str) -> None:
    ours = _say(world, lobby, text, [FULL, SHORT])
    note = _from_elsewhere(world, zoe, _sent(world, "Create"))

    world.perform(build.create(actor=zoe.uri, object=note))

    assert _embeds(world, ours) == _embeds(world, note["id"]) == [FULL, SHORT]
    assert world.text(note["id"]) == text


def test_edits_go_along(world: World, lobby: Channel, zoe: Actor) -> None:
    ours = _say(world, lobby, "with two below", [FULL, SHORT])
    theirs = _from_elsewhere(world, zoe, _sent(world, "Create"))
    world.perform(build.create(actor=zoe.uri, object=theirs))

    for changes, left in (({"text": "changed"}, [FULL, SHORT]), ({"embeds": [SHORT]}, [SHORT]), ({"embeds": []}, [])):
        private = {"embeds": changes["embeds"]} if "embeds" in changes else {}
        edit = compose.edit(world.viewer(world.bob), world.message(ours).id, **{"text": None} | changes)
        submit(edit, private=private)
        note = _sent(world, "Update") | {"id": theirs["id"], "attributedTo": zoe.uri}
        world.perform(build.update(actor=zoe.uri, object=note, to=note["to"], cc=note["cc"]))
        assert _embeds(world, ours) == _embeds(world, theirs["id"]) == left


def test_picture_of_ours_is_told_with_where_it_is(world: World, lobby: Channel) -> None:
    _say(world, lobby, "", [SHORT | {"embed_image": "/storage/tide.png"}])

    [page] = _sent(world, "Create")["attachment"]
    assert page["image"] == {"type": "Image", "url": "https://chat.example/storage/tide.png"}


def test_link_stays_a_link(world: World, lobby: Channel, zoe: Actor) -> None:
    link = {"type": "Link", "href": "https://pond.example/article", "name": "Article", "summary": "about ponds"}
    note = world.note(zoe, "look", to=[lobby.uri, "https://www.w3.org/ns/activitystreams#Public"]) | {
        "attachment": [link]
    }

    world.perform(build.create(actor=zoe.uri, object=note))

    assert _embeds(world, note["id"]) == []
    assert [attached.url for attached in world.attachments(note["id"])] == ["https://pond.example/article"]


def test_nothing_at_all_is_no_message(world: World, lobby: Channel) -> None:
    ours = _say(world, lobby, "", [SHORT])

    with world.refuses(InvalidInputError):
        compose.channel_message(world.viewer(world.bob), lobby.id, "", embeds=[])
    with world.refuses(InvalidInputError):
        compose.edit(world.viewer(world.bob), world.message(ours).id, None, embeds=[])
