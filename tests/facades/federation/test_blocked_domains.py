"""Servers that the operator blocks (SHOAL_BLOCKED_DOMAINS), over ActivityPub; over Punctum in test_punctum_inbox.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.actions.inbox import process
from app.services import remote
from app.settings import configure, current
from tests.answers import refusal
from tests.facades.federation.conftest import World

BLOCKED = "This server is blocked here."


@contextmanager
def blocked(*domains: str) -> Iterator[None]:
    settings = current()
    configure(replace(settings, blocked_domains=frozenset(domains)))
    yield
    configure(settings)


@pytest.mark.parametrize("domain", ["peer.example", "example"])
def test_nothing_is_taken_from_them_and_no_key_asked_for(world: World, domain: str) -> None:
    follow = world.zoe.activity("Follow", world.actor(world.alice.id).uri)

    with blocked(domain), world.server.stores_nothing():
        answer = world.send(world.zoe.post(follow))
    assert (answer.status_code, answer.json) == (403, answer.json | refusal(403, BLOCKED)[1])
    assert world.wire.asked == []

    with blocked("other.example", "r.example", "users.peer.example"):
        assert world.send(world.zoe.post(follow)).status_code == 202


def test_nothing_that_others_may_not_see_is_shown_to_them(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    path = f"/ap/channels/{channel}"
    assert world.send(world.zoe.get(path)).status_code == 200

    with blocked("peer.example"), world.server.stores_nothing():
        assert world.send(world.zoe.get(path)).status_code == 403


def test_what_waits_from_before_is_not_applied(world: World) -> None:
    uri = world.actor(world.alice.id).uri
    assert world.send(world.zoe.post(world.zoe.activity("Follow", uri))).status_code == 202

    with blocked("peer.example"):
        process(world.zoe.host)

    assert world.get(f"/ap/users/{world.alice.id}/followers").json["totalItems"] == 0


def test_the_one_client_of_a_server_asks_them_nothing() -> None:
    assert remote.remote_client()._is_refused("peer.example") is False
    with blocked("peer.example"):
        assert remote.remote_client()._is_refused("peer.example") is True
