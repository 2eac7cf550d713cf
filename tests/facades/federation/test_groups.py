"""Groups of direct messages with people of other servers, over ActivityPub: through the inbox, and as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from app.pipeline import Outcome, compose, submit
from tests.facades.conftest import ORIGIN, Person
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor
from tests.facades.federation.test_objects import activity_path, path_of, statuses


class Group:
    """alice's with bob and zoe."""

    def __init__(self, world: World) -> None:
        self.world = world
        people = [world.bob.id, world.known(world.zoe).id]
        activity, private = compose.group(world.viewer(world.alice), people, {})
        self.made = submit(activity, private=private)
        self.uri = self.made.found["object_uri"]
        self.id = self.uri.rpartition("/")[2]

    def say(self, text: str) -> Outcome:
        return submit(compose.conversation_message(self.world.viewer(self.world.alice), self.id, text))

    def hear(self, sender: RemoteActor, *people: str, **named: Any) -> None:
        """A note of somebody's to these people arrives."""
        tags = [{"type": "Mention", "href": uri, "name": f"@{uri.rpartition('/')[2]}"} for uri in people]
        note = sender.note(to=list(people), cc=[]) | {"tag": tags} | named
        self.world.receive(sender, sender.activity("Create", note, to=list(people), cc=[]))

    def texts(self, person: Person) -> list[str]:
        stash = self.world.server.call("GET", f"/api/v1/channels/{self.id}/messages", person=person).json
        return [stash[id_]["content"] for id_ in stash["id_list"]]


@pytest.fixture
def group(world: World) -> Group:
    return Group(world)


def test_its_messages_are_read_by_the_servers_of_who_is_in_it(world: World, group: Group) -> None:
    said = group.say("all together")

    note = world.get(path_of(said), world.zoe).json
    assert (note["context"], note["conversation"]) == (group.uri, group.uri)
    for path in (path_of(said), activity_path(said), activity_path(group.made)):
        assert statuses(world, path, world.zoe, world.peer) == [200, 200], path
        assert statuses(world, path, None, world.mallory, world.evil) == [404] * 3, path
    assert statuses(world, f"/ap/dms/{group.id}", None, world.zoe) == [404, 404]


def test_who_left_reads_none_of_it_any_more(world: World, group: Group) -> None:
    said = group.say("all together")

    world.receive(world.zoe, world.zoe.activity("Leave", group.uri))

    for path in (path_of(said), activity_path(said), activity_path(group.made)):
        assert statuses(world, path, world.zoe, world.peer) == [404, 404], path


def test_answer_from_elsewhere_goes_into_it(world: World, group: Group) -> None:
    said = group.say("well?")
    alice, bob = (world.actor(person.id).uri for person in (world.alice, world.bob))

    group.hear(world.zoe, alice, bob, inReplyTo=f"{ORIGIN}{path_of(said)}", context="https://peer.example/contexts/1")

    assert group.texts(world.bob) == ["well?", "hello"]


def test_outsider_gets_nothing_into_it(world: World, group: Group) -> None:
    alice, bob = (world.actor(person.id).uri for person in (world.alice, world.bob))

    group.hear(world.mallory, alice, bob, world.zoe.uri, context=group.uri, conversation=group.uri)

    assert group.texts(world.bob) == []
    members = world.server.call("GET", f"/api/v1/channels/{group.id}", person=world.bob).json["members"]
    assert len(members) == 3
