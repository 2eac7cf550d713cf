"""One domain does not have each message of ours be sent to very many inboxes of its own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import reading
from app.models import Delivery
from app.queries import hearers
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor


@pytest.fixture(autouse=True, params=["few followers", "very many"])
def few_inboxes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many followers the inboxes are looked up in another way, and are the same."""
    monkeypatch.setattr(hearers, "MOST_INBOXES_OF_DOMAIN", 2)
    if request.param == "very many":
        monkeypatch.setattr(hearers, "FEW_FOLLOWERS", 0)


@pytest.fixture
def channel(world: World) -> str:
    return world.channel("crowded")


def test_beyond_the_first_inboxes_of_a_domain_none_is_sent_anything(world: World, channel: str) -> None:
    for name in ("a", "b", "c"):
        come(world, channel, f"https://{name}.crowd.example/users/u")
    come(world, channel, "https://other.example/users/u")
    come(world, channel, "https://notcrowd.example/users/u")

    assert list_hosts_told(world, channel) == [
        "a.crowd.example",
        "b.crowd.example",
        "notcrowd.example",
        "other.example",
    ]


def test_they_are_those_of_whoever_came_first(world: World, channel: str) -> None:
    for name in ("c", "b", "a"):
        come(world, channel, f"https://{name}.crowd.example/users/u")

    assert list_hosts_told(world, channel) == ["b.crowd.example", "c.crowd.example"]


def test_shared_inboxes_that_are_none_count_each(world: World, channel: str) -> None:
    for number in range(4):
        come(world, channel, f"https://crowd.example/users/u{number}", shared=f"https://crowd.example/shared/{number}")

    assert list_hosts_told(world, channel) == ["crowd.example"] * 2


def test_who_had_a_shared_inbox_and_has_none_now_counts_as_one_of_their_own(world: World, channel: str) -> None:
    crowd = [f"https://crowd.example/users/u{number}" for number in range(4)]
    for uri in crowd:
        come(world, channel, uri, shared="https://crowd.example/inbox")
    assert list_hosts_told(world, channel) == ["crowd.example"]

    for uri in crowd:
        actor = RemoteActor(uri)
        alone = {key: value for key, value in actor.document.items() if key != "endpoints"}
        world.wire.serve(uri, alone)
        world.receive(actor, actor.activity("Update", alone))

    assert list_hosts_told(world, channel) == ["crowd.example"] * 2


def test_the_people_of_a_country_are_no_domain(world: World, channel: str) -> None:
    for name in ("a", "b", "c"):
        come(world, channel, f"https://{name}.co.uk/users/u")

    assert list_hosts_told(world, channel) == ["a.co.uk", "b.co.uk", "c.co.uk"]


def come(world: World, channel: str, uri: str, *, shared: str | None = None) -> None:
    """Somebody follows the channel."""
    actor = RemoteActor(uri)
    said: dict[str, Any] = {"endpoints": {"sharedInbox": shared}} if shared else {}
    world.wire.serve(uri, actor.document | said)
    world.receive(actor, actor.activity("Follow", world.actor(channel).uri))
    assert outcome()[0] == "done"


def list_hosts_told(world: World, channel: str) -> list[str]:
    """Where it goes when something is said in the channel: a host for each inbox."""
    with reading() as session:
        before = session.scalar(select(func.max(Delivery.position))) or 0
    world.say(world.alice, channel, "to all")
    with reading() as session:
        told = select(Delivery.host, Delivery.inbox).where(Delivery.position > before).distinct()
        return sorted(row.host for row in session.execute(told))
