"""Update of the instance: who may describe a server anew, and which servers hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activitypub import build
from activitypub.vocabulary import PUBLIC
from app.actions.server import change_server
from app.db import reading
from app.errors import ForbiddenError
from app.pipeline import compose
from app.queries.instance import get_instance
from app.queries.server_settings import server_settings
from tests.founding import URIS
from tests.world import HOST, Sent, World


def described(world: World) -> tuple[str, str]:
    with reading() as session:
        instance = get_instance(session)
    return instance.name, instance.description


def test_the_name_goes_once_to_each_server_that_has_to_do_with_us(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    yan = world.actor("yan", "remote")
    world.actor("nobody", "remote", host="stranger.example")
    for fan in (zoe, yan):
        world.perform(build.follow(actor=fan.uri, object=world.alice.uri))
    world.forget()

    change_server(world.viewer(world.alice), {"server_name": "The Pond", "max_users": 5})

    assert world.deliveries() == [Sent("Update", world.alice.uri, f"https://{HOST}/inbox")]
    assert world.events() == ["server_updated"]
    assert described(world) == ("The Pond", "")
    assert (server_settings().server_name, server_settings().max_users) == ("The Pond", 5)
    assert (world.instance.name, world.home.name) == ("The Pond", "The Pond")
    update = world.json(world.log()[-1].uri)
    assert update["object"]["name"] == "The Pond"
    assert (update["to"], update["cc"]) == ([PUBLIC], [world.home.followers])
    assert "max_users" not in str(update)


def test_what_is_not_said_stays(world: World) -> None:
    change_server(world.viewer(world.alice), {"server_description": "fish <3"})
    change_server(world.viewer(world.alice), {"server_name": "The Pond"})

    assert described(world) == ("The Pond", "fish <3")


def test_a_member_cannot_describe_the_server(world: World) -> None:
    settings = server_settings()

    with world.refuses(ForbiddenError, match="manage_server_settings"):
        change_server(world.viewer(world.bob), {"server_name": "Mine", "max_users": 1})

    assert described(world)[0] == "chat.example"
    assert server_settings() == settings


@pytest.mark.parametrize("type", ["Person", "Application"])
def test_nobody_elsewhere_can_describe_our_server(world: World, type: str) -> None:
    mallory = world.actor("mallory", "remote", type=type)
    ours = compose.server(world.viewer(world.alice), name="Theirs")

    with world.refuses(ForbiddenError):
        world.perform(replace(ours, actor=mallory.uri, document=dict(ours.document) | {"actor": mallory.uri}))

    assert described(world)[0] == "chat.example"


@pytest.mark.parametrize("host", [HOST, "elsewhere.example"])
def test_another_server_is_described_anew_for_its_own_people_alone(world: World, host: str) -> None:
    """By its home, which a worker asks before; what was sent is not believed of anybody."""
    instance = world.actor("instance", "remote", type="Application")
    author = world.actor("zoe", "remote", host=host)
    document: dict[str, Any] = {
        "id": instance.uri,
        "type": "Application",
        "preferredUsername": "instance",
        "name": "New name",
        "inbox": f"{instance.uri}/inbox",
    }
    update = world.identified(build.update(actor=author.uri, object=document, to=[PUBLIC]))

    if host == HOST:
        world.perform(update)
    else:
        with world.refuses(ForbiddenError):
            world.perform(update)

    assert (update.id in [row.uri for row in world.log()]) == (host == HOST)
    assert world.reload(instance.uri).name == "instance"
    assert URIS.instance != instance.uri
