"""What sockets are told of reports: those who may list all of them, and the reporter of what became of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import delete, insert, update

from activitypub import build
from app.actions import moderation
from app.db import reading, transaction
from app.errors import ConflictError
from app.models import Account, Actor, Report, Role, RoleGrant
from app.queries.reports import list_reports
from tests.facades.pufferblow.ears import Ear, Room, lobby, room
from tests.world import Channel, World, moment

__all__ = ["lobby", "room"]

TYPES = ("report_created", "report_resolved")


@pytest.fixture
def people(world: World, room: Room) -> Mapping[str, Actor]:
    """One of every role that every server has, one with a role of this server's own, and who was reported."""
    named = {"owner": world.alice, "reported": world.bob}
    for name in ("admin", "moderator", "jury", "reporter", "other"):
        named[name] = world.actor(name)
    for name in ("admin", "moderator"):
        world.grant(named[name], name)
    with transaction() as session:
        session.execute(insert(Role).values(**_JURY, space_id=world.home.id, created_at=moment(), updated_at=moment()))
    world.grant(named["jury"], "role_jury")
    return named


_JURY = {
    "id": "role_jury",
    "name": "Jury",
    "name_key": "jury",
    "privileges": ["moderate_content"],
    "sees_private": False,
}


def heard(ears: Mapping[str, Ear]) -> dict[str, list[str]]:
    """Of reports, by whoever heard anything."""
    told = {name: [type_ for type_ in ear.types if type_ in TYPES] for name, ear in ears.items()}
    return {name: types for name, types in told.items() if types}


def report(world: World, people: Mapping[str, Actor]) -> str:
    viewer = world.viewer(people["reporter"])
    moderation.report_person(viewer, people["reported"].id, category="spam", description="sells fish")
    with reading() as session:
        return list_reports(session, viewer, limit=1)[0][0].id


def test_moderators_hear_of_a_report_and_the_reporter_of_its_end(
    world: World, room: Room, lobby: Channel, people: Mapping[str, Actor]
) -> None:
    ears = {name: room.listen(person) for name, person in people.items()}
    narrowed = room.listen(world.alice, lobby)

    report_id = report(world, people)
    room.tell()
    staff = ("owner", "admin", "moderator", "jury")
    assert heard(ears) == {name: ["report_created"] for name in staff}
    moderation.resolve_report(world.viewer(people["moderator"]), report_id, "warn", "talked to bob")
    room.tell()

    assert heard(ears) == {name: list(TYPES) for name in staff} | {"reporter": ["report_resolved"]}
    assert narrowed.heard == []
    about = {"report_id": report_id, "report_type": "user_report", "category": "spam"}
    created, resolved = (ears["jury"].last(type_) for type_ in TYPES)
    assert created == about | {
        "type": TYPES[0],
        "event_id": created["event_id"],
        "status": "pending",
        "resolution": None,
    }
    assert resolved == about | {
        "type": TYPES[1], "event_id": resolved["event_id"], "status": "resolved", "resolution": "warn",
    }  # fmt: skip
    assert ears["reporter"].last(TYPES[1]) == resolved
    assert ("events", "") in world.wakes


def test_who_may_list_reports_is_asked_when_it_is_told(world: World, room: Room, people: Mapping[str, Actor]) -> None:
    ears = {name: room.listen(person) for name, person in people.items()}

    report(world, people)
    with transaction() as session:
        session.execute(delete(RoleGrant).where(RoleGrant.actor_id == people["moderator"].id))
        session.execute(update(Role).values(privileges=["view_users"]))
        session.execute(update(Account).where(Account.actor_id == people["admin"].id).values(banned_at=moment()))
    world.grant(people["other"], "moderator")
    room.tell()

    assert heard(ears) == {"owner": ["report_created"], "other": ["report_created"]}


@pytest.mark.parametrize("is_bot", [False, True])
def test_a_moderator_does_not_hear_of_a_report_about_them(
    world: World, room: Room, people: Mapping[str, Actor], is_bot: bool
) -> None:
    hidden = people["jury" if is_bot else "reported"]
    world.grant(hidden, "moderator")
    if is_bot:
        with transaction() as session:
            owned = update(Account).where(Account.actor_id == people["reported"].id)
            session.execute(owned.values(bot_owner_id=hidden.id))
    ears = {"moderator": room.listen(people["moderator"]), "hidden": room.listen(hidden)}

    report_id = report(world, people)
    moderation.resolve_report(world.viewer(people["moderator"]), report_id, "warn", None)
    room.tell()

    assert heard(ears) == {"moderator": list(TYPES)}


def test_what_is_refused_is_told_to_nobody(world: World, room: Room, people: Mapping[str, Actor]) -> None:
    report_id = report(world, people)
    moderation.resolve_report(world.viewer(world.alice), report_id, "dismiss", None)
    room.tell()
    ears = {name: room.listen(person) for name, person in people.items()}

    with world.refuses(ConflictError):
        moderation.resolve_report(world.viewer(world.alice), report_id, "dismiss", None)
    room.tell()

    assert heard(ears) == {}


def test_another_servers_report_is_told_as_ours_is(world: World, room: Room, people: Mapping[str, Actor]) -> None:
    instance = world.actor("pond", "remote", type="Application")
    ears = {name: room.listen(people[name]) for name in ("moderator", "reported", "other")}

    world.perform(build.flag(actor=instance.uri, objects=[people["reported"].uri], content="rude"))
    room.tell()

    assert heard(ears) == {"moderator": ["report_created"]}


def test_a_report_that_is_gone_is_not_told(world: World, room: Room, people: Mapping[str, Actor]) -> None:
    ear = room.listen(world.alice)

    report(world, people)
    with transaction() as session:
        session.execute(delete(Report))
    room.tell()

    assert ear.heard == []
