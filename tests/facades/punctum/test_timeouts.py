"""Who is timed out reads, and says nothing that others are told: not by what they are called, either."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from app.db import transaction
from app.models import Account
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.punctum.conftest import Client, Shown

UNTIL = "2100-01-01T00:00:00+00:00"


@pytest.fixture
def timed_out(client: Client, owner: Person, member: Person, conference: Shown) -> Person:
    """bob, who is a member of the conference."""
    client.join(owner, conference, member)
    path = f"/moderation/users/{member.id}/timeout"
    client.ok("POST", path, owner, {"duration_minutes": 5}, status=201)
    with transaction() as session:
        until = datetime.fromisoformat(UNTIL)
        session.execute(update(Account).where(Account.actor_id == member.id).values(timed_out_until=until))
    return member


@pytest.fixture
def bot(client: Client, member: Person) -> str:
    """bob's, made before."""
    return str(client.make("/accounts", member, username="echo")["id"])


@pytest.fixture
def theirs(client: Client, owner: Person, member: Person) -> str:
    """Bob's own conference, with alice in it and one channel, made before."""
    conference = client.conference(member)
    client.channel(member, conference)
    client.join(member, conference, owner)
    return str(conference["id"])


@pytest.mark.parametrize("key", ["status", "bio", "display_name", "username"])
def test_nobody_says_anything_of_themselves(client: Client, server: Server, timed_out: Person, key: str) -> None:
    with server.stores_nothing():
        _is_silenced(client.call("PATCH", f"/accounts/{timed_out.id}", timed_out, json={key: "loud"}))


@pytest.mark.parametrize("change", [{"about": "loud"}, {"new_username": "loud"}])
def test_nor_in_the_other_protocol(server: Server, timed_out: Person, change: dict[str, str]) -> None:
    with server.stores_nothing():
        _is_silenced(server.call("PUT", "/api/v1/users/profile", person=timed_out, json=change))


def test_nor_by_a_nickname(
    client: Client, server: Server, owner: Person, timed_out: Person, conference: Shown, home: str
) -> None:
    for space in (conference["id"], home):
        path = f"/conferences/{space}/members/{timed_out.id}"
        with server.stores_nothing():
            _is_silenced(client.call("PATCH", path, timed_out, json={"nickname": "loud"}))
        assert "nickname" not in client.get(path, owner)
        assert client.patch(path, owner, nickname="Hushed")["nickname"] == "Hushed"


@pytest.mark.parametrize("change", [{"display_name": "loud"}, {"status": "loud"}, {"bio": "loud"}])
def test_nor_by_a_bot(client: Client, server: Server, bot: str, timed_out: Person, change: Shown) -> None:
    with server.stores_nothing():
        _is_silenced(client.call("PATCH", f"/accounts/{bot}", timed_out, json=change))
        _is_silenced(client.call("POST", "/accounts", timed_out, json={"username": "loud"}))

    assert client.patch(f"/accounts/{bot}", timed_out, short_status=2)["short_status"] == 2
    client.ok("DELETE", f"/accounts/{bot}", timed_out)


def test_nor_by_what_they_call_things(
    client: Client, server: Server, owner: Person, theirs: str, timed_out: Person
) -> None:
    """They still look after what is theirs."""
    (channel,) = client.get(f"/conferences/{theirs}", timed_out)["channels"]
    image = "https://pond.example/newt.png"
    said = [
        ("POST", "/conferences", {"name": "loud"}),
        ("PATCH", f"/conferences/{theirs}", {"name": "loud"}),
        ("PATCH", f"/conferences/{theirs}", {"icon": image}),
        ("POST", f"/conferences/{theirs}/channels", {"name": "loud"}),
        ("PATCH", f"/channels/{channel}", {"description": "loud"}),
        ("POST", f"/conferences/{theirs}/roles", {"name": "loud"}),
        ("POST", f"/conferences/{theirs}/emoji", {"shortcode": "loud", "image": image}),
        ("POST", f"/conferences/{theirs}/invites", {"name": "loud"}),
        ("PATCH", f"/conferences/{theirs}/members/{owner.id}", {"nickname": "loud"}),
    ]
    for method, path, body in said:
        with server.stores_nothing():
            _is_silenced(client.call(method, path, timed_out, json=body))

    assert client.patch(f"/channels/{channel}", timed_out, permissions=3)["permissions"] == 3
    assert client.patch(f"/conferences/{theirs}", timed_out, index_conference=True)["index_conference"]
    client.ok("POST", f"/conferences/{theirs}/members/{owner.id}/kick", timed_out)
    client.ok("DELETE", f"/conferences/{theirs}", timed_out)


def test_nor_by_what_they_call_the_servers_channels(
    client: Client, server: Server, owner: Person, timed_out: Person
) -> None:
    server.give_role(timed_out, "moderator")
    channel = server.create_channel(owner)["channel_id"]
    for method, path in (("POST", "/channels/create/"), ("PUT", f"/channels/{channel}/update")):
        with server.stores_nothing():
            _is_silenced(client.call(method, path, timed_out, json={"channel_name": "loud"}))


def test_nor_by_what_they_call_the_server_and_its_roles(
    client: Client, server: Server, owner: Person, timed_out: Person
) -> None:
    role = {"role_name": "loud", "privileges_ids": ["manage_server_privileges", "manage_server_settings"]}
    crew = client.ok("POST", "/system/roles", owner, role | {"role_name": "Crew"}, status=201)["role"]["role_id"]
    server.give_role(timed_out, crew)
    for method, path, body in (
        ("PUT", "/system/server-info", {"server_name": "loud"}),
        ("PUT", "/system/server-info", {"server_description": "loud"}),
        ("POST", "/system/roles", role),
        ("PUT", f"/system/roles/{crew}", role),
    ):
        with server.stores_nothing():
            _is_silenced(client.call(method, path, timed_out, json=body))


def test_they_come_and_go_and_keep_their_account_safe(client: Client, server: Server, timed_out: Person) -> None:
    assert client.patch(f"/accounts/{timed_out.id}", timed_out, short_status=2)["short_status"] == 2
    change = {"old_password": PASSWORD, "new_password": "another horse", "status": "dnd"}
    assert server.call("PUT", "/api/v1/users/profile", person=timed_out, json=change).status_code == 200


def test_then_they_may_again(client: Client, owner: Person, timed_out: Person) -> None:
    client.ok("DELETE", f"/moderation/users/{timed_out.id}/timeout", owner)

    assert client.patch(f"/accounts/{timed_out.id}", timed_out, status="back")["status"] == "back"


def _is_silenced(answer: Any) -> None:
    assert answer.status_code == 403, answer.text
    assert answer.json["detail"] == f"You are timed out until {UNTIL}."
