"""One domain does not have each message of ours be sent to very many inboxes of its own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.db import reading
from app.effects import follow
from app.models import Activity, Delivery
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor


@pytest.fixture(autouse=True)
def few_inboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "INBOXES_MAX", 2)


def come(world: World, uri: str, **said: Any) -> str:
    """Somebody follows alice; how the follow ended."""
    actor = RemoteActor(uri)
    world.wire.serve(uri, actor.document | said)
    world.receive(actor, actor.activity("Follow", world.actor(world.alice.id).uri))
    return outcome()[0]


def count(world: World) -> int:
    return int(world.get(f"/ap/users/{world.alice.id}/followers").json["totalItems"])


def test_one_more_inbox_of_a_domain_is_refused_and_its_owner_told(world: World) -> None:
    assert come(world, "https://a.crowd.example/users/one") == "done"
    assert come(world, "https://b.crowd.example/users/two") == "done"

    assert come(world, "https://c.crowd.example/users/three") == "dropped"

    assert count(world) == 2
    assert outcome()[1] == "too many of this domain follow this actor, each with an inbox of its own"
    assert list_told("c.crowd.example") == ["Reject"]


def test_shared_inboxes_that_are_none_count_each(world: World) -> None:
    for number in range(3):
        shared = {"endpoints": {"sharedInbox": f"https://crowd.example/shared/{number}"}}
        come(world, f"https://crowd.example/users/u{number}", **shared)

    assert count(world) == 2


def test_everybody_of_a_server_follows_where_they_share_an_inbox(world: World) -> None:
    shared = {"endpoints": {"sharedInbox": "https://large.example/inbox"}}
    for number in range(5):
        assert come(world, f"https://large.example/users/u{number}", **shared) == "done"

    assert come(world, "https://crowd.example/users/one") == "done"
    assert come(world, "https://notcrowd.example/users/two") == "done"
    assert come(world, "https://other.example/users/three") == "done"
    assert count(world) == 8


def list_told(host: str) -> list[str]:
    with reading() as session:
        told = select(Activity.type).join(Delivery, Delivery.activity_id == Activity.id).where(Delivery.host == host)
        return list(session.scalars(told))
