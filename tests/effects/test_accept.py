"""Accept and Reject: only the one who was asked answers, and only what was asked."""

from __future__ import annotations

import pytest

from activitypub import build
from activitypub.documents import Activity, parse_activity
from app.errors import NotFoundError
from app.models import Actor
from tests.databases import BACKENDS
from tests.world import World

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)
ANSWERS = {"Accept": build.accept, "Reject": build.reject}


def ask(world: World, asker: Actor, asked: Actor) -> Activity:
    """The Follow as the one who is asked has it."""
    outcome = world.perform(build.follow(actor=asker.uri, object=asked.uri))
    world.forget()
    return build.with_id(build.follow(actor=asker.uri, object=asked.uri), outcome.uri)


def test_accepted_follower_hears_from_now_on(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = ask(world, world.bob, zoe)

    world.perform(build.accept(actor=zoe.uri, object=follow))

    assert world.followers(zoe) == ["bob"]
    assert world.followers(zoe, state="pending") == []


def test_accept_by_a_channel_adds_the_member(world: World) -> None:
    group = world.actor("pond", "remote", type="Group")
    follow = ask(world, world.bob, group)

    world.perform(build.accept(actor=group.uri, object=follow))

    assert world.followers(group) == ["bob"]
    assert [(event.type, event.channel_id, event.actor_id) for event in world.event_rows()] == [
        ("member_added", group.id, world.bob.id)
    ]


def test_second_accept_adds_nobody(world: World) -> None:
    group = world.actor("pond", "remote", type="Group")
    follow = ask(world, world.bob, group)
    world.perform(build.accept(actor=group.uri, object=follow))
    world.forget()

    world.perform(build.accept(actor=group.uri, object=follow))

    assert world.followers(group) == ["bob"]
    assert world.events() == []


def test_accept_that_names_the_follow_by_its_uri_alone(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = ask(world, world.bob, zoe)
    accept = parse_activity({"@context": [], "type": "Accept", "actor": zoe.uri, "object": follow.id})

    world.perform(accept)

    assert world.followers(zoe) == ["bob"]


def test_accept_that_repeats_the_follow_under_an_id_of_its_own(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = ask(world, world.bob, zoe)

    world.perform(build.accept(actor=zoe.uri, object=build.with_id(follow, f"{zoe.uri}#follow")))

    assert world.followers(zoe) == ["bob"]


@pytest.mark.parametrize(("answer", "now"), [("Accept", ["bob"]), ("Reject", [])])
def test_answer_that_repeats_the_follow_without_its_id(world: World, answer: str, now: list[str]) -> None:
    zoe = world.actor("zoe", "remote")
    ask(world, world.bob, zoe)
    follow = {"type": "Follow", "actor": world.bob.uri, "object": zoe.uri}

    world.perform(parse_activity({"@context": [], "type": answer, "actor": zoe.uri, "object": follow}))

    assert (world.followers(zoe), world.followers(zoe, state="pending")) == (now, [])


def test_rejected_follower_follows_no_more(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = ask(world, world.bob, zoe)

    world.perform(build.reject(actor=zoe.uri, object=follow))

    assert world.followers(zoe) == world.followers(zoe, state="pending") == []
    assert world.events() == []


def test_member_put_out_by_a_late_reject_is_told(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    follow = build.follow(actor=world.bob.uri, object=pond.uri)

    world.perform(build.reject(actor=pond.uri, object=build.with_id(follow, f"{pond.uri}#follow")))

    assert world.members(pond) == []
    assert world.events() == ["member_removed"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_somebody_else_cannot_answer(world: World, answer: str) -> None:
    zoe, mallory = world.actor("zoe", "remote"), world.actor("mallory", "remote", host="evil.example")
    follow = ask(world, world.bob, zoe)

    with world.refuses(NotFoundError):
        world.perform(ANSWERS[answer](actor=mallory.uri, object=follow))


@pytest.mark.parametrize("answer", ANSWERS)
def test_swapping_who_was_asked_does_not_help(world: World, answer: str) -> None:
    zoe, mallory = world.actor("zoe", "remote"), world.actor("mallory", "remote", host="evil.example")
    follow = ask(world, world.bob, zoe)
    forged = build.with_id(build.follow(actor=world.bob.uri, object=mallory.uri), str(follow.id))

    with world.refuses(NotFoundError):
        world.perform(ANSWERS[answer](actor=mallory.uri, object=forged))


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_was_never_asked_cannot_be_answered(world: World, answer: str) -> None:
    mallory = world.actor("mallory", "remote")
    follow = build.with_id(build.follow(actor=world.bob.uri, object=mallory.uri), f"{mallory.uri}#follow")

    with world.refuses(NotFoundError):
        world.perform(ANSWERS[answer](actor=mallory.uri, object=follow))


def test_accept_after_the_follow_was_taken_back_counts_no_more(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = ask(world, world.bob, zoe)
    world.perform(build.undo(actor=world.bob.uri, object=follow))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(build.accept(actor=zoe.uri, object=follow))
