"""JSON in a request's body: the JSON test suite at the inbox and at a route for clients."""

from __future__ import annotations

import json
from typing import Any, Protocol

import pytest

from tests.activitypub.test_strict_json import STRICTER_THAN_JSON
from tests.corpus import corpus
from tests.facades.conftest import Server
from tests.facades.federation.conftest import World, wire, world

__all__ = ["wire", "world"]

# Whether a body can be read is settled before any database is asked.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Door(Protocol):
    server: Server

    def ordinary(self) -> bytes:
        """A body that is accepted."""

    def post(self, body: bytes) -> int:
        """The status of the answer."""


class Inbox:
    """zoe's deliveries, each a new Like of something that is not ours."""

    def __init__(self, world: World) -> None:
        self._world, self.server, self._count = world, world.server, 0
        world.known(world.zoe)

    def ordinary(self) -> bytes:
        self._count += 1
        zoe = self._world.zoe
        return json.dumps(zoe.activity("Like", f"{zoe.uri}/notes/1", number=self._count)).encode()

    def post(self, body: bytes) -> int:
        return int(self._world.send(self._world.zoe.post(body)).status_code)


class Route:
    """alice's messages in a channel."""

    def __init__(self, world: World) -> None:
        self._alice, self.server = world.alice, world.server
        self._path = f"/api/v1/channels/{world.channel('lobby')}/send_message"

    def ordinary(self) -> bytes:
        return b'{"message": "hello"}'

    def post(self, body: bytes) -> int:
        sent: dict[str, Any] = {"data": body, "content_type": "application/json"}
        return int(self.server.call("POST", self._path, person=self._alice, **sent).status_code)


@pytest.fixture(params=[Inbox, Route])
def door(request: pytest.FixtureRequest, world: World) -> Door:
    opened: Door = request.param(world)
    return opened


def cases(kind: str) -> dict[str, bytes]:
    """The suite's files of that kind: y(es), n(o) and i(mplementation decides)."""
    return {path.name: path.read_bytes() for path in sorted(corpus("json-parsing").glob(f"{kind}_*.json"))}


def within(body: bytes, value: bytes) -> bytes:
    """The object with one member more, which nobody reads."""
    return body.removesuffix(b"}") + b', "extra": ' + value + b"}"


def test_the_json_test_suite_holds_as_a_body_and_within_one(door: Door) -> None:
    usual = door.post(door.ordinary())
    assert usual in (201, 202)

    with door.server.stores_nothing():
        refused = {
            name: {door.post(body) for body in (data, within(door.ordinary(), data))}
            for name, data in cases("n").items()
        }
    accepted = {name: door.post(within(door.ordinary(), data)) for name, data in cases("y").items()}
    either = {door.post(body) for data in cases("i").values() for body in (data, within(door.ordinary(), data))}

    assert len(refused) + len(accepted) > 140
    assert {name: statuses for name, statuses in refused.items() if statuses != {400}} == {}
    odd = {name: status for name, status in accepted.items() if status != usual}
    assert odd == dict.fromkeys(STRICTER_THAN_JSON & accepted.keys(), 400)
    assert either <= {400, usual}
