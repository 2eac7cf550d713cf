"""Create and Update a Group: the channels of the home space."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub import build
from activitypub.documents import Activity
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import Outcome, compose
from tests.databases import BACKENDS
from tests.founding import URIS, person
from tests.world import Channel, Sent, World

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)
ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


def make(world: World, by: Actor, name: str, *, type: str = "text", is_private: bool = False) -> Outcome:
    activity, private = compose.channel(world.viewer(by), name, type=type, is_private=is_private)
    return world.perform(activity, private=private)


def renamed(by: Actor, channel: Channel, name: str) -> Activity:
    return build.update(actor=by.uri, object=person(channel.uri, name, type="Group"), to=[channel.uri])


def test_channel_is_a_group_with_a_name_and_a_handle(world: World) -> None:
    outcome = make(world, world.alice, "The Lobby!")

    group = world.reload(URIS.channel(outcome.found["channel_id"]))
    assert (group.type, group.name, group.local_name, group.manually_approves) == (
        "Group",
        "The Lobby!",
        "the-lobby",
        False,
    )
    assert [(event.type, event.channel_id) for event in world.event_rows()] == [("channel_created", group.id)]
    assert ("keys", group.id) in world.wakes


def test_private_channel_has_its_maker_for_a_member_and_lets_nobody_in(world: World) -> None:
    outcome = make(world, world.alice, "den", is_private=True)

    den = Channel(outcome.found["channel_id"], world.reload(URIS.channel(outcome.found["channel_id"])))
    assert world.members(den) == ["alice"]
    assert den.actor.manually_approves
    assert den.actor.local_name == f"den-{den.id[-10:]}"


@pytest.mark.parametrize(
    ("name", "handle"), [("Bob", "bob-2"), ("日本", "channel"), ("..a..", "a"), ("Ärger", "arger")]
)
def test_handle_is_made_of_the_name_and_given_once(world: World, name: str, handle: str) -> None:
    outcome = make(world, world.alice, name)

    assert world.reload(URIS.channel(outcome.found["channel_id"])).local_name == handle


@pytest.mark.parametrize("name", ["lobby", "LOBBY", " lobby ", "\uff4c\uff4f\uff42\uff42\uff59"])
def test_two_channels_do_not_share_a_name(world: World, name: str) -> None:
    world.channel("lobby")

    with world.refuses(ConflictError):
        make(world, world.alice, name)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\x00b", "ﷺ" * 20])
def test_name_no_channel_may_have_is_refused(world: World, name: str) -> None:
    with world.refuses(InvalidInputError):
        make(world, world.alice, name)


def test_longest_name_fits(world: World) -> None:
    outcome = make(world, world.alice, "ß" * 100)

    assert outcome.found["channel_id"]


def test_channel_is_text_voice_or_both(world: World) -> None:
    with world.refuses(InvalidInputError):
        make(world, world.alice, "lobby", type="video")


def test_member_may_not_make_a_channel(world: World) -> None:
    with world.refuses(ForbiddenError):
        make(world, world.bob, "lobby")


def test_moderator_may_make_a_channel(world: World) -> None:
    world.grant(world.bob, "moderator")

    assert make(world, world.bob, "lobby").found["channel_id"]


@pytest.mark.parametrize("where", ["here", "there"])
def test_nobody_elsewhere_makes_a_channel_here(world: World, where: str) -> None:
    mallory = world.actor("mallory", "remote")
    uri = URIS.channel("channel_1") if where == "here" else "https://pond.example/channels/1"

    with world.refuses(ForbiddenError):
        world.perform(build.create(actor=mallory.uri, object=person(uri, "lobby", type="Group"), to=[]))


def test_moderator_renames_a_channel_and_its_handle_stays(world: World) -> None:
    lobby = world.channel("lobby")

    world.perform(renamed(world.alice, lobby, "Foyer"))

    assert world.channel_row(lobby).name == "Foyer"
    assert (world.reload(lobby.uri).name, world.reload(lobby.uri).local_name) == ("Foyer", "lobby")
    assert world.events() == ["channel_updated"]


def test_renamed_channel_tells_its_followers_elsewhere_itself(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote"), world.bob])

    world.perform(compose.channel_update(world.viewer(world.alice), lobby.id, "Foyer"))

    assert world.deliveries() == [Sent("Update", lobby.uri, "https://pond.example/inbox")]
    told = world.json([row.uri for row in world.log() if row.actor_id == lobby.id][-1])
    assert (told["actor"], told["object"]["id"], told["object"]["name"]) == (lobby.uri, lobby.uri, "Foyer")
    assert told["object"]["preferredUsername"] == "lobby"
    assert world.events() == ["channel_updated"]


def test_channel_may_change_the_case_of_its_own_name(world: World) -> None:
    lobby = world.channel("lobby")

    world.perform(renamed(world.alice, lobby, "LOBBY"))

    assert world.channel_row(lobby).name == "LOBBY"


@pytest.mark.parametrize(("name", "error"), [("Other", ConflictError), ("x" * 101, InvalidInputError)])
def test_channel_is_not_renamed_to_what_no_channel_may_be_called(world: World, name: str, error: Any) -> None:
    lobby = world.channel("lobby")
    world.channel("other")

    with world.refuses(error):
        world.perform(renamed(world.alice, lobby, name))


def test_member_may_not_rename_a_channel(world: World) -> None:
    lobby = world.channel("lobby")

    with world.refuses(ForbiddenError):
        world.perform(renamed(world.bob, lobby, "mine"))


def test_nobody_elsewhere_renames_a_channel_of_ours(world: World) -> None:
    """Hostile case ORI-29."""
    mallory = world.actor("mallory", "remote")
    lobby = world.channel("lobby", members=[mallory])

    with world.refuses(ForbiddenError):
        world.perform(renamed(mallory, lobby, "mine"))


def test_channel_that_is_gone_is_not_renamed(world: World) -> None:
    lobby = world.channel("lobby")
    world.perform(compose.channel_deletion(world.viewer(world.alice), lobby.id))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(renamed(world.alice, lobby, "back"))
