"""The audit log: what is written there, and who may read it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from app.facades.pufferblow.audit import _SENTENCES
from app.projections.audit import Kind
from tests.facades.conftest import PASSWORD, Person, Server

RECENT = "/api/v1/system/recent-activity"


def recent(server: Server, person: Person, **given: Any) -> list[dict[str, Any]]:
    answer = server.call("POST", RECENT, person=person, json=given)
    assert answer.status_code == 200, answer.text
    activities: list[dict[str, Any]] = answer.json["activities"]
    return activities


def test_what_staff_and_people_do_is_there_newest_first(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]
    server.call("POST", "/api/v1/users/signin", json={"username": "bob", "password": PASSWORD})
    server.call("POST", f"/api/v1/moderation/users/{member.id}/ban", person=owner, json={"reason": "spam"})
    server.call("DELETE", f"/api/v1/channels/{channel}/delete", person=owner)

    entries = recent(server, owner)

    assert [(entry["type"], entry["user"]["username"]) for entry in entries] == [
        ("channel_deleted", "alice"),
        ("user_banned", "alice"),
        ("user_signed_in", "bob"),
        ("channel_created", "alice"),
        ("user_joined", "bob"),
        ("user_joined", "alice"),
    ]
    banned = entries[1]
    assert {name: banned[name] for name in ("title", "description", "metadata")} == {
        "title": "User Banned",
        "description": "alice banned somebody",
        "metadata": {"target": member.id},
    }


def test_a_list_has_as_many_as_asked_for(server: Server, owner: Person, member: Person) -> None:
    assert [entry["user"]["username"] for entry in recent(server, owner, limit=1)] == ["bob"]


@pytest.mark.parametrize("limit", [0, 101, -1, "all", True])
def test_a_list_has_an_end(server: Server, owner: Person, limit: Any) -> None:
    assert server.call("POST", RECENT, person=owner, json={"limit": limit}).status_code == 400


@pytest.mark.parametrize(("role", "status"), [(None, 403), ("moderator", 403), ("admin", 200)])
def test_who_may_read_it(server: Server, owner: Person, member: Person, role: str | None, status: int) -> None:
    if role is not None:
        server.give_role(member, role)

    assert server.call("POST", RECENT, person=member).status_code == status


def test_a_private_channel_is_named_to_whoever_sees_it(server: Server, owner: Person, member: Person) -> None:
    server.give_privileges(owner, member, "view_audit_logs")
    channels = [
        server.create_channel(owner, channel_name=name, is_private=is_private)["channel_id"]
        for name, is_private in (("hall", False), ("den", True), ("cellar", True))
    ]
    server.call("DELETE", f"/api/v1/channels/{channels[2]}/delete", person=owner)

    def named(person: Person) -> set[str]:
        return {entry["metadata"].get("target") for entry in recent(server, person, limit=100)} & set(channels)

    assert named(owner) == set(channels)
    assert named(member) == {channels[0]}
    path = f"/api/v1/channels/{channels[1]}/add_user"
    assert server.call("PUT", path, person=owner, json={"to_add_user_id": member.id}).status_code == 200
    assert named(member) == set(channels[:2])


def test_no_secret_and_no_message_is_in_it(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]
    server.send(member, channel, "a word between us")
    server.call(
        "PUT", "/api/v1/users/profile", person=member, json={"old_password": PASSWORD, "new_password": "another secret"}
    )

    told = str(recent(server, owner, limit=100))

    assert "password_changed" in told
    assert not any(text in told for text in ("a word between us", PASSWORD, "another secret", member.token))


def test_every_kind_has_its_sentence() -> None:
    assert sorted(_SENTENCES) == sorted(get_args(Kind))
