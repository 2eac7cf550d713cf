"""Undo: everybody takes back what they did themselves, and what comes late stays undone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activitypub import build
from activitypub.documents import Activity, parse_activity
from app.errors import ForbiddenError, NotFoundError
from app.pipeline import compose
from tests.databases import BACKENDS
from tests.world import Sent, World, moment

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)
ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


@ORIGINS
def test_follower_that_takes_it_back_follows_no_more(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby")
    follow = build.follow(actor=zoe.uri, object=lobby.uri)
    outcome = world.perform(follow)
    world.forget()

    world.perform(build.undo(actor=zoe.uri, object=build.with_id(follow, outcome.uri)))

    assert world.members(lobby) == []
    assert world.events() == ["member_removed"]
    assert world.logged(outcome.uri).undone_at is not None


def test_one_of_ours_unfollows_somebody_elsewhere(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])

    world.perform(compose.unfollow(world.viewer(world.bob), pond.actor))

    assert world.members(pond) == []
    assert world.deliveries() == [Sent("Undo", world.bob.uri, "https://pond.example/inbox")]


@pytest.mark.parametrize("how", ["by its URI", "without its id", "under another id"])
def test_follow_may_be_named_in_any_way(world: World, how: str) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.perform(follow)
    named: dict[str, object] = {"type": "Follow", "actor": zoe.uri, "object": world.bob.uri}
    spelled = {
        "by its URI": follow.id,
        "without its id": named,
        "under another id": named | {"id": f"{zoe.uri}#follows/99"},
    }[how]

    world.perform(_undo(zoe.uri, spelled))

    assert world.followers(world.bob) == []


@ORIGINS
def test_reaction_is_taken_back(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby", members=[world.actor("yan", "remote", host="lake.example")])
    uri = world.say(world.bob, lobby, "hello")
    like = build.like(actor=zoe.uri, object=uri, to=[world.bob.uri], content="🎈")
    outcome = world.perform(like)
    world.forget()

    undone = world.perform(build.undo(actor=zoe.uri, object=build.with_id(like, outcome.uri)))

    assert world.reactions(uri) == {}
    assert world.events() == ["message_reaction_removed"]
    assert world.deliveries() == [Sent("Announce", lobby.uri, "https://lake.example/inbox")]
    assert world.logged(undone.uri).audience == "public"


def test_undo_of_a_reaction_in_a_conversation_goes_to_peoples_own_inboxes(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.tell(zoe, [world.bob], "psst")
    like = build.like(actor=world.bob.uri, object=uri, to=[zoe.uri])
    outcome = world.perform(like)
    world.forget()

    world.perform(build.undo(actor=world.bob.uri, object=build.with_id(like, outcome.uri)))

    assert world.deliveries() == [Sent("Undo", world.bob.uri, zoe.inbox)]


def test_share_is_taken_back(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    announce = world.identified(build.announce(actor=zoe.uri, object=uri, published=moment(), to=[]))
    world.perform(announce)

    world.perform(build.undo(actor=zoe.uri, object=announce))

    assert world.stored()["shares"] == []


@ORIGINS
def test_block_is_lifted(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    block = build.block(actor=zoe.uri, object=world.bob.uri)
    outcome = world.perform(block)

    world.perform(build.undo(actor=zoe.uri, object=build.with_id(block, outcome.uri)))

    assert world.blocks() == []


def test_ban_is_lifted_by_another_moderator(world: World) -> None:
    mallory, carol = world.actor("mallory", "remote"), world.actor("carol")
    world.grant(carol, "moderator")
    ban = build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri)
    outcome = world.perform(ban)

    world.perform(build.undo(actor=carol.uri, object=build.with_id(ban, outcome.uri)))

    assert world.blocks() == []


def test_ban_is_not_lifted_by_a_member(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    ban = build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri)
    outcome = world.perform(ban)

    with world.refuses(ForbiddenError):
        world.perform(build.undo(actor=world.bob.uri, object=build.with_id(ban, outcome.uri)))


@ORIGINS
@pytest.mark.parametrize("naming", ["embedded", "by its URI", "as one's own"])
def test_nobody_takes_back_what_another_did(world: World, origin: str, naming: str) -> None:
    mallory, zoe = world.actor("mallory", origin), world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.perform(follow)
    own = {"type": "Follow", "id": follow.id, "actor": mallory.uri, "object": world.bob.uri}
    named = {"embedded": follow.document, "by its URI": follow.id, "as one's own": own}[naming]

    with world.refuses(ForbiddenError):
        world.perform(_undo(mallory.uri, named))


@ORIGINS
@pytest.mark.parametrize("type_", ["Create", "Accept"])
def test_what_cannot_be_undone_is_not(world: World, origin: str, type_: str) -> None:
    mallory = world.actor("mallory", origin)

    with world.refuses(NotFoundError):
        world.perform(_undo(mallory.uri, {"type": type_, "actor": mallory.uri, "object": f"{mallory.uri}/x"}))


def test_second_undo_of_the_same_follow_is_harmless(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.perform(follow)
    world.perform(build.undo(actor=zoe.uri, object=follow))
    world.forget()

    world.perform(build.undo(actor=zoe.uri, object=follow))

    assert (world.followers(world.bob), world.events()) == ([], [])


# Reordered on the way (fault F26): the end is the same as in order.


@pytest.mark.parametrize("naming", ["embedded", "by its URI"])
def test_follow_that_comes_after_its_undo_stays_undone(world: World, naming: str) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(_undo(zoe.uri, follow.document if naming == "embedded" else follow.id), signed_at=now)

    outcome = world.perform(follow, signed_at=now - timedelta(hours=0.1))

    assert outcome.is_repeat
    assert world.followers(world.bob) == []


@pytest.mark.parametrize("naming", ["embedded", "by its URI"])
def test_like_that_comes_after_its_undo_stays_undone(world: World, naming: str) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    like = world.identified(build.like(actor=zoe.uri, object=uri, to=[world.bob.uri]))
    world.perform(_undo(zoe.uri, like.document if naming == "embedded" else like.id))

    outcome = world.perform(like, signed_at=moment(hours=1))

    assert outcome.is_repeat
    assert world.reactions(uri) == {}


def test_late_undo_of_an_old_follow_leaves_the_new_one(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    old, new = (world.identified(build.follow(actor=zoe.uri, object=world.bob.uri)) for _ in range(2))
    now = moment()
    world.perform(old, signed_at=now)
    world.perform(new, signed_at=now + timedelta(hours=2))

    world.perform(build.undo(actor=zoe.uri, object=old), signed_at=now + timedelta(hours=1))

    assert world.followers(world.bob) == ["zoe"]


@pytest.mark.parametrize("naming", ["embedded", "by its URI"])
def test_undo_that_is_dated_before_its_own_follow_is_done_all_the_same(world: World, naming: str) -> None:
    """Its server's clock was put right meanwhile, or the two were sent in one second."""
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(follow, signed_at=now)

    undo = _undo(zoe.uri, follow.document if naming == "embedded" else follow.id)
    world.perform(undo, signed_at=now - timedelta(minutes=50))

    assert world.followers(world.bob) == []
    assert world.logged(str(follow.id)).undone_at is not None


def test_early_undo_by_somebody_else_of_the_same_server_does_not_count(world: World) -> None:
    zoe, mallory = world.actor("zoe", "remote"), world.actor("mallory", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.perform(_undo(mallory.uri, follow.id))

    world.perform(follow)

    assert world.followers(world.bob) == ["zoe"]


@pytest.mark.parametrize("others", ["before", "after"])
def test_early_undo_of_ones_own_counts_whoever_else_says_so(world: World, others: str) -> None:
    zoe, neighbour = world.actor("zoe", "remote"), world.actor("neighbour", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    like = world.identified(build.like(actor=zoe.uri, object=uri, to=[world.bob.uri]))
    for actor in (neighbour, zoe) if others == "before" else (zoe, neighbour):
        world.perform(_undo(actor.uri, like.id))
    world.forget()

    assert world.perform(like).is_repeat
    assert (world.reactions(uri), world.events()) == ({}, [])


def test_follow_lives_again_though_somebody_else_of_the_same_server_undid_it_early(world: World) -> None:
    zoe, neighbour = world.actor("zoe", "remote"), world.actor("neighbour", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(_undo(neighbour.uri, follow.id), signed_at=now)
    world.perform(follow, signed_at=now - timedelta(minutes=20))
    world.perform(build.undo(actor=zoe.uri, object=follow), signed_at=now - timedelta(minutes=10))
    undone = world.followers(world.bob)

    world.perform(follow, signed_at=now - timedelta(minutes=5))

    assert (undone, world.followers(world.bob)) == ([], ["zoe"])


def test_early_undo_of_what_is_on_another_server_is_refused(world: World) -> None:
    mallory = world.actor("mallory", "remote", host="evil.example")

    with world.refuses(NotFoundError):
        world.perform(_undo(mallory.uri, "https://pond.example/activities/77"))


def test_tombstone_keeps_the_latest_time_of_two_undos(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))
    now = moment()
    world.perform(build.undo(actor=zoe.uri, object=follow), signed_at=now + timedelta(hours=2))
    world.perform(build.undo(actor=zoe.uri, object=follow), signed_at=now)

    outcome = world.perform(follow, signed_at=now + timedelta(hours=1))

    assert outcome.is_repeat


def _undo(actor: str, undone: object) -> Activity:
    return parse_activity({"@context": [], "type": "Undo", "actor": actor, "object": undone})
