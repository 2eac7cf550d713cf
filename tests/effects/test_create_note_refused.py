"""Create a Note: who may not write, where, and what."""

from __future__ import annotations

import pytest

from activitypub import build
from activitypub.documents import Activity
from activitypub.vocabulary import PUBLIC
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import compose
from tests.founding import ORIGIN, URIS
from tests.world import Channel, World, moment

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


def create(world: World, author: Actor, channel: Channel, text: str = "hello", **fields: object) -> Activity:
    """The Create of a message in a channel, whoever its author is."""
    if author.is_local:
        return compose.channel_message(world.viewer(author), channel.id, text)
    note = world.note(author, text, to=[channel.uri, PUBLIC], audience=[channel.uri], **fields)
    return build.create(actor=author.uri, object=note)


@ORIGINS
def test_banned_actor_may_not_write(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    lobby = world.channel("lobby")
    activity = create(world, mallory, lobby)
    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))

    with world.refuses(ForbiddenError, "banned"):
        world.perform(activity)


def test_account_banned_from_the_server_may_not_write(world: World) -> None:
    activity = create(world, world.bob, world.channel("lobby"))
    world.change_account(world.bob, banned_at=moment())

    with world.refuses(ForbiddenError, "banned"):
        world.perform(activity)


def test_account_that_is_timed_out_may_not_write_until_then(world: World) -> None:
    lobby = world.channel("lobby")
    world.change_account(world.bob, timed_out_until=moment(hours=1))
    with world.refuses(ForbiddenError, "timed out until"):
        world.perform(create(world, world.bob, lobby))

    world.change_account(world.bob, timed_out_until=moment(hours=-1))
    world.perform(create(world, world.bob, lobby))

    assert world.texts(lobby) == ["hello"]


def test_stranger_from_elsewhere_may_not_write_in_a_private_channel(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    den = world.channel("den", is_private=True)

    with world.refuses(NotFoundError):
        world.perform(create(world, mallory, den))


def test_local_stranger_may_not_write_in_a_private_channel(world: World) -> None:
    den = world.channel("den", is_private=True)
    note = world.note(world.bob, "hello", to=[den.uri], id=URIS.message("msg_1"))

    with world.refuses(NotFoundError):
        world.perform(build.create(actor=world.bob.uri, object=note))


def test_nobody_writes_in_a_voice_channel(world: World) -> None:
    stage = world.channel("stage", type="voice")

    with world.refuses(InvalidInputError, "voice-only"):
        world.perform(create(world, world.bob, stage))


@ORIGINS
def test_blocked_actor_may_not_write_to_who_blocks_it(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    world.perform(build.block(actor=world.bob.uri, object=mallory.uri))
    world.forget()

    with world.refuses(ForbiddenError, "does not take messages"):
        world.tell(mallory, [world.bob], "psst")


def test_one_of_ours_may_not_write_to_who_blocks_it_elsewhere(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    world.perform(build.block(actor=zoe.uri, object=world.bob.uri))

    with world.refuses(ForbiddenError, "does not take messages"):
        world.tell(world.bob, [zoe], "psst")


@pytest.mark.parametrize("victim", ["of another server", "of the same server", "of ours"])
def test_nobody_writes_in_anothers_name(world: World, victim: str) -> None:
    mallory = world.actor("mallory", "remote")
    author = {
        "of another server": lambda: world.actor("zoe", "remote", host="lake.example"),
        "of the same server": lambda: world.actor("zoe", "remote"),
        "of ours": lambda: world.bob,
    }[victim]()
    lobby = world.channel("lobby")
    note = world.note(author, "forged", to=[lobby.uri, PUBLIC])

    with world.refuses(ForbiddenError):
        world.perform(build.create(actor=mallory.uri, object=note))


@pytest.mark.parametrize("id_", [f"{ORIGIN}/ap/messages/evil", "https://lake.example/notes/1"])
def test_nobody_makes_an_object_on_another_server(world: World, id_: str) -> None:
    mallory = world.actor("mallory", "remote")
    lobby = world.channel("lobby")

    with world.refuses(ForbiddenError):
        world.perform(create(world, mallory, lobby, id=id_))


def test_note_for_nobody_here_is_refused(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")
    note = world.note(zoe, "psst", to=[yan.uri])

    with world.refuses(NotFoundError, "nobody here"):
        world.perform(build.create(actor=zoe.uri, object=note))


@ORIGINS
def test_message_that_says_nothing_is_refused(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby")
    uri = URIS.message("msg_1") if origin == "local" else f"{zoe.uri}/1"
    note = world.note(zoe, "", to=[lobby.uri, PUBLIC], id=uri) | {"content": ""}

    with world.refuses(InvalidInputError):
        world.perform(build.create(actor=zoe.uri, object=note))


def test_message_of_ours_may_not_be_too_long(world: World) -> None:
    lobby = world.channel("lobby")

    with world.refuses(InvalidInputError, "too long"):
        world.perform(create(world, world.bob, lobby, "x" * 50_001))
    world.perform(create(world, world.bob, lobby, "x" * 50_000))

    assert world.texts(lobby) == ["x" * 50_000]


@pytest.mark.parametrize("whose", ["its author's", "a neighbour's", "a neighbour's who is gone"])
def test_message_does_not_stand_where_an_actor_does(world: World, whose: str) -> None:
    """It would be found in the actor's place."""
    zoe, yan, lobby = world.actor("zoe", "remote"), world.actor("yan", "remote"), world.channel("lobby")
    if whose == "a neighbour's who is gone":
        world.perform(world.deleted(yan, yan.uri))
        world.forget()
    uri = zoe.uri if whose == "its author's" else yan.uri

    with world.refuses(ConflictError):
        world.perform(create(world, zoe, lobby, id=uri))


def test_message_from_elsewhere_that_is_too_long_is_cut(world: World) -> None:
    lobby = world.channel("lobby")

    world.perform(create(world, world.actor("zoe", "remote"), lobby, "x" * 60_000))

    assert world.texts(lobby) == ["x" * 50_000]


def test_another_servers_channel_must_pass_on_what_is_said_in_it(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    mallory = world.actor("mallory", "remote", host="evil.example")

    with world.refuses(ForbiddenError, "passed this on"):
        world.perform(create(world, mallory, pond))


def test_one_of_ours_writes_in_another_servers_channel_only_as_a_member(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    note = world.note(world.alice, "hello", to=[pond.uri, PUBLIC], id=URIS.message("msg_1"))

    with world.refuses(NotFoundError):
        world.perform(build.create(actor=world.alice.uri, object=note))
