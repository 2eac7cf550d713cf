"""Channels of conferences, with categories and media, and those of direct messages (contracts/punctum.md, 1.5)."""

from __future__ import annotations

import pytest

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused


@pytest.mark.parametrize("kind", ["text", "media", "category"])
def test_the_types_of_a_conferences_channels(client: Client, owner: Person, conference: Shown, kind: str) -> None:
    channel = client.channel(owner, conference, channel_type=kind)

    assert channel["channel_type"] == kind
    sending = client.call("POST", f"/channels/{channel['id']}/messages", owner, json={"content": "x"})
    if kind != "text":
        assert is_refused(sending, 400, 10, "parent_channel: an object of another type.")
    else:
        assert sending.status_code == 200
    path = f"/conferences/{conference['id']}/channels/{channel['id']}"
    assert client.get(path, owner) == channel
    assert client.ok("DELETE", path, owner) == {"id": channel["id"]}
    assert is_refused(client.call("GET", path, owner), 404, 4)
    assert client.get(f"/conferences/{conference['id']}", owner)["channels"] == []


def test_types_that_are_none(client: Client, owner: Person, conference: Shown) -> None:
    for kind in ("hologram", "direct_message", 7):
        answer = client.call(
            "POST", f"/conferences/{conference['id']}/channels", owner, json={"name": "x", "channel_type": kind}
        )
        assert is_refused(answer, 400, 7), kind


def test_categories_group_the_channels_of_their_conference(client: Client, owner: Person, conference: Shown) -> None:
    category = client.channel(owner, conference, channel_type="category")
    channel = client.channel(owner, conference, category=category["id"])
    elsewhere = client.channel(owner, client.conference(owner), channel_type="category")

    assert channel["category"] == category["id"]
    wrong = client.call("PATCH", f"/channels/{channel['id']}", owner, json={"category": elsewhere["id"]})
    assert is_refused(wrong, 400, 8)
    assert "category" not in client.patch(f"/channels/{channel['id']}", owner, category=None)
    client.patch(f"/channels/{channel['id']}", owner, category=category["id"])
    client.ok("DELETE", f"/channels/{category['id']}", owner)
    assert "category" not in client.get(f"/channels/{channel['id']}", owner)


def test_moving_to_another_conference_needs_the_bit_in_both(
    client: Client, owner: Person, member: Person, conference: Shown, channel: Shown
) -> None:
    other, path = client.conference(owner), f"/channels/{channel['id']}"
    foreign = client.conference(member)
    client.join(owner, conference, member)
    refused = client.call("PATCH", path, owner, json={"parent_conference": foreign["id"]})
    assert is_refused(refused, 403, 3)

    assert client.patch(path, owner, parent_conference=other["id"])["parent_conference"] == other["id"]

    assert is_refused(client.call("GET", path, member), 403, 3)
    assert client.get(f"/conferences/{conference['id']}", owner)["channels"] == []


def test_a_channel_of_the_home_conference_is_a_channel_of_the_server(
    client: Client, server: Server, owner: Person, member: Person, home: str
) -> None:
    theirs = server.create_channel(owner, channel_name="lobby")["channel_id"]
    ours = client.make(f"/conferences/{home}/channels", owner, name="quay", channel_type="media")
    listed = server.call("POST", "/api/v1/channels/list/", person=member).json["channels"]

    assert {(one["channel_id"], one["channel_name"]) for one in listed} >= {(theirs, "lobby"), (ours["id"], "quay")}
    assert ours["channel_type"] == "media"
    assert set(client.listed(f"/conferences/{home}/channels", member)) >= {theirs, ours["id"]}
    assert client.get(f"/channels/{theirs}", member)["parent_conference"] == home
    assert client.patch(f"/channels/{theirs}", owner, name="hall")["name"] == "hall"
    assert is_refused(client.call("PATCH", f"/channels/{theirs}", member, json={"name": "x"}), 403, 3)
    assert is_refused(client.call("POST", f"/conferences/{home}/channels", owner, json={"name": "hall"}), 400, 7)
    client.ok("DELETE", f"/channels/{theirs}", owner)
    listed = server.call("POST", "/api/v1/channels/list/", person=member).json["channels"]
    assert theirs not in {one["channel_id"] for one in listed}


def test_private_channels_of_the_server_are_hidden(
    client: Client, server: Server, owner: Person, member: Person, home: str
) -> None:
    private = server.create_channel(owner, channel_name="vault", is_private=True)["channel_id"]

    assert private not in client.listed(f"/conferences/{home}/channels", member)
    assert private not in client.get(f"/conferences/{home}", member)["channels"]
    assert private not in client.get(f"/conferences/{home}", None)["channels"]
    assert is_refused(client.call("GET", f"/channels/{private}", member), 403, 3)
    assert private in client.listed(f"/conferences/{home}/channels", owner)


# Direct messages.


@pytest.fixture
def carol(server: Server, member: Person) -> Person:
    return server.once("carol", lambda: server.sign_up("carol"))


def _direct(client: Client, person: Person, *others: Person, status: int = 201) -> Shown:
    body = {"channel_type": "direct_message", "members": [other.id for other in others]}
    return client.ok("POST", "/channels", person, body, status=status)


def test_a_conversation_of_two(client: Client, owner: Person, member: Person, carol: Person) -> None:
    """It is the same whoever opens it, and is called by both ids."""
    channel = _direct(client, owner, member)

    assert channel["channel_type"] == "direct_message"
    assert channel["name"] == " ".join(sorted([owner.id, member.id]))
    assert sorted(channel["members"]) == sorted([owner.id, member.id])
    assert channel["permissions"] == 1 | 2 | 4 | 8 | 64
    assert "parent_conference" not in channel
    assert _direct(client, member, owner, status=200) == channel
    assert is_refused(client.call("GET", f"/channels/{channel['id']}", carol), 404, 4)
    assert is_refused(client.call("GET", f"/channels/{channel['id']}/messages", carol), 404, 4)
    assert is_refused(client.call("PATCH", f"/channels/{channel['id']}", owner, json={"name": "x"}), 400, 6)
    assert client.patch(f"/channels/{channel['id']}", owner, **channel) == channel
    assert is_refused(client.call("DELETE", f"/channels/{channel['id']}", owner), 403, 3)


def test_what_is_said_in_it_is_said_in_both_protocols(
    client: Client, server: Server, owner: Person, member: Person
) -> None:
    channel = _direct(client, owner, member)
    ours = client.send(owner, channel, "ahoy")
    answer = server.call("POST", "/api/v1/dms/send", person=member, data={"peer": owner.id, "message": "aye"})

    theirs = answer.json["result"]["message_id"] if answer.status_code == 201 else answer.text
    assert client.listed(f"/channels/{channel['id']}/messages", member) == [ours["id"], theirs]
    reply = client.send(owner, channel, "so", reply_to=theirs)
    assert reply["reply_to"] == theirs
    assert client.get(f"/messages/{theirs}", owner)["replies"] == [reply["id"]]


def test_a_conversation_of_several(client: Client, owner: Person, member: Person, carol: Person) -> None:
    channel = _direct(client, owner, member, carol)
    message = client.send(carol, channel, "all together")

    assert sorted(channel["members"]) == sorted([owner.id, member.id, carol.id])
    assert client.get(f"/messages/{message['id']}", member)["content"] == "all together"
    assert client.patch(f"/messages/{message['id']}", carol, content="not all")["edited"] is True
    assert client.ok("POST", f"/messages/{message['id']}/react", owner, {"reaction": "tada"}) == {
        "reactions": ["party_popper"]
    }
    assert is_refused(client.call("PATCH", f"/messages/{message['id']}", owner, json={"pinned": True}), 403, 3)
    client.ok("DELETE", f"/messages/{message['id']}", carol)
    assert client.listed(f"/channels/{channel['id']}/messages", owner) == []


def test_who_blocked_one_is_not_written_to(client: Client, server: Server, owner: Person, member: Person) -> None:
    channel = _direct(client, owner, member)
    client.ok("POST", f"/accounts/{owner.id}/block", member)
    with server.stores_nothing():
        assert is_refused(
            client.call("POST", f"/channels/{channel['id']}/messages", owner, json={"content": "x"}), 403, 3
        )
        body = {"channel_type": "direct_message", "members": [member.id]}
        assert is_refused(client.call("POST", "/channels", owner, json=body), 403, 3)


def test_nobody_talks_to_themselves_alone(client: Client, owner: Person) -> None:
    body = {"channel_type": "direct_message", "members": [owner.id]}

    assert is_refused(client.call("POST", "/channels", owner, json=body), 400, 7)
