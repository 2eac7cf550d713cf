"""Collections read page by page, of three items each, and what is pinned into one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from activitypub import build
from app.facades.federation import collections
from app.pipeline import Outcome
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor, path_of


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "PAGE_SIZE", 3)


def pages(world: World, uri: str, by: RemoteActor | None = None, *, along: str = "next") -> Iterator[dict[str, Any]]:
    """Every page from this one on."""
    seen: set[str] = set()
    following: str | None = uri
    while following is not None:
        assert following not in seen
        seen.add(following)
        answer = world.get(path_of(following), by)
        assert answer.status_code == 200, answer.text
        assert answer.json["id"] == following
        yield answer.json
        following = answer.json.get(along)


def items(world: World, path: str, by: RemoteActor | None = None) -> list[Any]:
    """All that the collection holds for the asker."""
    root = world.get(path, by).json
    found = []
    for page in pages(world, root["first"], by):
        assert (page["type"], page["partOf"]) == ("OrderedCollectionPage", root["id"])
        found += page["orderedItems"]
    return found


def said_in(world: World, path: str, by: RemoteActor | None = None) -> list[str]:
    """The texts of the messages that an outbox's Creates carry."""
    created = [item for item in items(world, path, by) if item["type"] == "Create"]
    return [item["object"]["source"]["content"] for item in created if "source" in item["object"]]


def pin(world: World, channel: str, message: Outcome) -> Outcome:
    """For the members alone, wherever the message stands."""
    group = world.actor(channel).uri
    uri = f"{ORIGIN}/ap/messages/{message.found['message_id']}"
    return world.submit(
        build.add(actor=world.actor(world.alice.id).uri, object=uri, target=f"{group}/featured", to=[group])
    )
