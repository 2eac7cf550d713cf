"""Roles: who makes and gives them, what they allow from the next request on, and what nobody may hand out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server
from tests.together import at_once

ROLES = "/api/v1/system/roles"


def listed(server: Server, person: Person) -> dict[str, dict[str, Any]]:
    answer = server.call("POST", f"{ROLES}/list", person=person)
    assert answer.status_code == 200, answer.text
    return {role["role_name"]: role for role in answer.json["roles"]}


def make(server: Server, person: Person, name: Any = "Helper", privileges: Any = ("view_audit_logs",)) -> Any:
    given = {"role_name": name, "privileges_ids": list(privileges) if isinstance(privileges, tuple) else privileges}
    return server.call("POST", ROLES, person=person, json=given)


def made(server: Server, person: Person, *privileges: str) -> str:
    answer = make(server, person, privileges=privileges)
    assert answer.status_code == 201, answer.text
    return str(answer.json["role"]["role_id"])


def give(server: Server, by: Person, whom: str, *role_ids: str) -> Any:
    return server.call("PUT", f"/api/v1/system/users/{whom}/roles", person=by, json={"roles_ids": list(role_ids)})


def profile(server: Server, person: Person) -> dict[str, Any]:
    data: dict[str, Any] = server.call("POST", "/api/v1/users/profile", person=person).json["user_data"]
    return data


def channels(server: Server, person: Person) -> list[str]:
    answer = server.call("POST", "/api/v1/channels/list/", person=person)
    return [channel["channel_name"] for channel in answer.json["channels"]]


def test_everybody_sees_the_roles(server: Server, owner: Person, member: Person) -> None:
    roles = listed(server, member)

    assert list(roles) == ["Server Owner", "Administrator", "Moderator", "Regular User"]
    assert len(roles["Server Owner"]["privileges_ids"]) == 27
    assert [(role["is_system"], role["user_count"]) for role in roles.values()] == [
        (True, 1),
        (True, 0),
        (True, 0),
        (True, 1),
    ]


def test_the_owner_sees_every_privilege(server: Server, owner: Person) -> None:
    privileges = server.call("POST", "/api/v1/system/privileges/list", person=owner).json["privileges"]

    assert len(privileges) == 27
    assert {
        "privilege_id": "manage_blocked_ips",
        "privilege_name": "Manage Blocked IPs",
        "category": "moderation",
    } in privileges


def test_a_role_is_made_changed_and_deleted(server: Server, owner: Person) -> None:
    answer = make(server, owner, "Helper", ("view_audit_logs", "view_users"))
    role = answer.json["role"]

    assert (answer.status_code, answer.json["message"]) == (201, "Role created successfully.")
    assert {name: role[name] for name in ("role_name", "privileges_ids", "is_system", "user_count")} == {
        "role_name": "Helper",
        "privileges_ids": ["view_audit_logs", "view_users"],
        "is_system": False,
        "user_count": 0,
    }

    path = f"{ROLES}/{role['role_id']}"
    changed = server.call("PUT", path, person=owner, json={"role_name": "Aide", "privileges_ids": ["ban_users"]})
    renamed = server.call("PUT", path, person=owner, json={"role_name": "Assistant"})

    assert changed.json["role"]["privileges_ids"] == ["ban_users"]
    assert listed(server, owner)["Assistant"]["privileges_ids"] == ["ban_users"]
    assert renamed.json["message"] == "Role updated successfully."

    deleted = server.call("DELETE", path, person=owner)

    assert (deleted.status_code, deleted.json["message"]) == (200, "Role deleted successfully.")
    assert "Assistant" not in listed(server, owner)
    assert server.call("DELETE", path, person=owner).status_code == 404


def test_a_role_allows_from_the_next_request_on(server: Server, owner: Person, member: Person) -> None:
    role_id = made(server, owner, "create_channels", "send_messages")
    create = {"channel_name": "pond"}
    assert server.call("POST", "/api/v1/channels/create/", person=member, json=create).status_code == 403

    given = give(server, owner, member.id, role_id)

    assert given.json["user"] == {"user_id": member.id, "username": "bob", "roles_ids": [role_id]}
    assert server.call("POST", "/api/v1/channels/create/", person=member, json=create).status_code == 200
    shown = profile(server, member)
    assert shown["roles_ids"] == [role_id]
    assert shown["resolved_privileges"] == ["create_channels", "send_messages"]
    assert [role["role_name"] for role in shown["resolved_roles"]] == ["Helper"]
    assert (shown["is_owner"], shown["is_admin"]) == (False, False)

    server.call("PUT", f"{ROLES}/{role_id}", person=owner, json={"privileges_ids": ["send_messages"]})

    refused = server.call("POST", "/api/v1/channels/create/", person=member, json={"channel_name": "lake"})
    assert refused.status_code == 403


def test_a_role_may_show_private_channels(server: Server, owner: Person, member: Person) -> None:
    private = server.create_channel(owner, channel_name="staff", is_private=True)["channel_id"]
    server.send(owner, private, "a secret")
    role_id = made(server, owner, "view_private_channels", "view_messages")
    path = f"/api/v1/channels/{private}/load_messages"
    assert (channels(server, member), server.call("GET", path, person=member).status_code) == ([], 404)

    give(server, owner, member.id, role_id)
    assert channels(server, member) == ["staff"]
    assert server.call("GET", path, person=member).status_code == 200

    server.call("PUT", f"{ROLES}/{role_id}", person=owner, json={"privileges_ids": ["view_messages"]})
    assert (channels(server, member), server.call("GET", path, person=member).status_code) == ([], 404)


def test_roles_are_set_as_a_whole(server: Server, owner: Person, member: Person) -> None:
    role_id = made(server, owner, "view_audit_logs")
    give(server, owner, member.id, "moderator", role_id)

    answer = give(server, owner, member.id, "admin")

    assert answer.json["user"]["roles_ids"] == ["admin"]
    assert profile(server, member)["is_admin"]
    assert give(server, owner, member.id, "user").json["user"]["roles_ids"] == ["user"]
    assert give(server, owner, member.id).json["user"]["roles_ids"] == ["user"]


def test_one_role_that_cannot_be_given_keeps_all_from_being_given(
    server: Server, owner: Person, member: Person
) -> None:
    for wanted, status in ((("moderator", "no_such_role"), 400), (("moderator", "owner"), 403)):
        with server.stores_nothing():
            assert give(server, owner, member.id, *wanted).status_code == status
    assert profile(server, member)["roles_ids"] == ["user"]


def test_the_owner_stays_the_owner(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        assert give(server, owner, owner.id, "user").status_code == 403
    assert profile(server, owner)["is_owner"]

    assert give(server, owner, owner.id, "owner", "moderator").status_code == 200


@pytest.mark.parametrize("role", ["member", "moderator", "admin"])
def test_nobody_but_the_owner_makes_or_gives_roles(server: Server, owner: Person, member: Person, role: str) -> None:
    if role != "member":
        server.give_role(member, role)
    role_id = made(server, owner, "view_users")

    with server.stores_nothing():
        answers = [
            make(server, member, "Mine"),
            server.call("PUT", f"{ROLES}/{role_id}", person=member, json={"privileges_ids": ["ban_users"]}),
            server.call("DELETE", f"{ROLES}/{role_id}", person=member),
            give(server, member, member.id, "admin"),
            server.call("POST", "/api/v1/system/privileges/list", person=member),
        ]

    assert [answer.status_code for answer in answers] == [403] * 5


def test_nobody_hands_out_what_they_may_not_do(server: Server, owner: Person, member: Person) -> None:
    """Who was given the right to manage roles, and nothing else."""
    made_before = made(server, owner, "ban_users")
    manager = make(server, owner, "Manager", ("manage_server_privileges", "view_users")).json["role"]["role_id"]
    give(server, owner, member.id, manager)

    with server.stores_nothing():
        answers = [
            make(server, member, "Mine", ("ban_users",)),
            server.call("PUT", f"{ROLES}/{manager}", person=member, json={"privileges_ids": ["ban_users"]}),
            server.call("PUT", f"{ROLES}/{made_before}", person=member, json={"privileges_ids": []}),
            server.call("DELETE", f"{ROLES}/{made_before}", person=member),
            give(server, member, member.id, manager, made_before),
            give(server, member, member.id, manager, "admin"),
        ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert make(server, member, "Greeter", ("view_users",)).status_code == 201


def test_nobody_takes_roles_from_who_may_do_more(server: Server, owner: Person, member: Person) -> None:
    manages = ("manage_server_privileges", "view_users", "view_audit_logs")
    auditor = made(server, owner, "view_audit_logs")
    manager = make(server, owner, "Manager", manages).json["role"]["role_id"]
    carol, dave = server.sign_up("carol"), server.sign_up("dave")
    give(server, owner, member.id, manager, "user")
    give(server, owner, carol.id, auditor, "admin")
    give(server, owner, dave.id, auditor, manager)

    with server.stores_nothing():
        answers = [give(server, member, carol.id, "admin"), give(server, member, owner.id, "owner", auditor)]

    assert [answer.status_code for answer in answers] == [403] * 2
    assert profile(server, carol)["roles_ids"] == sorted([auditor, "admin"])
    assert give(server, member, dave.id, manager).status_code == 200
    assert give(server, owner, carol.id, "user").json["user"]["roles_ids"] == ["user"]


def test_who_has_a_role_that_allows_nothing_is_given_another(server: Server, owner: Person, member: Person) -> None:
    nothing = made(server, owner)
    assert give(server, owner, member.id, nothing).status_code == 200

    assert give(server, owner, member.id, "moderator").json["user"]["roles_ids"] == ["moderator"]


@pytest.mark.parametrize("role_id", ["owner", "admin", "moderator", "user"])
def test_built_in_roles_stay(server: Server, owner: Person, role_id: str) -> None:
    with server.stores_nothing():
        changed = server.call("PUT", f"{ROLES}/{role_id}", person=owner, json={"role_name": "Boss"})
        deleted = server.call("DELETE", f"{ROLES}/{role_id}", person=owner)

    assert (changed.status_code, deleted.status_code) == (403, 403)


def test_a_role_that_somebody_has_is_not_deleted(server: Server, owner: Person, member: Person) -> None:
    role_id = made(server, owner, "view_users")
    give(server, owner, member.id, role_id)

    with server.stores_nothing():
        assert server.call("DELETE", f"{ROLES}/{role_id}", person=owner).status_code == 409
    assert listed(server, owner)["Helper"]["user_count"] == 1


@pytest.mark.parametrize("name", ["Helper", "HELPER", "moderator", "Server owner"])
def test_a_name_that_is_taken_is_a_409(server: Server, owner: Person, name: str) -> None:
    made(server, owner, "view_users")

    with server.stores_nothing():
        assert make(server, owner, name).status_code == 409


def test_a_name_is_given_once(server: Server, owner: Person) -> None:
    statuses = [answer.status_code for answer in at_once(lambda: make(server, owner), times=3)]

    assert sorted(statuses) == [201, 409, 409]


@pytest.mark.parametrize(
    ("name", "privileges"),
    [
        ("", ()),
        ("  ", ()),
        ("x" * 65, ()),
        ("a\nb", ()),
        ("Helper", ("fly",)),
        ("Helper", "view_users!"),
        ("Helper", [7]),
    ],
)
@ON_SQLITE
def test_what_cannot_be_a_role_is_a_400(server: Server, owner: Person, name: str, privileges: Any) -> None:
    with server.stores_nothing():
        assert make(server, owner, name, privileges).status_code == 400


@pytest.mark.parametrize("user_id", ["nobody", "0"])
def test_whom_nobody_knows_gets_no_roles(server: Server, owner: Person, user_id: str) -> None:
    with server.stores_nothing():
        assert give(server, owner, user_id, "moderator").status_code == 404


def test_a_channel_gets_no_roles(server: Server, owner: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]

    with server.stores_nothing():
        assert give(server, owner, channel, "moderator").status_code == 404
