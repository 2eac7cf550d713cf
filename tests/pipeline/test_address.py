"""Address: each inbox once, and no inbox that nobody meant."""

from __future__ import annotations

import pytest

from activitypub import build
from app.errors import NotFoundError
from app.pipeline import compose
from tests.world import Sent, World, moment

SHARED = "https://pond.example/inbox"
LAKE = "https://lake.example/inbox"


def inboxes(world: World) -> list[str]:
    return sorted(sent.inbox for sent in world.deliveries())


def test_followers_of_one_server_share_its_inbox(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")
    xan = world.actor("xan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe, yan, xan])

    world.say(world.bob, lobby, "hello")

    assert inboxes(world) == [LAKE, LAKE, SHARED, SHARED]  # The Announce of the activity, and that of the note.


def test_follower_without_a_shared_inbox_has_its_own(world: World) -> None:
    zoe = world.actor("zoe", "remote", shared_inbox="")
    lobby = world.channel("lobby", members=[zoe])

    world.say(world.bob, lobby, "hello")

    assert set(inboxes(world)) == {zoe.inbox}


def test_shared_inbox_on_another_server_is_not_used(world: World) -> None:
    """Hostile case FED-05."""
    zoe = world.actor("zoe", "remote", shared_inbox="https://victim.example/inbox")
    lobby = world.channel("lobby", members=[zoe])

    world.say(world.bob, lobby, "hello")

    assert set(inboxes(world)) == {zoe.inbox}


def test_follower_that_waits_for_an_answer_hears_nothing_yet(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    den = world.channel("den", is_private=True)
    with pytest.raises(Exception, match="closed"):
        world.perform(build.follow(actor=zoe.uri, object=den.uri))

    world.say(world.alice, den, "hush")

    assert world.deliveries() == []


def test_actor_addressed_and_following_is_told_once(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))
    world.forget()

    note = world.note(world.bob, "x", id="https://chat.example/ap/messages/msg_1")
    update = build.update(actor=world.bob.uri, object=note, to=[zoe.uri], cc=[world.bob.followers or ""])
    with world.refuses(NotFoundError):
        world.perform(update)
    tombstone = build.tombstone(id=world.bob.uri, former_type="Person", deleted=moment())
    world.perform(
        build.delete(actor=world.bob.uri, object=tombstone, to=[zoe.uri, zoe.uri], cc=[world.bob.followers or ""])
    )

    assert inboxes(world) == [SHARED]


def test_followers_collection_is_opened_for_its_owner_alone(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    like = build.like(actor=world.bob.uri, object=world.say(world.alice, lobby, "hi"), to=[lobby.actor.followers or ""])
    world.forget()

    world.perform(like)

    assert [(sent.type, sent.sender) for sent in world.deliveries()] == [("Announce", lobby.uri)]


def test_mentioned_actor_elsewhere_is_told_itself(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")

    world.say(world.bob, lobby, "hi @zoe@pond.example")

    assert world.deliveries() == [Sent("Create", world.bob.uri, SHARED)]
    assert zoe.uri in str([world.json(row.uri) for row in world.log()][-1]["cc"])


def test_unknown_public_and_local_addresses_are_no_inboxes(world: World) -> None:
    follow = build.follow(actor=world.bob.uri, object=world.alice.uri)

    world.perform(build._activity("Follow", follow.actor, world.alice.uri, to=["https://pond.example/users/nobody"]))

    assert world.deliveries() == []


def test_deleted_actor_is_no_address(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(zoe, lobby, "bye")
    tombstone = build.tombstone(id=zoe.uri, former_type="Person", deleted=moment())
    world.perform(build.delete(actor=zoe.uri, object=tombstone, to=[]))
    world.forget()

    world.say(world.bob, lobby, "who was that?")

    assert world.text(uri) is None
    assert world.deliveries() == []


# An edit or a deletion reaches those who only understand it from its author (contracts/peers.md, 4).


@pytest.mark.parametrize("change", ["edit", "deletion"])
def test_author_of_ours_tells_the_channels_followers_itself(world: World, change: str) -> None:
    zoe, xan = world.actor("zoe", "remote"), world.actor("xan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe, xan])
    uri = world.say(world.bob, lobby, "hello")
    world.forget()

    world.perform(world.edited(world.bob, uri, "hi") if change == "edit" else world.deleted(world.bob, uri))

    type_ = "Update" if change == "edit" else "Delete"
    told = [(sent.type, sent.sender, sent.inbox) for sent in world.deliveries()]
    assert sorted(told) == [
        ("Announce", lobby.uri, LAKE),
        ("Announce", lobby.uri, SHARED),
        (type_, world.bob.uri, LAKE),
        (type_, world.bob.uri, SHARED),
    ]


@pytest.mark.parametrize("change", ["edit", "deletion"])
def test_in_a_private_channel_only_those_who_heard_of_it_are_told(world: World, change: str) -> None:
    zoe, xan = world.actor("zoe", "remote"), world.actor("xan", "remote", host="lake.example")
    den = world.channel("den", is_private=True, members=[zoe])
    uri = world.say(world.alice, den, "hush")
    world.join(xan, den)
    world.forget()

    world.perform(world.edited(world.alice, uri, "sh") if change == "edit" else world.deleted(world.alice, uri))

    assert inboxes(world) == [SHARED]


def test_moderator_does_not_speak_in_the_authors_name(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])
    uri = world.say(world.bob, lobby, "spam")
    world.forget()

    world.perform(compose.deletion(world.viewer(world.alice), world.message(uri).id))

    assert [(sent.type, sent.sender) for sent in world.deliveries()] == [("Announce", lobby.uri), ("Undo", lobby.uri)]


def test_edit_in_another_servers_channel_goes_to_its_home_and_not_to_its_followers_here(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    xan = world.actor("xan", "remote", host="lake.example")
    world.perform(build.add(actor=pond.uri, object=xan.uri, target=f"{pond.uri}/followers", to=[]))
    uri = world.say(world.bob, pond, "hello")
    world.forget()

    world.perform(world.edited(world.bob, uri, "hi"))

    assert inboxes(world) == [SHARED]
