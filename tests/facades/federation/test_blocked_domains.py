"""Servers that the operator blocks (SHOAL_BLOCKED_DOMAINS), over ActivityPub; over Punctum in test_punctum_inbox.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.actions.inbox import process
from app.db import reading
from app.models import Message
from app.services import remote
from app.settings import configure, current
from tests.answers import refusal
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import CONTEXT, RemoteActor

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


def test_another_port_is_no_other_server(world: World) -> None:
    neighbour = RemoteActor("https://peer.example:8443/users/zoe")

    with blocked("peer.example"), world.server.stores_nothing():
        answer = world.send(neighbour.post(neighbour.activity("Follow", world.actor(world.alice.id).uri)))

    assert (answer.status_code, world.wire.asked) == (403, [])


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


@pytest.mark.parametrize("kind", ["uri", "note", "activity"])
def test_nothing_of_theirs_comes_by_way_of_another_servers_channel(world: World, kind: str) -> None:
    """Without the block the channel's members hear of it: it is as its home says when it is asked."""
    club = RemoteActor("https://peer.example/groups/club", "Group")
    author = world.meet(RemoteActor("https://shut.example/users/mallory"))
    channel = world.actor(world.join_elsewhere(world.bob, club, is_open=True))

    def passed_on(number: int) -> dict[str, Any]:
        note = author.note(number=number, to=[PUBLIC], audience=channel.uri)
        create = author.activity("Create", note, number=number, to=[PUBLIC], audience=channel.uri)
        for document in ({"@context": CONTEXT} | note, create):
            world.wire.serve(document["id"], document)
        told = {"uri": note["id"], "note": note, "activity": create}[kind]
        return club.activity("Announce", told, number=number, to=[f"{club.uri}/followers"])

    with blocked("shut.example"):
        world.receive(club, passed_on(1))
        assert messages_of(world, author) == []

    world.receive(club, passed_on(2))
    assert messages_of(world, author) == [f"{author.uri}/notes/2"]


def messages_of(world: World, author: RemoteActor) -> list[str]:
    with reading() as session:
        found = select(Message.uri).where(Message.uri.startswith(author.uri))
        return list(session.scalars(found))
