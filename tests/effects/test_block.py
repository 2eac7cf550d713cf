"""Block: between two actors, or a ban from the home space."""

from __future__ import annotations

import pytest

from activitypub import build
from activitypub.vocabulary import PUBLIC
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from tests.databases import BACKENDS
from tests.founding import URIS
from tests.world import World

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)
ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


@ORIGINS
def test_block_parts_the_two(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))
    world.forget()

    world.perform(build.block(actor=zoe.uri, object=world.bob.uri))

    assert world.blocks() == [("bob", None)]
    assert world.followers(world.bob) == world.followers(zoe) == world.followers(zoe, state="pending") == []
    assert (world.deliveries(), world.events()) == ([], ["account_changed"] if origin == "local" else [])


@ORIGINS
def test_second_block_of_the_same_actor_is_the_same_block(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    block = build.block(actor=zoe.uri, object=world.bob.uri)
    world.perform(block)
    second = world.perform(block)
    assert world.blocks() == [("bob", None)]

    world.perform(build.undo(actor=zoe.uri, object=build.with_id(block, second.uri)))

    assert world.blocks() == []


@ORIGINS
def test_banned_actor_is_put_out_of_every_channel(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    lobby = world.channel("lobby", members=[mallory])
    den = world.channel("den", is_private=True, members=[mallory])

    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))

    assert (world.members(lobby), world.members(den)) == ([], ["alice"])
    assert world.blocks() == [("mallory", world.home.id)]
    assert [(event.type, event.channel_id, event.actor_id) for event in world.event_rows()] == [
        ("member_removed", world.home.id, mallory.id)
    ]


def test_who_is_banned_says_nothing_to_the_people_of_this_server_either(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    before, from_bob = world.tell(mallory, [world.bob], "hello"), world.tell(world.bob, [mallory], "hi")
    activities = [
        world.edited(mallory, before, "worse", to=[world.bob.uri]),
        build.like(actor=mallory.uri, object=from_bob, content=":words:", to=[world.bob.uri]),
        build.create(actor=mallory.uri, object=world.note(mallory, "again", to=[world.bob.uri])),
        build.create(actor=mallory.uri, object=world.note(mallory, "@bob", to=[PUBLIC, world.bob.uri])),
    ]
    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))
    world.forget()

    for activity in activities:
        with world.refuses(ForbiddenError):
            world.perform(activity)
    with pytest.raises(ForbiddenError, match="banned from this server"):
        world.perform(build.follow(actor=mallory.uri, object=world.bob.uri))

    assert (world.text(before), world.reactions(from_bob), world.events()) == ("hello", {}, [])
    assert [(sent.type, sent.sender) for sent in world.deliveries()] == [("Reject", world.bob.uri)]
    world.perform(world.deleted(mallory, before))
    assert world.text(before) is None


def test_public_note_of_who_is_banned_stays_where_it_was_passed_on(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    pond = world.remote_channel("pond", members=[world.bob])
    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))
    note = world.note(mallory, "hello", to=[PUBLIC, pond.uri, world.bob.uri])

    uri = world.relay(pond, world.identified(build.create(actor=mallory.uri, object=note)))

    assert world.message(uri).channel_id == pond.id


def test_ban_by_two_moderators_is_one_ban(world: World) -> None:
    mallory, carol = world.actor("mallory", "remote"), world.actor("carol")
    world.grant(carol, "moderator")
    for moderator in (world.alice, carol):
        ban = build.block(actor=moderator.uri, object=mallory.uri, target=world.home.uri)
        outcome = world.perform(ban)

    world.perform(build.undo(actor=carol.uri, object=build.with_id(ban, outcome.uri)))

    assert world.blocks() == []


def test_ban_and_block_by_the_same_actor_are_two(world: World) -> None:
    mallory = world.actor("mallory", "remote")

    world.perform(build.block(actor=world.alice.uri, object=mallory.uri))
    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))

    assert sorted(world.blocks(), key=str) == sorted([("mallory", None), ("mallory", world.home.id)], key=str)


@ORIGINS
def test_member_may_not_ban(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)

    with world.refuses(ForbiddenError):
        world.perform(build.block(actor=mallory.uri, object=world.bob.uri, target=world.home.uri))


def test_owner_is_not_banned(world: World) -> None:
    carol = world.actor("carol")
    world.grant(carol, "moderator")

    with world.refuses(ForbiddenError, "owner"):
        world.perform(build.block(actor=carol.uri, object=world.alice.uri, target=world.home.uri))


def test_nobody_is_banned_from_what_is_no_space_of_ours(world: World) -> None:
    lobby = world.channel("lobby")
    mallory = world.actor("mallory", "remote")

    with world.refuses(ForbiddenError):
        world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=lobby.uri))


def test_nobody_blocks_themselves(world: World) -> None:
    with world.refuses(InvalidInputError):
        world.perform(build.block(actor=world.bob.uri, object=world.bob.uri))


@ORIGINS
def test_who_is_not_there_is_not_blocked(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)

    with world.refuses(NotFoundError):
        world.perform(build.block(actor=zoe.uri, object=URIS.user("user_nobody")))


def test_block_between_two_others_is_none_of_ours(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")

    with world.refuses(ForbiddenError):
        world.perform(build.block(actor=zoe.uri, object=yan.uri))


def test_repeated_block_changes_nothing(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    block = world.identified(build.block(actor=zoe.uri, object=world.bob.uri))
    world.perform(block)
    before = world.stored()

    assert world.perform(block).is_repeat
    assert world.stored() == before
