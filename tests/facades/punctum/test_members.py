"""Members: their nicknames, roles and permissions, and how they are put out and let in again."""

from __future__ import annotations

import pytest

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import HIDDEN, Client, Shown, is_refused


@pytest.fixture
def mine(client: Client, owner: Person, member: Person, conference: Shown) -> Shown:
    return client.server.once("bob is in it", lambda: client.join(owner, conference, member))


@pytest.fixture
def path(conference: Shown, mine: Shown) -> str:
    return f"/conferences/{conference['id']}/members/{mine['id']}"


def test_one_member_by_each_of_its_names(client: Client, owner: Person, member: Person, mine: Shown, path: str) -> None:
    by_account = path.replace(mine["id"], member.id)

    assert client.get(path, owner) == client.get(by_account, owner) == client.get(f"/id/{mine['id']}", member) == mine
    assert (mine["user_id"], mine["permissions"], mine["banned"]) == (member.id, 143, False)


def test_roles_are_replaced_whole_and_null_takes_all(
    client: Client, owner: Person, conference: Shown, path: str
) -> None:
    first, second, third = (client.role(owner, conference)["id"] for _ in range(3))

    assert client.patch(path, owner, roles=[first, second])["roles"] == sorted([first, second])
    assert client.patch(path, owner, roles=[third, second])["roles"] == sorted([third, second])
    assert "roles" not in client.patch(path, owner, roles=None)
    assert client.patch(path, owner, roles=[first])["roles"] == [first]
    assert "roles" not in client.patch(path, owner, roles=[])


def test_permissions_override_and_null_leaves_what_is_inherited(
    client: Client, owner: Person, conference: Shown, path: str
) -> None:
    assert client.patch(path, owner, permissions=5)["permissions"] == 1
    client.patch(f"/conferences/{conference['id']}", owner, permissions=3)
    assert client.get(path, owner)["permissions"] == 1
    assert client.patch(path, owner, permissions=None)["permissions"] == 3


def test_putting_out_and_coming_back(
    client: Client, owner: Person, member: Person, conference: Shown, path: str
) -> None:
    assert client.ok("DELETE", path, owner) == {"id": path.rpartition("/")[2]}

    assert is_refused(client.call("GET", path, owner), 404, 4)
    assert is_refused(client.call("GET", f"/conferences/{conference['id']}/members", member), 403, 3)
    again = client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)
    assert again["id"] == conference["id"]


def test_leaving_by_deleting_oneself(client: Client, member: Person, conference: Shown, path: str) -> None:
    client.ok("DELETE", path, member)

    assert conference["id"] not in client.get("/accounts", member)["joined_conferences"]


@pytest.mark.parametrize("way", ["leaves", "is put out"])
def test_what_was_taken_from_a_member_stays_taken_until_it_is_given_back(
    client: Client, owner: Person, member: Person, conference: Shown, channel: Shown, path: str, way: str
) -> None:
    messages, by_account = f"/channels/{channel['id']}/messages", path.rpartition("/")[0] + f"/{member.id}"

    def go_and_come_back() -> int:
        by = member if way == "leaves" else owner
        client.ok("DELETE", by_account, by)
        client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)
        return int(client.get(by_account, member)["permissions"])

    client.patch(by_account, owner, permissions=3 | 512)
    assert [go_and_come_back() for _ in range(2)] == [3, 3]
    with client.server.stores_nothing():
        assert is_refused(client.call("POST", messages, member, json={"content": "x"}), 403, 3)

    client.patch(by_account, owner, permissions=None)
    assert go_and_come_back() == 143
    assert client.call("POST", messages, member, json={"content": "x"}).status_code == 200


def test_what_a_role_took_stays_taken_too(
    client: Client, owner: Person, member: Person, conference: Shown, channel: Shown, path: str
) -> None:
    """Or who is muted by one would leave it behind."""
    muted = client.role(owner, conference, name="muted", permissions=3)
    client.patch(path, owner, roles=[muted["id"]])

    client.ok("POST", f"/conferences/{conference['id']}/leave", member)
    client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)

    shown = client.get(f"/conferences/{conference['id']}/members/{member.id}", member)
    assert (shown["permissions"], shown["roles"]) == (3, [muted["id"]])
    with client.server.stores_nothing():
        answer = client.call("POST", f"/channels/{channel['id']}/messages", member, json={"content": "x"})
    assert is_refused(answer, 403, 3)


def test_a_role_that_is_given_after_a_return_counts_in_full(
    client: Client, owner: Person, member: Person, conference: Shown, path: str
) -> None:
    """Whatever those lacked that were held before; and of those, what gives something is lost by leaving."""
    by_account = path.rpartition("/")[0] + f"/{member.id}"
    permissions = {"greeter": 1 | 2 | 4 | 32, "muted": 3, "moderator": 16 | 512 | 143}
    greeter, muted, moderator = (
        client.role(owner, conference, name=name, permissions=bits)["id"] for name, bits in permissions.items()
    )

    def after_a_return(*roles: str) -> tuple[int, list[str]]:
        client.patch(by_account, owner, roles=list(roles))
        client.ok("POST", f"/conferences/{conference['id']}/leave", member)
        assert [client.get(f"/roles/{role}", owner)["members"] for role in (greeter, muted)] == [[], []]
        client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)
        shown = client.get(by_account, member)
        return shown["permissions"], shown.get("roles", [])

    assert after_a_return(greeter) == (143, [])
    assert client.patch(by_account, owner, roles=[moderator])["permissions"] == 16 | 512 | 143
    assert after_a_return(muted) == (3, [muted])
    assert client.patch(by_account, owner, roles=[muted, moderator])["permissions"] == 16 | 512 | 143
    assert client.patch(by_account, owner, roles=[])["permissions"] == 143


@pytest.mark.parametrize("what", ["role", "conference"])
def test_a_role_that_took_gives_nothing_to_who_returns(
    client: Client, owner: Person, member: Person, conference: Shown, path: str, what: str
) -> None:
    """Nobody was trusted with what it has come to give while they were away."""
    muted = client.role(owner, conference, name="muted", permissions=3)["id"]
    client.patch(path, owner, roles=[muted])
    client.ok("POST", f"{path}/kick", owner)
    if what == "role":
        client.patch(f"/roles/{muted}", owner, permissions=1951)
    else:
        client.patch(f"/conferences/{conference['id']}", owner, permissions=1)

    client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)

    shown = client.get(f"/conferences/{conference['id']}/members/{member.id}", owner)
    assert (shown["permissions"], shown.get("roles", [])) == (143 if what == "role" else 1, [])


def test_what_a_member_was_trusted_with_is_gone_when_they_leave(
    client: Client, owner: Person, member: Person, conference: Shown, path: str
) -> None:
    client.patch(path, owner, permissions=143 | 512 | 1024)
    client.ok("POST", f"/conferences/{conference['id']}/leave", member)
    client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)

    assert client.get(f"/conferences/{conference['id']}/members/{member.id}", member)["permissions"] == 143
    client.patch(f"/conferences/{conference['id']}", owner, permissions=3)
    assert client.get(f"/conferences/{conference['id']}/members/{member.id}", member)["permissions"] == 3


@pytest.mark.parametrize("way", ["patch", "post"])
def test_a_ban_and_its_end(
    client: Client, owner: Person, member: Person, conference: Shown, channel: Shown, path: str, way: str
) -> None:
    client.role(owner, conference)
    client.patch(path, owner, nickname="Skipper", permissions=7)

    banned = client.patch(path, owner, banned=True) if way == "patch" else client.ok("POST", f"{path}/ban", owner)

    only = {"id": path.rpartition("/")[2], "type": "object", "object_type": "conference_member"}
    assert banned == only | {"banned": True, "permissions": 0}
    assert client.get(path, owner) == banned
    assert banned["id"] not in client.get(f"/conferences/{conference['id']}", owner)["members"]
    assert banned["id"] not in client.listed(f"/conferences/{conference['id']}/members", owner)
    assert conference["id"] not in client.get("/accounts", member)["joined_conferences"]
    for closed in (f"/channels/{channel['id']}", f"/channels/{channel['id']}/messages", path):
        assert is_refused(client.call("GET", closed, member), 403, 3), closed
    joining = client.call("POST", f"/invites/by-name/for-{member.username}/join", member)
    assert is_refused(joining, 403, 3, "You are banned from this conference.")
    assert is_refused(client.call("POST", f"/conferences/{conference['id']}/leave", member), 400, 8)

    lifted = (
        client.call("PATCH", path, owner, json={"banned": False})
        if way == "patch"
        else client.call("POST", f"{path}/unban", owner)
    )
    assert lifted.status_code == 200
    client.ok("POST", f"/invites/by-name/for-{member.username}/join", member)
    assert client.get(f"/conferences/{conference['id']}/members/{member.id}", member)["permissions"] == 143


def test_who_is_in_a_conference_is_told_to_nobody_outside(
    client: Client, server: Server, member: Person, conference: Shown, path: str
) -> None:
    outsider, stranger = server.sign_up("carol"), server.sign_up("dave")
    bot = client.make("/accounts", outsider, username="carols-bot")["id"]
    named = path.rpartition("/")[0]

    def answers(account_id: str) -> list[tuple[int, str]]:
        asked = [
            client.call("GET", f"{named}/{account_id}", outsider),
            client.call("PATCH", f"{named}/{account_id}", outsider, json={"nickname": "x"}),
            client.call("PATCH", f"{named}/{account_id}", outsider, json={"banned": True}),
            client.call("DELETE", f"{named}/{account_id}", outsider),
            *(client.call("POST", f"{named}/{account_id}/{what}", outsider) for what in ("ban", "kick", "unban")),
            client.call("POST", named, outsider, json={"user_id": account_id}),
        ]
        return [(answer.status_code, answer.json["detail"]) for answer in asked]

    with server.stores_nothing():
        told = [answers(account_id) for account_id in (member.id, stranger.id, bot)]

    assert told == [[(403, HIDDEN)] * 8] * 3


def test_who_never_joined_is_banned_by_account(
    client: Client, owner: Person, member: Person, conference: Shown
) -> None:
    path = f"/conferences/{conference['id']}/members/{member.id}"
    invite = client.make("/invites", owner, conference_id=conference["id"])

    named = {"object_type": "conference_member", "banned": True}
    assert client.patch(path, owner, **named)["banned"] is True

    assert is_refused(client.call("POST", f"/invites/{invite['id']}/join", member), 403, 3)
    assert is_refused(client.call("PATCH", path.replace(member.id, owner.id), owner, json={"banned": True}), 403, 3)


def test_joining_without_an_invite(client: Client, server: Server, owner: Person, member: Person) -> None:
    """Only where it is open, and only oneself; who is in it already is shown."""
    closed, is_open = client.conference(owner), client.conference(owner, index_conference=True)
    path = f"/conferences/{is_open['id']}/members"

    refused = client.call("POST", f"/conferences/{closed['id']}/members", member, json={"user_id": member.id})
    assert is_refused(refused, 403, 3, "You need an invite to this conference.")
    joined = client.call("POST", path, member, json={"user_id": member.id})
    assert (joined.status_code, joined.json["user_id"]) == (201, member.id)
    again = client.call("POST", path, member, json={"user_id": member.id})
    assert (again.status_code, again.json) == (200, joined.json)
    assert "Location" not in again.headers
    carol = server.sign_up("carol")
    assert is_refused(client.call("POST", path, member, json={"user_id": carol.id}), 403, 3)
    assert client.call("POST", path, owner, json={"user_id": member.id}).json == joined.json
    assert is_refused(client.call("POST", path, carol, json={"user_id": member.id}), 403, 3, HIDDEN)


def test_who_is_banned_does_not_join_without_an_invite(
    client: Client, server: Server, owner: Person, member: Person
) -> None:
    conference = client.conference(owner, index_conference=True)
    path = f"/conferences/{conference['id']}/members"
    client.ok("POST", path, member, {"user_id": member.id}, status=201)
    client.patch(f"{path}/{member.id}", owner, banned=True)

    with server.stores_nothing():
        answers = [client.call("POST", path, who, json={"user_id": member.id}) for who in (member, owner)]

    assert is_refused(answers[0], 403, 3, "You are banned from this conference.")
    assert is_refused(answers[1], 403, 3, "Only they themselves can join.")


def test_ones_bot_is_let_in_by_who_may_invite(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    own, others = client.make("/accounts", owner, username="gull"), client.make("/accounts", member, username="tern")
    path = f"/conferences/{conference['id']}/members"

    assert client.ok("POST", path, owner, {"user_id": own["id"]}, status=201)["user_id"] == own["id"]
    assert is_refused(client.call("POST", path, owner, json={"user_id": others["id"]}), 403, 3)
    client.join(owner, conference, member)
    assert is_refused(client.call("POST", path, member, json={"user_id": others["id"]}), 403, 3)


def test_members_of_the_home_conference_are_its_accounts(
    client: Client, owner: Person, member: Person, home: str
) -> None:
    path = f"/conferences/{home}/members"
    stash = client.get(path, member)

    shown = {stash[id_]["user_id"]: stash[id_]["permissions"] for id_ in stash["id_list"]}
    assert shown == {owner.id: 16383, member.id: 143}
    assert is_refused(client.call("DELETE", f"{path}/{member.id}", owner), 403, 3)
    assert client.patch(f"{path}/{member.id}", owner, banned=True)["banned"] is True
    assert is_refused(client.call("GET", "/accounts", member), 403, 3)
    assert client.call("PATCH", f"{path}/{member.id}", owner, json={"banned": False}).status_code == 200
    assert client.get(f"{path}/{member.id}", owner)["permissions"] == 143
