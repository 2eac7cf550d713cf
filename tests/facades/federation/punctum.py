"""Instances that speak Punctum to a server, and a conference there that they speak of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.db import reading
from app.queries.peers import find_known
from tests.facades.conftest import Person
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor

INBOX = "/api/v1/federation/inbox"
JOIN = "/api/v1/federation/join-conference-by-invite"

Object = dict[str, Any]

# Of what instances send; a test may go on where another was.
COMMENTS = itertools.count()


def an_instance(domain: str, **values: Any) -> Object:
    """As it says itself."""
    named = {"address": domain, "server_software": "reed 1", "protocol_version": 1, "name": f"The {domain}"}
    return {"type": "object", "object_type": "instance", "id": "0"} | named | values


def an_account(id_: str = "zoe", **values: Any) -> Object:
    return {"type": "object", "object_type": "account", "id": id_, "username": id_} | values


def a_conference(id_: str, owner: str, **values: Any) -> Object:
    return {"type": "object", "object_type": "conference", "id": id_, "name": id_, "owner": owner} | values


def a_channel(id_: str, conference: str, **values: Any) -> Object:
    named = {"channel_type": "text", "name": id_, "parent_conference": conference}
    return {"type": "object", "object_type": "channel", "id": id_} | named | values


def a_message(id_: str, channel: str, author: str, content: str = "hello", **values: Any) -> Object:
    said = {"content": content, "parent_channel": channel, "author": author}
    return (
        {
            "type": "object",
            "object_type": "message",
            "id": id_,
            "post_date": "2026-11-22T00:23:44+00:00",
        }
        | said
        | values
    )


def a_stash(*objects: Object) -> Object:
    return {"type": "stash", "id_list": [one["id"] for one in objects]} | {one["id"]: one for one in objects}


def a_ping(method: str, target: str, source: str | None = None, **data: Any) -> Object:
    ping = {"type": "ping", "ping_type": "client_request", "request_method": method, "request_target_id": target}
    if source is not None:
        ping["request_source_user"] = source
    return ping | ({"request_data": data} if data else {})


class Pond:
    """alice's conference with a channel for everybody in it and one for nobody, and an invite to it."""

    def __init__(self, world: World) -> None:
        self.world, self.wire = world, world.wire
        self.peer, self.evil, self.alice, self.bob = world.peer, world.evil, world.alice, world.bob
        self.conference, self.shore, self.secret, self.invite = world.server.once("pond", self._dig)
        world.forget()

    def _dig(self) -> tuple[str, str, str, str]:
        conference = self.make("/conferences", name="The Pond")["id"]
        shore = self.make(f"/conferences/{conference}/channels", name="shore")["id"]
        secret = self.make(f"/conferences/{conference}/channels", name="secret", permissions=0)["id"]
        invite = self.make(f"/conferences/{conference}/invites", name="come-in")["id"]
        for instance in (self.peer, self.evil):  # Their keys are known from before.
            assert self.tell(instance, a_ping("JOIN", "nothing", "nobody")).status_code == 404
        return conference, shore, secret, invite

    def make(self, path: str, *, by: Person | None = None, **given: Any) -> Object:
        answer = self.ask("POST", path, by=by, json=given)
        assert answer.status_code in (200, 201), answer.text
        made: Object = answer.json
        return made

    def ask(self, method: str, path: str, *, by: Person | None = None, **options: Any) -> Any:
        return self.world.server.call(method, f"/api/v1{path}", person=by or self.alice, **options)

    def say(self, text: str, *, channel: str | None = None) -> str:
        return str(self.make(f"/channels/{channel or self.shore}/messages", content=text)["id"])

    def texts(self, channel: str, *, by: Person | None = None) -> list[str]:
        stash = self.ask("GET", f"/channels/{channel}/messages", by=by).json
        return [stash[id_]["content"] for id_ in stash["id_list"]]

    def tell(self, instance: RemoteActor, body: Object, path: str = INBOX) -> Any:
        """The answer to what an instance sends, signed; a comment tells it from the same again."""
        comment = {"...": str(next(COMMENTS))} if body else {}
        return self.world.send(instance.post({**body, **comment}, path))

    def told(self, instance: RemoteActor, body: Object, path: str = INBOX) -> Object:
        answer = self.tell(instance, body, path)
        assert answer.status_code == 200, answer.text
        shown: Object = answer.json
        return shown

    def local_id(self, instance: RemoteActor, id_: str) -> str | None:
        with reading() as session:
            known = find_known(session, instance.host, id_)
        return known.local_id if known else None

    def join(self, instance: RemoteActor, account: str = "zoe") -> Object:
        """Somebody of an instance comes in; the stash that it is shown."""
        user = self.told(instance, an_account(account))["id"]
        return self.told(instance, {"user_id": user}, f"{JOIN}/{self.invite}")

    @contextmanager
    def stores_nothing(self) -> Iterator[None]:
        """But that the signature was seen."""
        before = self.rows()
        yield
        assert self.rows() == before

    def rows(self) -> dict[str, int]:
        passing = {"seen_signatures", "peers"}
        return {name: rows for name, rows in self.world.server.stored().items() if name not in passing}


@pytest.fixture
def pond(world: World) -> Pond:
    return Pond(world)


@pytest.fixture
def swamp(pond: Pond) -> Pond:
    """Eve and her conference at the evil instance."""
    pond.told(pond.evil, a_stash(an_account("eve"), a_conference("swamp", "eve"), a_channel("mud", "swamp")))
    return pond


def subscribed(pond: Pond, target: str, by: RemoteActor, *, verb: str = "subscribe") -> Any:
    return pond.tell(by, {"x": "x"}, f"/api/v1/federation/{verb}/{target}")


def is_error(answer: Any, status: int, code: int) -> None:
    assert (answer.status_code, answer.json.get("error_code")) == (status, code), answer.text
