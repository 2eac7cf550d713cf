"""Add and Remove: who is a member of a channel, and what is pinned in it."""

from __future__ import annotations

import pytest

from activitypub import build
from activitypub.documents import Activity
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import compose
from tests.world import Channel, Sent, World

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])
CHANGES = {"Add": build.add, "Remove": build.remove}
EITHER = pytest.mark.parametrize("change", CHANGES)


def changed(change: str, by: Actor, channel: Channel, person: Actor) -> Activity:
    return CHANGES[change](
        actor=by.uri, object=person.uri, target=f"{channel.uri}/followers", to=[channel.uri, person.uri]
    )


def test_moderator_lets_one_of_ours_in(world: World) -> None:
    den = world.channel("den", is_private=True)

    world.perform(compose.admission(world.viewer(world.alice), den.id, world.bob))

    assert world.members(den) == ["alice", "bob"]
    assert (world.deliveries(), world.events()) == ([], ["member_added"])


def test_moderator_lets_somebody_elsewhere_in_and_they_are_told(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    den = world.channel("den", is_private=True)

    world.perform(compose.admission(world.viewer(world.alice), den.id, zoe))

    assert world.members(den) == ["alice", "zoe"]
    assert world.deliveries() == [Sent("Add", world.alice.uri, "https://pond.example/inbox")]


@ORIGINS
def test_moderator_puts_a_member_out(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    den = world.channel("den", is_private=True, members=[zoe])

    world.perform(compose.expulsion(world.viewer(world.alice), den.id, zoe))

    assert world.members(den) == ["alice"]
    assert world.events() == ["member_removed"]


def test_adding_a_member_again_and_removing_nobody_is_told_to_nobody(world: World) -> None:
    den = world.channel("den", is_private=True, members=[world.bob])

    world.perform(compose.admission(world.viewer(world.alice), den.id, world.bob))
    world.perform(compose.expulsion(world.viewer(world.alice), den.id, world.actor("carol")))

    assert world.members(den) == ["alice", "bob"]
    assert world.events() == []


def test_one_of_ours_that_asked_is_let_into_another_servers_channel(world: World) -> None:
    pond = world.remote_channel("pond", is_private=True)
    zoe = world.actor("zoe", "remote")
    world.perform(build.follow(actor=world.bob.uri, object=pond.uri))

    world.perform(changed("Add", zoe, pond, world.bob))

    assert world.members(pond) == ["bob"]
    assert world.channel_row(pond).is_private
    assert world.events() == ["member_added"]


@pytest.mark.parametrize("who", ["the moderator", "the channel"])
def test_nobody_is_put_into_another_servers_channel_without_asking(world: World, who: str) -> None:
    pond = world.remote_channel("pond", is_private=True)
    zoe = world.actor("zoe", "remote")

    with world.refuses(ForbiddenError, "has not asked"):
        world.perform(changed("Add", zoe if who == "the moderator" else pond.actor, pond, world.bob))


def test_one_of_ours_is_put_out_of_another_servers_channel(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])

    world.perform(changed("Remove", pond.actor, pond, world.bob))

    assert world.members(pond) == []
    assert world.events() == ["member_removed"]


@EITHER
def test_member_without_the_privilege_may_not(world: World, change: str) -> None:
    den = world.channel("den", is_private=True, members=[world.bob])

    with world.refuses(ForbiddenError):
        world.perform(changed(change, world.bob, den, world.alice))


@EITHER
def test_nobody_elsewhere_changes_who_is_in_a_channel_of_ours(world: World, change: str) -> None:
    mallory = world.actor("mallory", "remote")
    den = world.channel("den", is_private=True, members=[mallory])

    with world.refuses(ForbiddenError):
        world.perform(changed(change, mallory, den, world.bob))


@EITHER
@ORIGINS
def test_nobody_changes_who_is_in_another_servers_channel(world: World, change: str, origin: str) -> None:
    mallory = world.actor("mallory", origin, host="evil.example")
    pond = world.remote_channel("pond", members=[world.bob])

    with world.refuses(ForbiddenError):
        world.perform(changed(change, mallory, pond, world.bob))


@pytest.mark.parametrize("who", ["the moderator", "the channel"])
def test_who_is_blocked_by_one_of_ours_does_not_let_it_in(world: World, who: str) -> None:
    pond = world.remote_channel("pond", members=[world.alice])
    zoe = world.actor("zoe", "remote")
    blocked = zoe if who == "the moderator" else pond.actor
    world.perform(build.block(actor=world.bob.uri, object=blocked.uri))

    with world.refuses(ForbiddenError, "blocked"):
        world.perform(changed("Add", zoe, pond, world.bob))


@ORIGINS
def test_who_blocks_the_maker_of_a_channel_is_let_in_by_nobody(world: World, origin: str) -> None:
    den, zoe = world.channel("den", is_private=True, members=[world.bob]), world.actor("zoe", origin)
    world.grant(world.bob, "moderator")
    world.perform(build.block(actor=zoe.uri, object=world.alice.uri))
    world.forget()

    with world.refuses(ForbiddenError, "blocked"):
        world.perform(changed("Add", world.bob, den, zoe))

    assert world.members(den) == ["alice", "bob"]


@ORIGINS
def test_banned_actor_is_not_let_in(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    den = world.channel("den", is_private=True, banned=mallory)

    with world.refuses(ForbiddenError, "banned"):
        world.perform(changed("Add", world.alice, den, mallory))


def test_only_people_are_members(world: World) -> None:
    den = world.channel("den", is_private=True)
    pond = world.remote_channel("pond")

    with world.refuses(InvalidInputError):
        world.perform(changed("Add", world.alice, den, pond.actor))


@EITHER
@pytest.mark.parametrize("collection", ["/inbox", "/nothing", ""])
def test_what_is_no_collection_of_a_channel_is_not_changed(world: World, change: str, collection: str) -> None:
    lobby = world.channel("lobby")
    activity = CHANGES[change](
        actor=world.alice.uri, object=world.bob.uri, target=f"{lobby.uri}{collection}", to=[lobby.uri]
    )

    with world.refuses(NotFoundError):
        world.perform(activity)


def test_message_is_pinned_and_taken_down(world: World) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "read this")
    featured = f"{lobby.uri}/featured"

    for _ in range(2):
        world.perform(build.add(actor=world.alice.uri, object=uri, target=featured, to=[lobby.uri]))
    assert [row[1] for row in world.stored()["pins"]] == [uri]

    world.perform(build.remove(actor=world.alice.uri, object=uri, target=featured, to=[lobby.uri]))
    assert world.stored()["pins"] == []


@pytest.mark.parametrize("which", ["of another channel", "deleted", "unknown"])
def test_only_messages_of_the_channel_are_pinned_in_it(world: World, which: str) -> None:
    lobby, other = world.channel("lobby"), world.channel("other")
    uri = world.say(world.bob, other if which == "of another channel" else lobby, "read this")
    if which == "deleted":
        world.perform(world.deleted(world.bob, uri))
    world.forget()
    pinned = f"{uri}x" if which == "unknown" else uri

    with world.refuses(NotFoundError):
        world.perform(build.add(actor=world.alice.uri, object=pinned, target=f"{lobby.uri}/featured", to=[lobby.uri]))


def test_what_was_not_pinned_is_taken_down_without_a_word(world: World) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "read this")
    world.forget()

    world.perform(build.remove(actor=world.alice.uri, object=uri, target=f"{lobby.uri}/featured", to=[lobby.uri]))

    assert world.events() == []


@pytest.mark.parametrize("where", ["in a private channel", "in a conversation", "in another of its server"])
def test_channel_elsewhere_takes_down_nothing_that_stands_elsewhere(world: World, where: str) -> None:
    """Whoever is told of a message by an event learns that it is there."""
    pond, lake = (world.remote_channel(name, members=[world.bob]) for name in ("pond", "lake"))
    zoe = world.actor("zoe", "remote")
    uri = {
        "in a private channel": lambda: world.say(world.alice, world.channel("den", is_private=True), "hidden"),
        "in a conversation": lambda: world.tell(world.alice, [zoe], "hidden"),
        "in another of its server": lambda: world.relay(lake, world.created(zoe, lake, "read this")),
    }[where]()
    featured = f"{pond.uri}/featured"
    world.forget()

    for by in (zoe, pond.actor):
        with world.refuses(NotFoundError):
            world.perform(build.remove(actor=by.uri, object=uri, target=featured, to=[pond.uri]))


def test_channel_elsewhere_takes_down_what_it_has_pinned(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    uri = world.relay(pond, world.created(world.actor("zoe", "remote"), pond, "read this"))
    world.perform(build.add(actor=pond.uri, object=uri, target=f"{pond.uri}/featured", to=[pond.uri]))
    world.forget()

    world.perform(build.remove(actor=pond.uri, object=uri, target=f"{pond.uri}/featured", to=[pond.uri]))

    assert (world.stored()["pins"], world.events()) == ([], ["message_pinned"])


def test_member_may_not_pin(world: World) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "read this")
    world.forget()

    with world.refuses(ForbiddenError):
        world.perform(build.add(actor=world.bob.uri, object=uri, target=f"{lobby.uri}/featured", to=[lobby.uri]))
