"""Accept: what was verified is a sealed row before its sender is told so."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.documents import parse_activity
from app.db import reading
from app.models import InboxItem
from app.pipeline import accept
from app.sealing import INBOX_SCOPE, unseal_row
from tests.activitypub.signed import NOW
from tests.signed_requests import signed
from tests.world import World

ZOE = "https://pond.example/users/zoe"


def send(activity: dict[str, Any], **how: str) -> str:
    verified, body = signed(activity, **({"actor": ZOE} | how))
    return accept(verified, parse_activity(activity), body)


def activity(type_: str = "Create", *, id: str | None = f"{ZOE}/1") -> dict[str, Any]:
    document = {"type": type_, "actor": ZOE, "object": f"{ZOE}/note"}
    return document if id is None else document | {"id": id}


def items() -> list[InboxItem]:
    with reading() as session:
        return list(session.scalars(select(InboxItem).order_by(InboxItem.position)))


def test_accepted_request_waits_for_a_worker_that_is_told(world: World) -> None:
    assert send(activity()) == "queued"

    (item,) = items()
    assert (item.host, item.activity_uri, item.signer_uri, item.state) == ("pond.example", f"{ZOE}/1", ZOE, "queued")
    assert item.signed_at == NOW
    assert world.wakes == [("inbox", "pond.example")]


def test_body_is_sealed_byte_for_byte(world: World) -> None:
    verified, body = signed(activity(), actor=ZOE)

    accept(verified, parse_activity(activity()), body)

    (item,) = items()
    assert item.sealed is not None
    assert body not in item.sealed
    with reading() as session:
        assert unseal_row(session, INBOX_SCOPE, item.seen_key, item.sealed) == body


def test_same_id_is_stored_once_and_nobody_is_told_again(world: World) -> None:
    send(activity())
    world.forget()

    assert send(activity(), target="/ap/users/bob/inbox") == "duplicate"
    assert len(items()) == 1
    assert world.wakes == []


def test_same_id_from_another_server_is_another(world: World) -> None:
    send(activity())

    assert send(activity(), actor="https://evil.example/users/mallory") == "queued"


def test_follow_signed_anew_is_another(world: World) -> None:
    """Takahe uses the id of an undone Follow again."""
    send(activity("Follow"))

    assert send(activity("Follow"), target="/ap/users/bob/inbox") == "queued"


def test_same_follow_byte_for_byte_is_a_duplicate(world: World) -> None:
    """Hostile case SIG-10."""
    send(activity("Follow"))

    assert send(activity("Follow")) == "duplicate"


@pytest.mark.parametrize("type_", ["View", "Move"])
def test_type_without_an_effect_is_not_stored(world: World, type_: str) -> None:
    assert send(activity(type_)) == "ignored"
    assert items() == []


def test_activity_without_an_id_is_not_stored(world: World) -> None:
    assert send(activity(id=None)) == "ignored"
    assert items() == []


@pytest.mark.parametrize("type_", ["Create", "Follow"])
def test_longest_id_fits(world: World, type_: str) -> None:
    """Of characters that no compression makes shorter: PostgreSQL indexes 2,700 bytes and no more."""
    start = f"{ZOE}/"
    id_ = start + "".join(chr(0x1F300 + number % 400) for number in range((2048 - len(start)) // 4))

    assert send(activity(type_, id=id_)) == "queued"
    assert send(activity(type_, id=id_)) == "duplicate"


def test_id_that_is_too_long_is_none(world: World) -> None:
    assert send(activity(id=f"{ZOE}/" + "\U0001f600" * 600)) == "ignored"


def test_announce_of_what_nothing_has_an_effect_for_is_ignored(world: World) -> None:
    """A vote against something, inside of what a channel passes on."""
    against = {"id": "https://lake.example/1", "type": "Dislike", "actor": "https://lake.example/users/yan"}

    assert send(activity("Announce") | {"object": against | {"object": f"{ZOE}/note"}}) == "ignored"

    assert (items(), world.wakes) == ([], [])
