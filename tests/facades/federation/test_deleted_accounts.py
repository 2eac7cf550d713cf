"""Accounts that are deleted: every server that ever had anything of one of ours is told, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, select, update

from activitypub import build
from app.db import reading, transaction
from app.models import Activity, Delivery, Receipt
from tests.facades.conftest import Person
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor


def everybody_hears(world: World) -> None:
    """As if everything that waits had been delivered."""
    with transaction() as session:
        session.execute(update(Delivery).values(state="delivered", finished_at=datetime.now(UTC)))


def inboxes_told(world: World, person: Person) -> list[str]:
    """Where the end of somebody is told."""
    uri = world.actor(person.id).uri
    told = select(Delivery.inbox).join(Activity, Activity.id == Delivery.activity_id)
    with reading() as session:
        return sorted(session.scalars(told.where(Activity.type == "Delete", Activity.object_uri == uri)))


def end(world: World, person: Person) -> None:
    assert world.server.call("DELETE", f"/api/v1/accounts/{person.id}", person=person).status_code == 200


@pytest.mark.parametrize("way", ["a direct message", "a channel that passes it on", "a follow"])
def test_servers_that_had_anything_are_told(world: World, way: str) -> None:
    match way:
        case "a direct message":
            world.tell(world.bob, world.zoe, "psst")
        case "a channel that passes it on":
            lobby = world.channel("Lobby")
            world.follow(world.zoe, world.actor(lobby).uri)
            world.say(world.bob, lobby, "hello")
            world.receive(world.zoe, world.zoe.activity("Leave", world.actor(lobby).uri, number=2))
        case _:
            world.submit(build.follow(actor=world.actor(world.bob.id).uri, object=world.known(world.zoe).uri))
    world.tell(world.alice, world.mallory, "of somebody else")
    everybody_hears(world)

    end(world, world.bob)

    known = world.known(world.zoe)
    assert inboxes_told(world, world.bob) in ([known.inbox], [known.shared_inbox])


def test_so_are_those_of_whom_only_that_is_noted(world: World) -> None:
    sent = world.tell(world.bob, world.zoe, "psst")
    inbox = world.known(world.zoe).inbox
    with transaction() as session:
        session.execute(delete(Delivery))
        noted = {"message_id": sent.found["message_id"], "inbox": inbox, "host": world.zoe.host, "is_shared": False}
        session.execute(insert(Receipt).values(noted))

    end(world, world.bob)

    assert inboxes_told(world, world.bob) == [inbox]


def test_one_inbox_of_a_server_is_enough(world: World) -> None:
    others = [world.meet(RemoteActor(f"https://peer.example/users/{name}")) for name in ("yan", "xenia")]
    for person in (world.zoe, *others):
        world.tell(world.bob, person, "psst")
    world.follow(world.zoe, world.actor(world.bob.id).uri)
    everybody_hears(world)

    end(world, world.bob)

    assert inboxes_told(world, world.bob) == [world.known(world.zoe).shared_inbox]


def test_no_domain_has_all_its_people_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.queries.hearers.MOST_INBOXES_OF_DOMAIN", 2)
    for name in ("yan", "xenia", "walt"):
        world.tell(world.bob, world.meet(RemoteActor(f"https://{name}.peer.example/users/{name}")), "psst")
    world.tell(world.bob, world.mallory, "psst")
    everybody_hears(world)

    end(world, world.bob)

    told = inboxes_told(world, world.bob)
    assert (len(told), world.known(world.mallory).inbox in told) == (3, True)


def test_who_was_sent_nothing_hears_nothing(world: World) -> None:
    world.tell(world.alice, world.zoe, "of somebody else")
    world.tell(world.bob, world.mallory, "never arrived")
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.host == world.mallory.host).values(state="failed"))

    end(world, world.bob)

    assert inboxes_told(world, world.bob) == []
