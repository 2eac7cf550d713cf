"""Conferences: made, joined, left, given away and deleted, and what nobody else sees of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused


def test_the_home_conference_is_the_server(client: Client, server: Server, owner: Person, home: str) -> None:
    """Everybody is in it, and both protocols name and describe the same thing."""
    shown = client.patch(f"/conferences/{home}", owner, name="Sea", description="Salt")

    assert (shown["name"], shown["description"], shown["owner"]) == ("Sea", "Salt", owner.id)
    instance = client.get("/instance", None)
    assert (instance["name"], instance["description"]) == ("Sea", "Salt")
    assert server.call("GET", "/api/v1/system/server-info", person=owner).json["server_info"]["server_name"] == "Sea"
    newcomer = server.sign_up("carol")
    assert home in client.get("/accounts", newcomer)["joined_conferences"]
    for body in ({"permissions": 3}, {"index_conference": True}, {"owner": newcomer.id}):
        assert is_refused(client.call("PATCH", f"/conferences/{home}", owner, json=body), 403, 3)
    assert is_refused(client.call("DELETE", f"/conferences/{home}", owner), 403, 3)
    assert is_refused(client.call("POST", f"/conferences/{home}/leave", newcomer), 403, 3)


def test_whoever_makes_one_owns_it_and_is_its_first_member(client: Client, owner: Person, member: Person) -> None:
    conference = client.conference(member, owner=owner.id)

    assert conference["owner"] == member.id
    [member_id] = conference["members"]
    assert client.get("/accounts", member)["joined_conferences"][conference["id"]] == member_id


def test_leaving(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    path = f"/conferences/{conference['id']}"
    mine = client.join(owner, conference, member)

    assert client.ok("POST", f"{path}/leave", member) == {"id": conference["id"]}

    assert conference["id"] not in client.get("/accounts", member)["joined_conferences"]
    assert is_refused(client.call("POST", f"{path}/leave", member), 400, 8, "You are not in this conference.")
    assert is_refused(client.call("POST", f"{path}/leave", owner), 403, 3)
    assert is_refused(client.call("GET", f"/id/{mine['id']}", owner), 404, 4)
    assert mine["id"] not in client.get(path, owner)["members"]


def test_taking_a_conference_out_of_ones_own_is_leaving(
    client: Client, owner: Person, member: Person, conference: Shown
) -> None:
    client.join(owner, conference, member)
    joined = client.get("/accounts", member)["joined_conferences"]
    rest = {space: mine for space, mine in joined.items() if space != conference["id"]}

    assert client.patch(f"/accounts/{member.id}", member, joined_conferences=rest)["joined_conferences"] == rest
    added = client.call("PATCH", f"/accounts/{member.id}", member, json={"joined_conferences": joined})
    assert is_refused(added, 400, 6, "joined_conferences: cannot be changed.")


def test_deleting_one_deletes_what_is_in_it(
    client: Client, owner: Person, member: Person, conference: Shown, channel: Shown
) -> None:
    client.join(owner, conference, member)
    emoji = client.make(f"/conferences/{conference['id']}/emoji", owner, shortcode="anchor", image="/a.png")
    things = [
        conference["id"],
        channel["id"],
        client.send(owner, channel)["id"],
        client.role(owner, conference)["id"],
        client.make("/invites", owner, conference_id=conference["id"])["id"],
        emoji["id"],
        client.get(f"/conferences/{conference['id']}/members/{member.id}", owner)["id"],
    ]
    assert is_refused(client.call("DELETE", f"/conferences/{conference['id']}", member), 403, 3)

    assert client.ok("DELETE", f"/conferences/{conference['id']}", owner) == {"id": conference["id"]}

    for id_ in things:
        assert is_refused(client.call("GET", f"/id/{id_}", owner), 404, 4), id_
    assert conference["id"] not in client.get("/accounts", member)["joined_conferences"]


def test_lists_are_for_members(client: Client, member: Person, conference: Shown) -> None:
    for kind in ("members", "roles", "invites", "channels"):
        assert is_refused(client.call("GET", f"/conferences/{conference['id']}/{kind}", member), 403, 3), kind
        assert is_refused(client.call("GET", f"/conferences/{conference['id']}/{kind}"), 401, 3), kind


@pytest.fixture
def secret(client: Client, owner: Person, channel: Shown) -> Shown:
    return client.send(owner, channel, "the treasure is under the palm")


def test_nothing_of_it_is_seen_by_others_through_the_other_protocol(
    client: Client, server: Server, owner: Person, member: Person, conference: Shown, channel: Shown, secret: Shown
) -> None:
    def ask(person: Person, method: str, path: str, **options: Any) -> Any:
        return server.call(method, f"/api/v1{path}", person=person, **options)

    def listed(person: Person) -> set[str]:
        return {one["channel_id"] for one in ask(person, "POST", "/channels/list/").json["channels"]}

    def found(person: Person) -> str:
        return str(ask(person, "GET", f"/channels/{channel['id']}/search", query_string={"q": "treasure"}).text)

    history = f"/channels/{channel['id']}/load_messages"
    assert channel["id"] not in listed(member)
    assert ask(member, "GET", history).status_code in (403, 404)
    assert secret["id"] not in found(member)
    assert channel["id"] in listed(owner)
    assert secret["id"] in found(owner)
    sending = ask(member, "POST", f"/channels/{channel['id']}/send_message", data={"message": "x"})
    assert sending.status_code in (403, 404)

    client.join(owner, conference, member)
    told = ask(member, "GET", history)
    assert [message["message_id"] for message in told.json["messages"]] == [secret["id"]]
    assert secret["id"] in found(member)
    assert channel["id"] in listed(member)
    client.patch(f"/conferences/{conference['id']}", owner, permissions=0)
    assert ask(member, "GET", history).status_code in (403, 404)
    assert secret["id"] not in found(member)
    assert channel["id"] not in listed(member)


def test_nothing_of_it_is_told_to_strangers_by_activitypub(
    client: Client, server: Server, owner: Person, channel: Shown, secret: Shown
) -> None:
    accept = {"Accept": "application/activity+json"}
    for path in (
        f"/ap/messages/{secret['id']}",
        f"/ap/channels/{channel['id']}",
        f"/ap/channels/{channel['id']}/outbox",
    ):
        answer = server.call("GET", path, headers=accept)
        assert "palm" not in answer.text, path
        assert answer.status_code in (401, 403, 404) or answer.json.get("totalItems", 0) == 0, (path, answer.text)
    lobby = server.create_channel(owner)["channel_id"]
    public = server.send(owner, lobby, "in the open")["message_id"]
    outbox = server.call("GET", f"/ap/users/{owner.id}/outbox?page=true", headers=accept)
    assert secret["id"] not in outbox.text
    assert public in outbox.text, "Otherwise this would show nothing."
    assert "in the open" in server.call("GET", f"/ap/messages/{public}", headers=accept).text
