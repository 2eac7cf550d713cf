"""Flag: reports from other servers, and those that go there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from activitypub import build
from app.db import reading, transaction
from app.effects import flag as effect
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.models import Report
from app.queries import reports as queries
from tests.founding import URIS
from tests.world import World, moment


def reports() -> list[Report]:
    with reading() as session:
        return list(session.scalars(select(Report).order_by(Report.id)))


def flag(world: World, by: Any, *objects: str, content: str = "rude") -> Any:
    return world.perform(build.flag(actor=by.uri, objects=objects, content=content))


def test_another_server_reports_one_of_ours(world: World) -> None:
    instance = world.actor("pond", "remote", type="Application")
    lobby = world.channel("lobby")
    said = world.say(world.bob, lobby, "buy fish")

    flag(world, instance, world.bob.uri, said)

    (report,) = reports()
    assert (report.target_id, report.reporter_id, report.message_ids, report.description) == (
        world.bob.id,
        instance.id,
        [URIS.local_id(said)],
        "rude",
    )


def test_messages_alone_are_a_report_of_their_author(world: World) -> None:
    instance = world.actor("pond", "remote", type="Application")
    said = world.say(world.bob, world.channel("lobby"), "buy fish")

    flag(world, instance, said)

    assert reports()[0].target_id == world.bob.id


def test_what_a_server_could_not_read_it_does_not_report(world: World) -> None:
    instance = world.actor("pond", "remote", type="Application")
    secret = world.say(world.alice, world.channel("staff", is_private=True), "a secret")

    flag(world, instance, world.alice.uri, secret)

    assert (reports()[0].type, reports()[0].message_ids, reports()[0].evidence) == ("user_report", [], None)
    with pytest.raises(NotFoundError):
        flag(world, world.actor("lake", "remote", type="Application"), secret)


def test_one_server_reports_one_person_once_an_hour(world: World) -> None:
    instance = world.actor("pond", "remote", type="Application")
    flag(world, instance, world.bob.uri)

    with pytest.raises(ConflictError):
        flag(world, instance, world.bob.uri, content="still rude")

    assert len(reports()) == 1


def test_a_domain_reports_one_person_ten_times_an_hour(world: World) -> None:
    """However many servers it has."""
    servers = [
        world.actor(f"s{number}", "remote", type="Application", host=f"s{number}.pond.example") for number in range(11)
    ]
    for server in servers[:10]:
        flag(world, server, world.bob.uri)

    with world.refuses(ConflictError):
        flag(world, servers[10], world.bob.uri)
    flag(world, servers[10], world.alice.uri)
    flag(world, world.actor("lake", "remote", type="Application", host="lake.example"), world.bob.uri)

    assert len(reports()) == 12


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_nobody_fills_the_list_with_reports(world: World, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several people; one whose reports are answered, or who is of another domain, may make more."""
    monkeypatch.setattr(queries, "MOST_AT_ONCE", 3)
    carol = world.actor("carol", origin)
    people = [world.actor(f"person{number}") for number in range(4)]
    for number, person in enumerate(people[:3]):
        by = carol if origin == "local" else world.actor(f"s{number}", "remote", host=f"s{number}.pond.example")
        flag(world, by, person.uri)
    world.forget()

    with world.refuses(ConflictError):
        flag(world, carol, people[3].uri)

    flag(world, world.bob, people[3].uri)
    with transaction() as session:
        session.execute(update(Report).values(status="resolved"))
    monkeypatch.setattr(effect, "_ONCE_WITHIN", timedelta(0))
    flag(world, carol, people[3].uri)
    assert len(reports()) == 5


def test_people_of_others_are_none_of_our_business(world: World) -> None:
    instance, zoe = world.actor("pond", "remote", type="Application"), world.actor("zoe", "remote")

    with pytest.raises(NotFoundError):
        flag(world, instance, zoe.uri)

    assert reports() == []


def test_a_report_goes_elsewhere_only_if_asked_and_in_our_name(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    report = build.flag(actor=world.alice.uri, objects=[zoe.uri], content="rude")

    world.perform(report, private={"category": "spam", "forward": True})

    (delivery,) = world.deliveries()
    assert (delivery.type, delivery.sender, delivery.inbox) == ("Flag", URIS.instance, zoe.shared_inbox)
    (sent,) = [json.loads(body) for body in world.documents().values() if URIS.instance.encode() in body][-1:]
    assert (sent["type"], sent["object"], sent["content"]) == ("Flag", [zoe.uri], "rude")
    assert world.alice.uri not in json.dumps(sent)


def test_a_report_stays_here_otherwise(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    world.perform(build.flag(actor=world.alice.uri, objects=[zoe.uri], content="rude"), private={"category": "spam"})

    assert (len(reports()), world.deliveries()) == (1, [])


def test_who_is_banned_reports_nobody(world: World) -> None:
    world.change_account(world.bob, banned_at=moment())

    with pytest.raises(ForbiddenError):
        flag(world, world.bob, world.alice.uri)

    assert reports() == []
