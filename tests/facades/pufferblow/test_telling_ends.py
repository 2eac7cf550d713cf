"""Sockets that have no business here any more, and end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.vocabulary import PUBLIC
from app.actions import tokens
from app.actions.tokens import TokenPair
from app.db import reading, transaction
from app.errors import UnauthenticatedError
from app.models import Account, Actor
from tests.facades.pufferblow.ears import Room, carol, lobby, room
from tests.world import Channel, World

__all__ = ["carol", "lobby", "room"]


def ban(world: World, person: Actor) -> None:
    world.perform(build.block(actor=world.alice.uri, object=person.uri, target=world.home.uri))


def test_ban_ends_all_sockets_of_the_banned_at_once(world: World, room: Room, lobby: Channel, carol: Actor) -> None:
    banned = [room.listen(carol), room.listen(carol), room.listen(carol, lobby)]
    ear = room.listen(world.bob)

    world.say(world.alice, lobby, "with carol")
    ban(world, carol)
    world.say(world.alice, lobby, "without carol")
    room.tell()

    assert [socket.closed for socket in banned] == [1008] * 3
    assert all("without carol" not in socket.texts for socket in banned)
    assert ear.texts == ["with carol", "without carol"]
    told = ear.last("member_removed")
    assert (told["channel_id"], told["user_id"]) == (None, carol.id)


def test_ban_is_of_the_account_until_it_is_lifted(world: World, carol: Actor) -> None:
    block = build.block(actor=world.alice.uri, object=carol.uri, target=world.home.uri)
    done = world.perform(block)
    assert _is_banned(world, carol)

    world.perform(build.undo(actor=world.alice.uri, object=build.with_id(block, done.uri)))
    assert not _is_banned(world, carol)


def test_deleted_account_loses_its_sockets(world: World, room: Room, carol: Actor) -> None:
    ear, others = room.listen(carol), room.listen(world.bob)

    tombstone = build.tombstone(id=carol.uri, former_type="Person", deleted=datetime.now(UTC))
    world.perform(build.delete(actor=carol.uri, object=tombstone, to=[PUBLIC]))
    room.tell()

    assert (ear.closed, others.closed) == (1008, None)


def test_sign_out_ends_the_sockets_of_that_session_alone(world: World, room: Room, lobby: Channel) -> None:
    first, session = _sign_in(world.bob)
    ear = room.listen(world.bob, session=session)
    narrowed = room.listen(world.bob, lobby, session=session)
    other, stranger = room.listen(world.bob), room.listen(world.alice)

    world.say(world.alice, lobby, "before")
    tokens.revoke(first.refresh_token)
    world.say(world.alice, lobby, "after")
    room.tell()

    assert (ear.closed, narrowed.closed, other.closed, stranger.closed) == (1008, 1008, None, None)
    assert (ear.texts, narrowed.texts) == (["before"], ["before"])
    assert other.texts == ["before", "after"]
    assert ("events", "") in world.wakes


def test_sign_out_twice_is_told_once(world: World) -> None:
    first, _ = _sign_in(world.bob)

    tokens.revoke(first.refresh_token)
    tokens.revoke(first.refresh_token)

    assert world.events() == ["session_ended"]


def test_refresh_token_that_comes_twice_ends_the_sockets_of_its_family(world: World, room: Room) -> None:
    first, session = _sign_in(world.bob)
    ear = room.listen(world.bob, session=session)
    tokens.refresh(first.refresh_token)
    room.tell()
    assert ear.closed is None

    with pytest.raises(UnauthenticatedError):
        tokens.refresh(first.refresh_token)
    room.tell()

    assert ear.closed == 1008


def _is_banned(world: World, person: Actor) -> bool:
    with reading() as session:
        return session.scalar(select(Account.banned_at).where(Account.actor_id == person.id)) is not None


def _sign_in(person: Actor) -> tuple[TokenPair, str]:
    """The tokens of a new login session, and its id."""
    with transaction() as session:
        pair = tokens.open_session(session, person.id)
    return pair, tokens.read_access_token(pair.access_token).session_id
