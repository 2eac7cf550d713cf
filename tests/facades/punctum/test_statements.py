"""Lists take as many statements as they took with fewer in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown

Fill = Callable[[Client, Server, Person, Shown, int], None]


def _channels(client: Client, _server: Server, owner: Person, conference: Shown, number: int) -> None:
    client.channel(owner, conference, name=f"quay {number}")


def _home_channels(_client: Client, server: Server, owner: Person, _conference: Shown, number: int) -> None:
    server.create_channel(owner, channel_name=f"quay {number}", is_private=number % 2 == 0)


def _members(client: Client, server: Server, owner: Person, conference: Shown, number: int) -> None:
    person = server.sign_up(f"person{number}")
    mine = client.join(owner, conference, person)
    role = client.role(owner, conference)
    client.patch(f"/conferences/{conference['id']}/members/{mine['id']}", owner, roles=[role["id"]])


def _roles(client: Client, _server: Server, owner: Person, conference: Shown, _number: int) -> None:
    client.role(owner, conference)


def _invites(client: Client, _server: Server, owner: Person, conference: Shown, _number: int) -> None:
    client.make("/invites", owner, conference_id=conference["id"])


def _emoji(client: Client, _server: Server, owner: Person, conference: Shown, number: int) -> None:
    client.make(f"/conferences/{conference['id']}/emoji", owner, shortcode=f"e_{number}", image="/a.png")


@pytest.mark.parametrize(
    ("path", "fill"),
    [
        ("/conferences/{conference}/channels", _channels),
        ("/conferences/{conference}", _channels),
        ("/conferences/{home}/channels", _home_channels),
        ("/conferences/{home}", _home_channels),
        ("/conferences/{conference}/members", _members),
        ("/conferences/{home}/members", _members),
        ("/conferences/{conference}/roles", _roles),
        ("/conferences/{conference}/invites", _invites),
        ("/conferences/{conference}/emoji", _emoji),
    ],
)
def test_lists(
    client: Client, server: Server, owner: Person, conference: Shown, home: str, path: str, fill: Fill
) -> None:
    asked = path.format(conference=conference["id"], home=home)

    def count() -> int:
        with server.counted_queries() as statements:
            client.get(asked, owner)
        return len(statements)

    for number in range(2):
        fill(client, server, owner, conference, number)
    few = count()
    for number in range(2, 6):
        fill(client, server, owner, conference, number)
    assert count() == few
