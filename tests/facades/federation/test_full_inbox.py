"""A queue of requests that are not applied yet is full at some time: then its server is told to come back (FED-03)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.inbox import process
from app.db import reading
from app.errors import UnavailableError
from app.models import InboxItem
from app.pipeline import room
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor

_MESSAGE = "What your server sent before is not applied yet. Send this again later."


@pytest.fixture(autouse=True)
def small_queue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight requests, of which the first are taken without a look."""
    for actor in (world.zoe, world.mallory):
        world.known(actor)
    monkeypatch.setattr(room, "QUEUE_MAX", 8)
    monkeypatch.setattr(room, "FIRST_ROWS", 3)
    monkeypatch.setattr(room, "LOOK_AGAIN_SECONDS", 0)


def test_what_comes_beyond_is_told_to_come_again_and_nothing_of_it_is_stored(world: World) -> None:
    answers = [send(world, world.zoe, number) for number in range(10)]

    assert [answer.status_code for answer in answers] == [202] * 8 + [429] * 2
    assert {answer.json["detail"] for answer in answers[8:]} == {_MESSAGE}
    assert {answer.headers["Retry-After"] for answer in answers[8:]} == {"60"}
    assert count_stored() == 8


def test_others_are_taken_meanwhile_and_its_own_when_a_worker_was_there(world: World) -> None:
    for number in range(9):
        send(world, world.zoe, number)

    assert send(world, world.mallory, 0).status_code == 202
    process(world.zoe.host)
    assert send(world, world.zoe, 9).status_code == 202
    assert count_stored() == 10


def test_servers_of_one_domain_share_a_queue(world: World) -> None:
    """However many names somebody gives out below their own."""
    servers = [world.meet(RemoteActor(f"https://s{number}.pond.example/users/zoe")) for number in range(10)]
    for server in servers:
        world.known(server)

    answers = [send(world, server, number) for number, server in enumerate(servers)]

    assert [answer.status_code for answer in answers] == [202] * 8 + [429] * 2
    assert count_stored() == 8
    assert send(world, world.mallory, 0).status_code == 202
    process(servers[0].host)
    assert send(world, servers[9], 10).status_code == 202


def test_a_queue_of_few_that_are_large_is_full_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FIRST_BYTES", 20_000)
    monkeypatch.setattr(room, "QUEUE_BYTES_MAX", 30_000)

    answers = [send(world, world.zoe, number, content="x" * 9_000).status_code for number in range(5)]

    assert answers == [202, 202, 202, 202, 429]
    assert count_stored() == 4


def test_a_full_queue_is_not_measured_for_each_that_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(_: Session, host: str) -> tuple[int, int]:
        measured.append(host)
        return 8, 0

    monkeypatch.setattr(room, "LOOK_AGAIN_SECONDS", 10)
    monkeypatch.setattr(room, "measure_inbox", measure)
    for number in range(6):
        send(world, world.zoe, number)

    assert measured == ["peer.example"]
    assert count_stored() == 3


def test_who_comes_while_an_empty_queue_is_measured_is_let_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request comes in the middle of the measuring, as one does with greenlets."""
    meanwhile: list[int] = []

    def measure(session: Session, host: str) -> tuple[int, int]:
        if not meanwhile:
            meanwhile.append(0)
            meanwhile[0] = send(world, world.zoe, 50).status_code
        return 0, 0

    monkeypatch.setattr(room, "measure_inbox", measure)
    answers = [send(world, world.zoe, number).status_code for number in range(4)]

    assert answers == [202] * 4
    assert meanwhile == [202]
    assert count_stored() == 5


def test_a_database_that_was_away_while_a_queue_was_measured_closes_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        send(world, world.zoe, number)
    with monkeypatch.context() as broken:
        broken.setattr(room, "measure_inbox", fail)
        assert send(world, world.zoe, 3).status_code == 503

    assert send(world, world.zoe, 3).status_code == 202
    assert count_stored() == 4


def fail(*_: object) -> tuple[int, int]:
    raise UnavailableError("the database is away")


def send(world: World, sender: RemoteActor, number: int, **said: str) -> Any:
    note = sender.note(number=number, to=[world.actor(world.alice.id).uri], **said)
    return world.send(sender.post(sender.activity("Create", note, number=number, to=note["to"])))


def count_stored() -> int:
    with reading() as session:
        return len(session.scalars(select(InboxItem.position)).all())
