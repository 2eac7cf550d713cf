"""What nobody gets around: bits that were never held, roles that were lost, ranks, and the limits of a session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Person, Server
from tests.facades.oauth.test_scopes import token_for
from tests.facades.punctum.conftest import NO_SUCH, Client, Shown, is_refused, without


@pytest.fixture
def carla(server: Server, owner: Person) -> Person:
    return server.once("carla", lambda: server.sign_up("carla"))


def test_a_ban_takes_the_roles_along(client: Client, owner: Person, carla: Person, conference: Shown) -> None:
    role = _give(client, owner, conference, carla, 16383)
    path = _member(conference, carla)

    client.ok("POST", f"{path}/ban", owner, {})
    assert client.get(f"/roles/{role['id']}", owner).get("members", []) == []
    client.ok("POST", f"{path}/unban", owner, {})
    invite = client.make(f"/conferences/{conference['id']}/invites", owner, name="again")
    client.ok("POST", f"/invites/{invite['id']}/join", carla)

    assert client.get(path, carla)["permissions"] == 143


def test_who_loses_a_role_gains_nothing_by_it(client: Client, owner: Person, carla: Person, conference: Shown) -> None:
    _give(client, owner, conference, carla, 2048 + 3)

    with client.server.stores_nothing():
        assert is_refused(client.call("PATCH", _member(conference, carla), carla, json={"roles": []}), 403, 3)


def test_a_mute_is_not_lifted_by_who_may_not_speak(
    client: Client, owner: Person, carla: Person, member: Person, conference: Shown
) -> None:
    _give(client, owner, conference, carla, 2048 + 3)
    _give(client, owner, conference, member, 3)

    with client.server.stores_nothing():
        assert is_refused(client.call("PATCH", _member(conference, member), carla, json={"roles": []}), 403, 3)


def test_bits_that_wait_for_others_count_in_rank(
    client: Client, owner: Person, carla: Person, member: Person, conference: Shown
) -> None:
    """Without the bit to see, 16 and 64 do nothing; with it they would be more than the giver has."""
    _give(client, owner, conference, carla, 2048 + 3)
    role = _give(client, owner, conference, member, 16 + 64)
    sight = client.role(owner, conference, name="sight", permissions=3)
    assert client.get(_member(conference, member), owner)["permissions"] == 0

    with client.server.stores_nothing():
        given = {"roles": [role["id"], sight["id"]]}
        assert is_refused(client.call("PATCH", _member(conference, member), carla, json=given), 403, 3)


def test_a_channel_brings_no_bits_from_elsewhere(
    client: Client, owner: Person, carla: Person, conference: Shown
) -> None:
    client.join(owner, conference, carla)
    client.patch(_member(conference, carla), owner, permissions=143 + 64)
    mine = client.conference(carla, name="Mine")
    channel = client.channel(carla, mine, permissions=16383)

    with client.server.stores_nothing():
        moved = client.call("PATCH", f"/channels/{channel['id']}", carla, json={"parent_conference": conference["id"]})
    assert is_refused(moved, 403, 3)

    client.patch(f"/channels/{channel['id']}", carla, permissions=None)
    assert client.patch(f"/channels/{channel['id']}", carla, parent_conference=conference["id"])["permissions"] == 143


def test_who_may_not_read_a_channel_does_not_take_it_home(
    client: Client, owner: Person, carla: Person, conference: Shown, channel: Shown
) -> None:
    client.send(owner, channel, "below deck")
    client.join(owner, conference, carla)
    client.patch(_member(conference, carla), owner, permissions=1 + 64)
    mine = client.conference(carla, name="Mine")

    with client.server.stores_nothing():
        moved = client.call("PATCH", f"/channels/{channel['id']}", carla, json={"parent_conference": mine["id"]})
    assert is_refused(moved, 403, 3)
    assert client.call("GET", f"/channels/{channel['id']}/messages", carla).status_code == 403

    client.patch(_member(conference, carla), owner, permissions=1 + 2 + 64)
    client.patch(f"/channels/{channel['id']}", carla, parent_conference=mine["id"])
    assert is_refused(client.call("GET", f"/channels/{channel['id']}", owner), 403, 3)


@pytest.mark.parametrize(
    "carried",
    [
        {"embeds": [{"embed_title": "x", "embed_type": 1}] * 11},
        {"embeds": [{"embed_title": "x", "embed_type": 1, "embed_description": "x" * 4096}] * 5},
        {"attached_files": ["https://example.org/x"] * 21},
        {"attached_files": ["https://example.org/" + "x" * 2000] * 9},
    ],
    ids=["embeds", "long embeds", "files", "long addresses"],
)
def test_a_message_carries_so_much(client: Client, owner: Person, channel: Shown, carried: dict[str, Any]) -> None:
    with client.server.stores_nothing():
        answer = client.call("POST", f"/channels/{channel['id']}/messages", owner, json=carried)

    assert (answer.status_code, answer.json["error_code"] in (7, 11)) == (400, True)


def test_no_client_deletes_the_account_of_its_person(client: Client, server: Server, carla: Person) -> None:
    bearer = {"Authorization": f"Bearer {token_for(carla, 'account:read', 'account:write')}"}

    with server.stores_nothing():
        answer = client.call("DELETE", f"/accounts/{carla.id}", headers=bearer)

    assert is_refused(answer, 403, 3)
    assert client.ok("DELETE", f"/accounts/{carla.id}", carla) == {"id": carla.id}


def test_nobody_deletes_an_equal(client: Client, server: Server, owner: Person, carla: Person, member: Person) -> None:
    server.give_privileges(owner, carla, "delete_users")
    server.give_role(member, "admin")

    with server.stores_nothing():
        assert is_refused(client.call("DELETE", f"/accounts/{member.id}", carla), 403, 3)


def test_at_home_roles_alone_decide(client: Client, owner: Person, carla: Person, home: str) -> None:
    with client.server.stores_nothing():
        answer = client.call("PATCH", f"/conferences/{home}/members/{carla.id}", owner, json={"permissions": 1})

    assert is_refused(answer, 403, 3)


def test_bots_are_given_to_who_has_room(client: Client, owner: Person, carla: Person, member: Person) -> None:
    for number in range(25):
        bot = client.make("/accounts", carla, username=f"bot{number}")
        client.patch(f"/accounts/{bot['id']}", carla, bot_owner=member.id)
    bot = client.make("/accounts", carla, username="one-more")

    with client.server.stores_nothing():
        assert is_refused(client.call("PATCH", f"/accounts/{bot['id']}", carla, json={"bot_owner": member.id}), 400, 7)


def test_bots_are_not_given_to_who_blocks_the_giver(client: Client, carla: Person, member: Person) -> None:
    bot = client.make("/accounts", carla, username="pest")
    client.ok("POST", f"/accounts/{carla.id}/block", member)

    with client.server.stores_nothing():
        answer = client.call("PATCH", f"/accounts/{bot['id']}", carla, json={"bot_owner": member.id, "bio": "his"})
    assert is_refused(answer, 403, 3)
    assert client.get(f"/accounts/{bot['id']}", None) == without(bot, "friends", "blocklist", "joined_conferences")


def test_a_conference_is_not_given_to_a_bot(client: Client, owner: Person, conference: Shown) -> None:
    bot = client.make("/accounts", owner, username="robin")
    client.ok("POST", f"/conferences/{conference['id']}/members", owner, {"user_id": bot["id"]}, status=201)

    with client.server.stores_nothing():
        answer = client.call("PATCH", f"/conferences/{conference['id']}", owner, json={"owner": bot["id"]})
    assert is_refused(answer, 403, 3)


def test_what_is_left_behind_is_cleared_away_by_an_admin(
    client: Client, owner: Person, carla: Person, member: Person
) -> None:
    left = client.conference(carla)
    client.join(carla, left, member)
    with client.server.stores_nothing():
        assert is_refused(client.call("DELETE", f"/conferences/{left['id']}", owner), 403, 3)

    client.ok("DELETE", f"/accounts/{carla.id}", carla)

    with client.server.stores_nothing():
        assert is_refused(client.call("DELETE", f"/conferences/{left['id']}", member), 403, 3)
    client.ok("DELETE", f"/conferences/{left['id']}", owner)
    assert client.call("GET", f"/conferences/{left['id']}", owner).status_code == 404
    assert client.call("GET", f"/id/{NO_SUCH}", owner).status_code == 404


def _give(client: Client, owner: Person, conference: Shown, person: Person, permissions: int) -> Shown:
    """A role of these bits to somebody who joins for it."""
    client.join(owner, conference, person)
    role = client.role(owner, conference, name=f"role of {person.username}", permissions=permissions)
    client.patch(_member(conference, person), owner, roles=[role["id"]])
    return role


def _member(conference: Shown, person: Person) -> str:
    return f"/conferences/{conference['id']}/members/{person.id}"
