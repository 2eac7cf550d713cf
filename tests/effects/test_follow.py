"""Follow and Join: who may, who is asked, and what a repeat does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from activitypub import build
from app.db import transaction
from app.effects.follow import WAITING_MAX
from app.errors import ForbiddenError, InvalidInputError, NotFoundError, TooManyRequestsError
from app.models import Actor, Follow
from app.pipeline import compose
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


def test_join_of_the_home_space_from_elsewhere_is_a_follow_that_can_be_taken_back(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    join = world.identified(build.join(actor=zoe.uri, object=world.home.uri))
    before = {table: world.stored()[table] for table in ("follows", "members")}

    world.perform(join)

    assert "zoe" in world.followers(world.home)
    assert world.stored()["members"] == before["members"]
    assert world.deliveries() == [Sent("Accept", world.home.uri, "https://pond.example/inbox")]

    world.perform(build.undo(actor=zoe.uri, object=join))

    assert {table: world.stored()[table] for table in ("follows", "members")} == before


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


# Who may not is told, so that nobody waits for ever.


def target_of_refusal(world: World, mallory: Actor, why: str) -> Actor:
    match why:
        case "banned":
            return world.channel("lobby", banned=mallory).actor
        case "blocked":
            world.perform(build.block(actor=world.bob.uri, object=mallory.uri))
            return world.bob
        case "closed":
            den = world.channel("den", is_private=True)
            world.join(world.actor("zoe", "remote"), den)
            return den.actor
        case _:
            return world.instance


REFUSALS = pytest.mark.parametrize("why", ["banned", "blocked", "closed", "no followers"])


@REFUSALS
def test_one_of_ours_that_may_not_follow_is_refused(world: World, why: str) -> None:
    mallory = world.actor("mallory")
    target = target_of_refusal(world, mallory, why)

    with world.refuses(ForbiddenError, why):
        world.perform(build.follow(actor=mallory.uri, object=target.uri))


@REFUSALS
def test_somebody_elsewhere_that_may_not_follow_gets_a_reject_and_leaves_no_other_trace(world: World, why: str) -> None:
    mallory = world.actor("mallory", "remote")
    target = target_of_refusal(world, mallory, why)
    follow = world.identified(build.follow(actor=mallory.uri, object=target.uri))
    world.forget()

    with pytest.raises(ForbiddenError, match=why):
        world.perform(follow)

    assert world.deliveries() == [Sent("Reject", target.uri, "https://pond.example/inbox")]
    assert "mallory" not in world.followers(target) + world.followers(target, state="pending")
    assert follow.id not in [row.uri for row in world.log()]
    (reject,) = [row for row in world.log() if row.type == "Reject"]
    assert world.json(reject.uri)["object"] == {
        "id": follow.id,
        "type": "Follow",
        "actor": mallory.uri,
        "object": target.uri,
    }


def test_server_without_a_member_in_a_private_channel_does_not_hear_that_it_is_there(world: World) -> None:
    mallory = world.actor("mallory", "remote", host="evil.example")
    den = world.channel("den", is_private=True, members=[world.actor("zoe", "remote")])

    with world.refuses(ForbiddenError):
        world.perform(build.follow(actor=mallory.uri, object=den.uri))


@pytest.mark.parametrize("origin", ["local", "remote"])
@pytest.mark.parametrize("is_listed", [True, False])
def test_conference_is_not_followed(world: World, origin: str, is_listed: bool) -> None:
    """By ActivityPub alone nobody hears what it is, so a follow of it would wait for ever."""
    mallory = world.actor("mallory", origin)
    made, private = compose.space(world.viewer(world.alice), {"name": "Pond", "permissions": 0, "is_listed": is_listed})
    world.perform(made, private=private)
    follow = build.follow(actor=mallory.uri, object=str(made.object_id))

    with world.refuses(ForbiddenError, "joined"):
        world.perform(follow)


def test_nobody_follows_themselves(world: World) -> None:
    with world.refuses(InvalidInputError):
        world.perform(build.follow(actor=world.bob.uri, object=world.bob.uri))


# How many may wait (hostile case FED-01).


def crowd(world: World, target: Actor | None = None, asker: Actor | None = None) -> None:
    """As many unanswered follows of the target, or by the asker, as there may be."""
    now = moment()
    with transaction() as session:
        like = {name: getattr(world.bob, name) for name in ("type", "name", "created_at", "updated_at")}
        people = [
            like | {"id": f"user_{n}", "uri": f"https://mass.example/u/{n}", "inbox": f"https://mass.example/u/{n}/in"}
            for n in range(WAITING_MAX)
        ]
        session.execute(insert(Actor), [row | {"host": "mass.example", "preferred_username": "m"} for row in people])
        pairs = [(row["id"], target.id) if target else (asker.id if asker else "", row["id"]) for row in people]
        rows = [
            {"id": f"follow_{n}", "actor_id": by, "target_id": of, "state": "pending"}
            for n, (by, of) in enumerate(pairs)
        ]
        session.execute(
            insert(Follow),
            [row | {"activity_uri": f"https://mass.example/{n}", "created_at": now} for n, row in enumerate(rows)],
        )


def close(actor: Actor) -> None:
    with transaction() as session:
        session.execute(update(Actor).where(Actor.id == actor.id).values(manually_approves=True))


def test_so_many_wait_for_one_answer_and_no_more(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")
    close(world.bob)
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))
    crowd(world, target=world.bob)

    with pytest.raises(ForbiddenError, match="too many wait"):
        world.perform(build.follow(actor=yan.uri, object=world.bob.uri))
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))

    assert len(world.followers(world.bob, state="pending")) == WAITING_MAX + 1
    assert world.deliveries() == [Sent("Reject", world.bob.uri, "https://pond.example/inbox")]


def test_one_of_ours_waits_for_so_many_answers_and_no_more(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    crowd(world, asker=world.bob)

    with world.refuses(TooManyRequestsError):
        world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))


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
