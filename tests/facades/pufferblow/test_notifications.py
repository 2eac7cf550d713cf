"""Notifications: who is mentioned is told, once, of what they may see, and nobody else."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.facades.conftest import Person, Server

LIST = "/api/v1/notifications/"
COUNT = "/api/v1/notifications/unread_count"
READ_ALL = "/api/v1/notifications/read-all"


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


def told(server: Server, person: Person, **query: int) -> list[dict[str, Any]]:
    answer = server.call("GET", LIST, person=person, query_string=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["notifications"]
    return found


def unread(server: Server, person: Person) -> int:
    return int(server.call("GET", COUNT, person=person).json["unread_count"])


def read(server: Server, person: Person, notification_id: str) -> Any:
    return server.call("POST", f"/api/v1/notifications/{notification_id}/read", person=person)


def edit(server: Server, person: Person, channel_id: str, message_id: str, text: str) -> None:
    path = f"/api/v1/channels/{channel_id}/messages/{message_id}"
    assert server.call("PUT", path, person=person, json={"message": text}).status_code == 200


def delete(server: Server, person: Person, channel_id: str, message_id: str) -> None:
    path = f"/api/v1/channels/{channel_id}/delete_message"
    assert server.call("DELETE", path, person=person, query_string={"message_id": message_id}).status_code == 200


def test_who_is_mentioned_is_told(server: Server, owner: Person, member: Person, lobby: str) -> None:
    message = server.send(owner, lobby, "hello @bob, and @bob again, and @nobody")

    [notification] = told(server, member)

    assert notification == {
        "notification_id": notification["notification_id"],
        "user_id": member.id,
        "type": "mention",
        "actor_user_id": owner.id,
        "channel_id": lobby,
        "message_id": message["message_id"],
        "created_at": notification["created_at"],
        "read_at": None,
    }
    assert (unread(server, member), unread(server, owner), told(server, owner)) == (1, 0, [])


def test_nobody_is_told_of_themselves(server: Server, owner: Person, lobby: str) -> None:
    server.send(owner, lobby, "I, @alice, say so")

    assert told(server, owner) == []


def test_who_does_not_see_the_channel_is_not_told(server: Server, owner: Person, member: Person) -> None:
    secret = server.create_channel(owner, is_private=True)["channel_id"]

    server.send(owner, secret, "do not tell @bob")

    assert (told(server, member), unread(server, member)) == ([], 0)


def test_who_was_put_out_is_shown_it_no_longer(server: Server, owner: Person, member: Person) -> None:
    secret = server.create_channel(owner, is_private=True)["channel_id"]
    path = f"/api/v1/channels/{secret}"
    server.call("PUT", f"{path}/add_user", person=owner, query_string={"to_add_user_id": member.id})
    server.send(owner, secret, "welcome @bob")
    [notification] = told(server, member)

    server.call("DELETE", f"{path}/remove_user", person=owner, query_string={"to_remove_user_id": member.id})

    assert (told(server, member), unread(server, member)) == ([], 0)
    assert read(server, member, notification["notification_id"]).status_code == 404


def test_a_direct_message_is_no_mention(server: Server, owner: Person, member: Person) -> None:
    said = server.call("POST", "/api/v1/dms/send", person=owner, json={"peer": "bob", "message": "psst @bob"})

    assert said.status_code == 201
    assert told(server, member) == []


def test_an_edit_tells_those_it_mentions_first(server: Server, owner: Person, member: Person, lobby: str) -> None:
    carol = server.sign_up("carol")
    message_id = server.send(owner, lobby, "hello @bob")["message_id"]

    for text in ("hello @bob and @carol", "hello again @carol and @bob"):
        edit(server, owner, lobby, message_id, text)

    assert [len(told(server, person)) for person in (member, carol)] == [1, 1]


def test_a_notification_goes_with_its_message(server: Server, owner: Person, member: Person, lobby: str) -> None:
    message_id = server.send(owner, lobby, "hello @bob")["message_id"]

    delete(server, owner, lobby, message_id)

    assert (told(server, member), unread(server, member)) == ([], 0)


def test_reading_one_and_all(server: Server, owner: Person, member: Person, lobby: str) -> None:
    for number in range(3):
        server.send(owner, lobby, f"{number} @bob")
    newest, _, oldest = told(server, member)

    first, again = (read(server, member, newest["notification_id"]).json for _ in range(2))
    assert first == {"status_code": 200, "unread_count": 2, "already_read": False}
    assert again == {"status_code": 200, "unread_count": 2, "already_read": True}
    assert server.call("POST", READ_ALL, person=member).json == {"status_code": 200, "unread_count": 0, "marked": 2}
    assert all(found["read_at"] for found in told(server, member))
    assert told(server, member, page=2, per_page=2)[0]["message_id"] == oldest["message_id"]


def test_nobody_reads_those_of_others(server: Server, owner: Person, member: Person, lobby: str) -> None:
    server.send(owner, lobby, "hello @bob")
    [notification] = told(server, member)

    with server.stores_nothing():
        for notification_id in (notification["notification_id"], "notification_none"):
            assert read(server, owner, notification_id).status_code == 404

    assert unread(server, member) == 1


def test_our_own_people_are_told_however_often_they_mention_one_another(
    server: Server, owner: Person, member: Person, lobby: str
) -> None:
    for number in range(22):
        server.send(owner, lobby, f"hello @bob, {number}")

    assert unread(server, member) == 22


def test_a_mention_costs_three_statements_and_a_message_without_one_none(
    server: Server, owner: Person, member: Person, lobby: str
) -> None:
    costs = []
    for text in ("the first makes the channel's key", "the second reads it", "nobody", f"hello @{member.username}"):
        with server.counted_queries() as statements:
            server.send(owner, lobby, text)
        costs.append(sum(statement.startswith("SELECT") for statement in statements))

    assert costs[3] - costs[2] == 3  # Who that is, whether they see it, and whether they listen to the author.


def test_counts_do_not_lie(server: Server, owner: Person, member: Person, lobby: str) -> None:
    """Messages and mentions, said, edited, deleted and read at random, beside a list that remembers all of it."""
    chance = random.Random(7)
    said: dict[str, bool] = {}  # Whether each living message of the owner's mentions bob.
    order: list[str] = []
    read_up_to, seen = -1, set[str]()
    for _ in range(60):
        action = chance.choice(["say", "say", "mention", "edit", "delete", "mark", "read all"])
        living = list(said)
        if action in {"say", "mention"}:
            text = "hi @bob" if action == "mention" else "hi"
            order.append(server.send(owner, lobby, text)["message_id"])
            said[order[-1]] = action == "mention"
        elif action == "read all":
            server.call("POST", READ_ALL, person=member)
            seen |= {message for message in living if said[message]}
        elif living:
            chosen = chance.choice(living)
            if action == "edit":
                edit(server, owner, lobby, chosen, "look @bob")
                said[chosen] = True
            elif action == "delete":
                delete(server, owner, lobby, chosen)
                del said[chosen]
            else:
                path = f"/api/v1/channels/{lobby}/mark_message_as_read"
                server.call("PUT", path, person=member, query_string={"message_id": chosen})
                read_up_to = max(read_up_to, order.index(chosen))
        history = server.call("GET", "/api/v1/channels/read-history", person=member).json
        waiting = sum(order.index(message) > read_up_to for message in said)
        assert history["unread_counts"].get(lobby, 0) == waiting
        assert unread(server, member) == sum(is_mention and message not in seen for message, is_mention in said.items())
