"""Roles and invites of conferences (contracts/punctum.md, 1.7 and 1.8)."""

from __future__ import annotations

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused


def test_a_role_and_who_has_it(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    mine = client.join(owner, conference, member)
    role = client.role(owner, conference, permissions=3)
    path = f"/conferences/{conference['id']}"
    client.patch(f"{path}/members/{mine['id']}", owner, roles=[role["id"]])

    assert client.get(f"/roles/{role['id']}", member)["members"] == [member.id]
    assert client.listed(f"{path}/roles", member) == [role["id"]]
    assert client.get(f"{path}/members/{mine['id']}", member)["permissions"] == 3
    assert client.ok("DELETE", f"{path}/roles/{role['id']}", owner) == {"id": role["id"]}
    assert client.get(f"{path}/members/{mine['id']}", member) == mine


def test_who_has_a_role_is_told_to_members_alone(
    client: Client, server: Server, owner: Person, member: Person, conference: Shown
) -> None:
    mine = client.join(owner, conference, member)
    role, vacant = (client.role(owner, conference)["id"] for _ in range(2))
    other = client.role(owner, client.conference(owner))["id"]
    client.patch(f"/conferences/{conference['id']}/members/{mine['id']}", owner, roles=[role])

    def shown(person: Person | None) -> list[list[str] | None]:
        stash = client.ok("POST", "/stash/request", person, {"id_list": [role, vacant, other]})
        found = [
            client.get(f"/roles/{role}", person),
            client.get(f"/id/{role}", person),
            client.get(f"/conferences/{conference['id']}/roles/{role}", person),
            *(stash[id_] for id_ in (role, vacant, other)),
        ]
        return [one.get("members") for one in found]

    assert shown(None) == shown(server.sign_up("carol")) == [None] * 6
    assert shown(member) == [[member.id]] * 4 + [[], None]
    assert shown(owner) == [[member.id]] * 4 + [[], []]
    client.ok("POST", f"/conferences/{conference['id']}/leave", member)
    assert shown(member) == [None] * 6


def test_several_roles_of_one_name(client: Client, owner: Person, conference: Shown) -> None:
    first, second = client.role(owner, conference), client.role(owner, conference)

    assert client.patch(f"/roles/{second['id']}", owner, name="mate")["name"] == "mate"
    assert client.patch(f"/roles/{second['id']}", owner, name=first["name"])["name"] == first["name"]


def test_roles_of_a_conference_are_none_of_the_servers(
    client: Client, server: Server, owner: Person, member: Person
) -> None:
    role = client.role(member, client.conference(member), name="Captain")["id"]

    told = server.call("GET", "/api/v1/system/roles", person=owner)
    assert role not in told.text
    given = {"roles_ids": [role]}
    answer = server.call("PUT", f"/api/v1/system/users/{member.id}/roles", person=owner, json=given)
    assert answer.status_code == 400
    made = server.call(
        "POST", "/api/v1/system/roles", person=owner, json={"role_name": "Captain", "privileges_ids": []}
    )
    assert made.status_code == 201


def test_the_roles_of_the_home_conference_are_the_servers(
    client: Client, server: Server, owner: Person, member: Person, home: str
) -> None:
    server.give_privileges(owner, member, "ban_users", "mute_users", "view_messages", "send_messages")
    stash = client.get(f"/conferences/{home}/roles", member)
    names = {stash[id_]["name"]: stash[id_]["permissions"] for id_ in stash["id_list"]}

    assert names["Server Owner"] >= 8191
    assert names["Regular User"] == 143
    assert names[f"Role of {member.username}"] == 143 | 512 | 1024
    assert client.get(f"/conferences/{home}/members/{member.id}", member)["permissions"] == 143 | 512 | 1024
    assert is_refused(client.call("POST", f"/conferences/{home}/roles", owner, json={"name": "x"}), 403, 3)
    assert is_refused(client.call("PATCH", "/roles/moderator", owner, json={"name": "x"}), 403, 3)
    assert is_refused(client.call("DELETE", "/roles/moderator", owner), 403, 3)


def test_invites_by_id_and_by_name(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    invite = client.make("/invites", owner, conference_id=conference["id"], code="Come-in")
    assert invite["name"] == "Come-in"
    paths = [
        f"/invites/{invite['id']}",
        "/invites/by-name/come-IN",
        f"/conference/invites/{invite['id']}",
        f"/conferences/{conference['id']}/invites/{invite['id']}",
    ]
    assert all(client.get(path, None) == invite for path in paths)

    for path in paths[:2]:
        assert client.ok("POST", f"{path}/join", member)["id"] == conference["id"]
    renamed = client.patch("/invites/by-name/Come-in", owner, name="Go-out")
    assert is_refused(client.call("GET", "/invites/by-name/Come-in", owner), 404, 4)
    assert client.ok("DELETE", "/invites/by-name/Go-out", owner) == {"id": renamed["id"]}
    assert is_refused(client.call("POST", f"{paths[0]}/join", member), 404, 4)


def test_names_of_invites(client: Client, owner: Person, conference: Shown) -> None:
    made = [client.make("/invites", owner, conference_id=conference["id"])["name"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(len(name) == 8 for name in made)
    client.make("/invites", owner, conference_id=conference["id"], name="in")
    for name in ("in", "IN", "by-name", "by-time"):
        answer = client.call("POST", "/invites", owner, json={"conference_id": conference["id"], "name": name})
        assert is_refused(answer, 400, 7), name


def test_who_made_an_invite_may_delete_it(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    mine = client.join(owner, conference, member)
    path = f"/conferences/{conference['id']}/members/{mine['id']}"
    client.patch(path, owner, permissions=143 | 32)
    own = client.make("/invites", member, conference_id=conference["id"])
    client.patch(path, owner, permissions=143)
    others = client.make("/invites", owner, conference_id=conference["id"])

    assert client.listed(f"/conferences/{conference['id']}/invites", member) == [own["id"]]
    assert is_refused(client.call("DELETE", f"/invites/{others['id']}", member), 403, 3)
    assert client.ok("DELETE", f"/invites/{own['id']}", member) == {"id": own["id"]}
