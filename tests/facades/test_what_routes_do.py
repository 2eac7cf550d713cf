"""Whatever another server could need to know is an activity: each route that is classed so records one."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

import pytest
from sqlalchemy import func, select

from app.db import reading
from app.models import Activity
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.pufferblow.test_direct import zoe
from tests.facades.routes import API
from tests.media.pictures import picture

__all__ = ["zoe"]

Options = dict[str, Any]


class Stage:
    """A server and what requests are about, made when it is asked for: some requests end what others need."""

    def __init__(self, server: Server, owner: Person, member: Person) -> None:
        self.server, self.owner, self.member = server, owner, member
        self.channel = server.create_channel(owner, channel_name="den", is_private=True)["channel_id"]

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return self.server.call(method, f"/api/v1/{path}", person=self.owner, **options)

    def said(self, person: Person | None = None) -> str:
        return str(self.server.send(person or self.owner, self.channel, "hello")["message_id"])

    def reacted(self) -> str:
        message_id = self.said()
        self.ask("POST", f"channels/{self.channel}/messages/{message_id}/reactions", json={"emoji": "👍"})
        return message_id

    def admitted(self) -> str:
        self.ask("PUT", f"channels/{self.channel}/add_user", json={"to_add_user_id": self.member.id})
        return self.member.id

    def role(self) -> str:
        made = self.ask("POST", "system/roles", json={"role_name": "Helper", "privileges_ids": ["view_files"]})
        return str(made.json["role"]["role_id"])

    def ban(self) -> str:
        self.ask("POST", f"moderation/users/{self.member.id}/ban", json={"reason": "spam"})
        return self.member.id

    def follow(self) -> Options:
        self.ask("POST", "federation/follow", json={"remote_handle": "@zoe@pond.example"})
        return {"json": {"remote_handle": "@zoe@pond.example"}}


# The path parameters, and what is sent with them.
Example = Callable[[Stage], tuple[dict[str, str], Options]]


def _file(name: str) -> Options:
    return {"data": {name: (BytesIO(picture()), "a.png")}}


EXAMPLES: Final[dict[tuple[str, str], Example]] = {
    ("POST", "channels/create/"): lambda _: ({}, {"json": {"channel_name": "new"}}),
    ("PUT", "channels/{channel_id}/add_user"): lambda stage: ({}, {"json": {"to_add_user_id": stage.member.id}}),
    ("DELETE", "channels/{channel_id}/remove_user"): lambda stage: (
        {},
        {"query_string": {"to_remove_user_id": stage.admitted()}},
    ),
    ("PUT", "channels/{channel_id}/update"): lambda _: ({}, {"json": {"channel_name": "other"}}),
    ("DELETE", "channels/{channel_id}/delete"): lambda _: ({}, {}),
    ("POST", "channels/{channel_id}/send_message"): lambda _: ({}, {"data": {"message": "hello"}}),
    ("PUT", "channels/{channel_id}/messages/{message_id}"): lambda stage: (
        {"message_id": stage.said()},
        {"json": {"message": "other"}},
    ),
    ("POST", "channels/{channel_id}/messages/{message_id}/reactions"): lambda stage: (
        {"message_id": stage.said()},
        {"json": {"emoji": "👍"}},
    ),
    ("DELETE", "channels/{channel_id}/messages/{message_id}/reactions"): lambda stage: (
        {"message_id": stage.reacted()},
        {"json": {"emoji": "👍"}},
    ),
    ("DELETE", "channels/{channel_id}/delete_message"): lambda stage: (
        {},
        {"query_string": {"message_id": stage.said()}},
    ),
    ("POST", "dms/send"): lambda _: ({}, {"json": {"peer": "bob", "message": "psst"}}),
    ("POST", "federation/follow"): lambda _: ({}, {"json": {"remote_handle": "@zoe@pond.example"}}),
    ("POST", "federation/unfollow"): lambda stage: ({}, stage.follow()),
    ("POST", "moderation/reports/messages"): lambda stage: (
        {},
        {"json": {"message_ids": [stage.said(stage.member if stage.admitted() else None)], "category": "spam"}},
    ),
    ("POST", "moderation/reports/users"): lambda stage: (
        {},
        {"json": {"target_user_id": stage.member.id, "category": "spam"}},
    ),
    ("POST", "moderation/users/{target_user_id}/ban"): lambda _: ({}, {"json": {"reason": "spam"}}),
    ("DELETE", "moderation/users/{target_user_id}/ban"): lambda stage: ({"target_user_id": stage.ban()}, {}),
    ("POST", "system/roles"): lambda _: ({}, {"json": {"role_name": "Helper", "privileges_ids": ["view_files"]}}),
    ("PUT", "system/roles/{role_id}"): lambda stage: (
        {"role_id": stage.role()},
        {"json": {"role_name": "Other", "privileges_ids": ["view_files"]}},
    ),
    ("DELETE", "system/roles/{role_id}"): lambda stage: ({"role_id": stage.role()}, {}),
    ("PUT", "system/users/{target_user_id}/roles"): lambda _: ({}, {"json": {"roles_ids": ["moderator"]}}),
    ("PUT", "system/server-info"): lambda _: ({}, {"json": {"server_name": "The Pond"}}),
    ("POST", "system/upload-avatar"): lambda _: ({}, _file("avatar")),
    ("POST", "system/upload-banner"): lambda _: ({}, _file("banner")),
    ("PUT", "users/profile"): lambda _: ({}, {"json": {"about": "a frog"}}),
    ("POST", "users/profile/avatar"): lambda _: ({}, _file("file")),
    ("POST", "users/profile/banner"): lambda _: ({}, _file("file")),
    ("POST", "users/signup"): lambda _: ({}, {"json": {"username": "carol", "password": PASSWORD}}),
}


def test_every_activity_has_an_example() -> None:
    classed = {key for key, row in API.items() if row.does == "activity"}

    assert {(method, f"/api/v1/{path}") for method, path in EXAMPLES} == classed


@pytest.mark.parametrize("key", EXAMPLES, ids=" ".join)
def test_a_route_that_others_could_need_to_know_of_records_an_activity(
    server: Server, owner: Person, member: Person, zoe: str, key: tuple[str, str]
) -> None:
    stage = Stage(server, owner, member)
    method, path = key
    filled, options = EXAMPLES[key](stage)
    before = _count()

    places = {"channel_id": stage.channel, "target_user_id": member.id} | filled
    answer = stage.ask(method, path.format(**places), **options)

    assert answer.status_code in {200, 201}, answer.text
    assert _count() > before


def _count() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Activity)) or 0
