"""A group of bob's, and people of other servers to be in it or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from activitypub import build
from app.db import reading
from app.models import Actor
from app.pipeline import Outcome, compose, submit
from app.queries.conversations import list_participants
from tests.founding import URIS
from tests.world import World


class Group:
    """bob's, with those whom a test names, and told to nobody any more."""

    def __init__(self, world: World, *others: Actor) -> None:
        self._world = world
        activity, private = compose.group(world.viewer(world.bob), [other.id for other in others], {})
        self.uri = world.perform(activity, private=private).found["object_uri"]
        self.id = URIS.local_id(self.uri) or ""
        world.forget()

    def say(self, author: Actor, text: str, **more: Any) -> str:
        """One of ours; returns the message's URI."""
        activity = compose.conversation_message(self._world.viewer(author), self.id, text, **more)
        self._world.perform(activity)
        return str(activity.object_id)

    def add(self, by: Actor, person: Actor) -> Outcome:
        activity, private = compose.group_addition(self._world.viewer(by), self.uri, person.id)
        return submit(activity, private=private)

    def rename(self, by: Actor, name: str) -> Outcome:
        activity, private = compose.group_update(self._world.viewer(by), self.uri, {"name": name})
        return submit(activity, private=private)

    def leave(self, person: Actor) -> Outcome:
        return self._world.perform(build.leave(actor=person.uri, object=self.uri, to=[]))

    @property
    def people(self) -> list[str]:
        with reading() as session:
            return sorted(person.preferred_username for person in list_participants(session, self.id))

    def is_of(self, uri: str) -> bool:
        return self._world.message(uri).conversation_id == self.id


@pytest.fixture
def zoe(world: World) -> Actor:
    return world.actor("zoe", "remote")


@pytest.fixture
def yan(world: World) -> Actor:
    return world.actor("yan", "remote", host="lake.example")


@pytest.fixture
def carol(world: World) -> Actor:
    return world.actor("carol")


def hear(world: World, author: Actor, people: Sequence[Actor], **fields: Any) -> str:
    """What somebody elsewhere says to these people; returns its URI."""
    handles = {person.uri: compose.handle(person) for person in people}
    note = world.note(author, "from afar", to=list(handles), mentions=handles, **fields)
    world.perform(build.create(actor=author.uri, object=note))
    return str(note["id"])


def last_sent(world: World, type_: str) -> dict[str, Any]:
    """The object of our newest activity of a type, as other servers are sent it."""
    uri = [row.uri for row in world.log() if row.type == type_][-1]
    found: dict[str, Any] = world.json(uri)["object"]
    return found
