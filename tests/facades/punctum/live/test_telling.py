"""What telling client sockets costs, and what becomes of an event that cannot be told."""

from __future__ import annotations

from contextlib import ExitStack
from typing import cast

import pytest

from app.db import reading
from app.errors import UnavailableError
from app.facades.punctum import telling
from app.ids import id_beside
from app.live import process
from app.live.connection import Connection
from app.live.hub import Subscriber
from app.models import Actor
from app.pipeline import compose, submit
from app.queries.events import list_after
from app.queries.spaces import list_memberships
from app.services import bus
from app.services.bus import Bus
from tests.facades.pufferblow.ears import Ear, statements
from tests.world import World


class Room:
    """The client sockets of one web process, on a world."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.world, self._stack = world, stack
        self.live = process.configure(Bus(None, installation="test"))
        self._position = 0
        self.pass_over()

    def listen(self, actor: Actor) -> Ear:
        ear = Ear()
        subscriber = Subscriber(actor.id, cast("Connection", ear), actor.id, family="punctum")
        self._stack.enter_context(telling.SIGHTS.kept(self.world.viewer(actor)))
        self.live.hub.add(subscriber)
        self._stack.callback(self.live.hub.remove, subscriber)
        return ear

    def tell(self) -> None:
        with reading() as session:
            batch = list_after(session, self._position, limit=500)
            telling.tell(session, batch)
            self._position = batch[-1].position if batch else self._position

    def pass_over(self) -> None:
        rows = self.world.event_rows()
        self._position = rows[-1].position if rows else 0


@pytest.fixture
def room(world: World, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(bus, "_hinted", None)
    monkeypatch.setattr(process, "_live", None)
    return Room(world, stack)


class Pond:
    """A conference of alice's, with a role that everybody else has, and three channels of which one is for the role."""

    def __init__(self, world: World, members: list[Actor]) -> None:
        self.owner = world.viewer(world.alice)
        self.id = str(_do(compose.space(self.owner, {"name": "Pond", "permissions": 143}))["space_id"])
        self.channels = [
            str(_do(compose.space_channel(self.owner, self.id, {"name": name, "type": "text", **more}))["channel_id"])
            for name, more in (("reeds", {}), ("rushes", {}), ("secret", {"permissions": 0}))
        ]
        self.role = str(_do(compose.space_role(self.owner, self.id, {"name": "Drake", "permissions": 143}))["role_id"])
        activity, private = compose.invite(self.owner, self.id, "pond")
        invite_id = id_beside("invite", submit(activity, private=private).id)
        for member in members:
            _do(compose.joining(world.viewer(member), self.id, invite_id=invite_id))
            _do(compose.role_given(self.owner, member, self.role))

    def change(self) -> None:
        """What concerns who sees what, and every key of the conference that not everybody reads."""
        _do(compose.space_role_update(self.owner, self.role, {"permissions": 1}))
        _do(compose.space_update(self.owner, self.id, {"name": "Lake", "permissions": 0}))
        _do(compose.space_role_update(self.owner, self.role, {"permissions": 143}))


def _do(composed: object) -> dict[str, object]:
    activity, private = composed if isinstance(composed, tuple) else (composed, {})
    return dict(submit(activity, private=private).found)


def test_what_telling_asks_of_the_database_does_not_depend_on_how_many_listen(world: World, room: Room) -> None:
    people = [world.actor(f"duck{number}") for number in range(6)]
    pond = Pond(world, people)
    counts = []
    for listening in ([world.alice, people[0]], people[1:]):
        for person in listening:
            room.listen(person)
        room.pass_over()
        pond.change()
        with statements() as asked:
            room.tell()
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_members_are_told_who_has_a_role_and_nobody_else_is_told_of_it(world: World, room: Room) -> None:
    pond = Pond(world, [world.bob])
    inside, outside = room.listen(world.bob), room.listen(world.actor("carol"))
    room.pass_over()

    _do(compose.space_role_update(pond.owner, pond.role, {"name": "Mallard"}))
    room.tell()

    [role] = [told for told in inside.heard if told.get("object_type") == "role"]
    assert (role["name"], role["members"]) == ("Mallard", [world.bob.id])
    assert pond.role not in str(outside.heard)


def test_nobody_who_listens_costs_nothing(world: World, room: Room) -> None:
    pond = Pond(world, [])
    room.pass_over()
    pond.change()

    with reading() as session:
        batch = list_after(session, 0, limit=500)
        with statements() as asked:
            telling.tell(session, batch)

    assert asked == []


def test_batch_that_failed_is_told_whole_the_next_time(
    world: World, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    pond = Pond(world, [world.bob])
    ear = room.listen(world.bob)
    room.pass_over()
    _do(compose.space_role_update(pond.owner, pond.role, {"permissions": 0}))

    def fail(*_: object) -> None:
        raise UnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(telling.SIGHTS, "note", fail)
        with pytest.raises(UnavailableError):
            room.tell()
    assert ear.heard == []
    room.tell()
    room.tell()

    gone = [told["request_target_id"] for told in ear.heard if told["type"] == "ping"]
    assert [ear.heard[0]["id"], sorted(gone)] == [pond.role, sorted(pond.channels)]


def test_many_channels_that_are_gained_come_in_stashes(world: World, room: Room) -> None:
    pond = Pond(world, [])
    for number in range(120):
        values = {"name": f"c{number}", "type": "text"}
        _do(compose.space_channel(pond.owner, pond.id, values))
    ear = room.listen(world.bob)
    activity, private = compose.invite(pond.owner, pond.id, "lake")
    invite_id = id_beside("invite", submit(activity, private=private).id)
    room.pass_over()

    _do(compose.joining(world.viewer(world.bob), pond.id, invite_id=invite_id))
    room.tell()

    stashes = [told for told in ear.heard if told["type"] == "stash"]
    assert [len(stash["id_list"]) for stash in stashes] == [100, 22]
    with reading() as session:
        assert list_memberships(session, world.bob.id).keys() >= {pond.id}


def test_sights_end_with_the_last_socket(world: World) -> None:
    with telling.SIGHTS.kept(world.viewer(world.bob)):
        with telling.SIGHTS.kept(world.viewer(world.bob)):
            pass
        assert world.bob.id in telling.SIGHTS._seen
    assert world.bob.id not in telling.SIGHTS._seen
