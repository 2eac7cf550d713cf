"""Follow and Join: who may, who is asked, and what a repeat does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activitypub import build
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from tests.founding import URIS
from tests.world import Sent, World, moment


def test_remote_actor_becomes_a_member_of_an_open_channel_and_is_told(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")

    world.perform(build.follow(actor=zoe.uri, object=lobby.uri))

    assert world.members(lobby) == ["zoe"]
    assert world.deliveries() == [Sent("Accept", lobby.uri, "https://pond.example/inbox")]
    assert world.events() == ["member_added"]


def test_local_actor_becomes_a_member_of_an_open_channel_without_an_answer(world: World) -> None:
    lobby = world.channel("lobby")

    world.perform(build.follow(actor=world.bob.uri, object=lobby.uri))

    assert world.members(lobby) == ["bob"]
    assert (world.deliveries(), world.events()) == ([], ["member_added"])


def test_person_is_followed_without_anybody_being_added_to_a_channel(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))

    assert world.followers(world.bob) == ["zoe"]
    assert world.deliveries() == [Sent("Accept", world.bob.uri, "https://pond.example/inbox")]
    assert world.events() == []


def test_accept_names_the_follow_as_takahe_needs_it(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    follow = world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))

    (accept,) = [row for row in world.log() if row.type == "Accept"]
    assert world.json(accept.uri)["object"] == {
        "id": follow.uri,
        "type": "Follow",
        "actor": zoe.uri,
        "object": world.bob.uri,
    }


def test_actor_elsewhere_is_asked_and_may_yet_refuse(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    outcome = world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))

    assert world.followers(zoe) == []
    assert world.followers(zoe, state="pending") == ["bob"]
    assert world.deliveries() == [Sent("Follow", world.bob.uri, "https://pond.example/inbox")]
    assert outcome.found["target_inbox"] == zoe.inbox


@pytest.mark.parametrize("is_private", [True, False])
def test_channel_elsewhere_is_ours_to_read_from_the_first_follow(world: World, is_private: bool) -> None:
    pond = world.remote_channel("pond", members=[world.bob], is_private=is_private)

    assert world.members(pond) == ["bob"]
    assert world.channel_row(pond).is_private is is_private
    assert world.channel_row(pond).space_id is None


def test_channel_elsewhere_with_a_long_name_fits(world: World) -> None:
    pond = world.remote_channel("p" * 250, members=[world.bob])

    assert world.channel_row(pond).name == f"{'p' * 250}@pond"


def test_repeated_follow_changes_nothing(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.perform(follow)
    before = world.stored()

    outcome = world.perform(follow)

    assert outcome.is_repeat
    assert world.stored() == before


def test_member_that_follows_again_is_accepted_again_and_announced_once(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])

    world.perform(build.follow(actor=zoe.uri, object=lobby.uri))

    assert world.members(lobby) == ["zoe"]
    assert [sent.type for sent in world.deliveries()] == ["Accept"]
    assert world.events() == []


def test_member_of_a_private_channel_that_follows_it_is_accepted(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    den = world.channel("den", is_private=True, members=[zoe])

    world.perform(build.follow(actor=zoe.uri, object=den.uri))

    assert [sent.type for sent in world.deliveries()] == ["Accept"]


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_stranger_may_not_follow_a_private_channel(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    den = world.channel("den", is_private=True)

    with world.refuses(ForbiddenError):
        world.perform(build.follow(actor=mallory.uri, object=den.uri))


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_banned_actor_may_not_follow(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    lobby = world.channel("lobby", banned=mallory)

    with world.refuses(ForbiddenError, "banned"):
        world.perform(build.follow(actor=mallory.uri, object=lobby.uri))


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_blocked_actor_may_not_follow(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    world.perform(build.block(actor=world.bob.uri, object=mallory.uri))

    with world.refuses(ForbiddenError, "blocked"):
        world.perform(build.follow(actor=mallory.uri, object=world.bob.uri))


def test_nobody_follows_themselves(world: World) -> None:
    with world.refuses(InvalidInputError):
        world.perform(build.follow(actor=world.bob.uri, object=world.bob.uri))


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_nobody_follows_the_instance(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)

    with world.refuses(ForbiddenError):
        world.perform(build.follow(actor=mallory.uri, object=URIS.instance))


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_who_is_not_there_is_not_followed(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)

    with world.refuses(NotFoundError):
        world.perform(build.follow(actor=mallory.uri, object=URIS.user("user_nobody")))


def test_follow_between_two_others_is_none_of_ours(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")

    with world.refuses(ForbiddenError):
        world.perform(build.follow(actor=zoe.uri, object=yan.uri))


# Takahe uses the id of an undone Follow again (contracts/peers.md, 8).


def test_follow_with_the_id_of_an_undone_one_lives_if_it_was_signed_later(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(follow, signed_at=now)
    world.perform(build.undo(actor=zoe.uri, object=follow), signed_at=now + timedelta(hours=1))

    outcome = world.perform(follow, signed_at=now + timedelta(hours=2))

    assert not outcome.is_repeat
    assert world.followers(world.bob) == ["zoe"]
    assert [row.undone_at for row in world.log() if row.uri == follow.id] == [None]


def test_follow_that_lives_again_may_be_sent_more_than_once(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(follow, signed_at=now)
    world.perform(build.undo(actor=zoe.uri, object=follow), signed_at=now + timedelta(hours=1))
    world.perform(follow, signed_at=now + timedelta(hours=2))

    outcome = world.perform(follow, signed_at=now + timedelta(hours=3))

    assert outcome.is_repeat
    assert world.followers(world.bob) == ["zoe"]


def test_replay_of_an_undone_follow_stays_dead(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(follow, signed_at=now)
    world.perform(build.undo(actor=zoe.uri, object=follow), signed_at=now + timedelta(hours=1))

    outcome = world.perform(follow, signed_at=now)

    assert outcome.is_repeat
    assert world.followers(world.bob) == []
