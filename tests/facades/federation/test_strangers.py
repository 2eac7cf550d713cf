"""What is kept of those who have a domain and nothing to say (hostile case FED-07): bounded, and forgotten in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from activitypub.fetch import Reason, UnreachableError
from app.actions import hosts
from app.actions.pruning import prune
from app.db import reading, transaction
from app.models import Actor, ActorKey, Host
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor

WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)


def met(world: World, name: str) -> RemoteActor:
    """Somebody whose only request came to nothing: the activity is not theirs."""
    stranger = RemoteActor(f"https://peer.example/users/{name}")
    world.meet(stranger)
    foreign = {**stranger.activity("Follow", world.actor(world.alice.id).uri), "id": "https://other.example/a/1"}
    assert world.send(stranger.post(foreign)).json["result"]["action"] == "ignored"
    assert world.stored_actor(stranger.uri) is not None
    return stranger


def prune_after(age: timedelta) -> None:
    prune(datetime.now(UTC) + age)


def test_who_is_named_nowhere_is_forgotten_after_a_week_and_met_again(world: World) -> None:
    stranger = met(world, "drifter")
    with reading() as session:
        keys = session.scalar(select(func.count()).select_from(ActorKey))

    prune_after(WEEK - HOUR)
    assert world.stored_actor(stranger.uri) is not None
    prune_after(WEEK + HOUR)
    assert world.stored_actor(stranger.uri) is None
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(ActorKey)) == (keys or 0) - 1

    asked = len(world.wire.asked)
    world.follow(stranger, world.actor(world.alice.id).uri, number=2)
    assert world.wire.asked[asked:] == [stranger.uri]
    assert world.get(f"/ap/users/{world.alice.id}/followers").json["totalItems"] == 1


def test_whoever_is_named_anywhere_is_kept(world: World) -> None:
    """By a follow, a message, a conversation, a ban; and whoever was deleted, so that the name is never given again."""
    channel = world.channel("harbour")
    follower, writer, reader, banned, deleted = (
        met(world, name) for name in ("follower", "writer", "reader", "banned", "deleted")
    )
    world.follow(follower, world.actor(channel).uri, number=2)
    alice = world.actor(world.alice.id).uri
    world.receive(writer, writer.activity("Create", writer.note(to=[alice]), to=[alice]))
    world.tell(world.alice, reader, "hello")
    world.ban(banned)
    with transaction() as session:
        session.execute(update(Actor).where(Actor.uri == deleted.uri).values(deleted_at=datetime.now(UTC)))

    prune_after(WEEK + HOUR)

    for kept in (follower, writer, reader, banned, deleted):
        assert world.stored_actor(kept.uri) is not None, kept.uri


def test_who_asks_as_somebody_that_was_forgotten_is_told_to_ask_again(world: World) -> None:
    """Their key is believed for a minute yet, and whose it is, is nowhere any more."""
    path = f"/ap/channels/{world.channel('staff', is_private=True)}"
    stranger = met(world, "drifter")
    assert world.send(stranger.get(path)).status_code == 404
    prune_after(WEEK + HOUR)

    answer = world.send(stranger.get(path))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    asked = len(world.wire.asked)
    assert world.send(stranger.get(path)).status_code == 404
    assert world.wire.asked[asked:] == [stranger.uri]


def test_hosts_that_are_only_named_get_no_row_beyond_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are left alone all the same."""
    follow = world.actor(world.alice.id).uri
    monkeypatch.setattr(hosts, "_MAX_HOSTS", 1)
    nobody = [RemoteActor(f"https://h{number}.example/users/x") for number in range(3)]
    for actor in nobody:
        world.wire.serve(actor.uri, UnreachableError("connection refused", reason=Reason.CONNECT))

    answers = [world.send(actor.post(actor.activity("Follow", follow))) for _ in range(2) for actor in nobody]

    assert {answer.status_code for answer in answers} == {503}
    assert world.wire.asked == [actor.uri for actor in nobody]
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Host)) == 1
