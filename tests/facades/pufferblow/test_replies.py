"""Replies, in channels and in conversations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Person, Server


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


def answer(server: Server, person: Person, channel_id: str, reply_to: str) -> Any:
    path = f"/api/v1/channels/{channel_id}/send_message"
    return server.call("POST", path, person=person, data={"message": "an answer", "reply_to": reply_to})


def say_directly(server: Server, person: Person, peer: str, **given: str) -> Any:
    return server.call("POST", "/api/v1/dms/send", person=person, json={"peer": peer, "message": "psst"} | given)


def history(server: Server, person: Person, channel_id: str) -> list[dict[str, Any]]:
    path = f"/api/v1/channels/{channel_id}/load_messages"
    messages: list[dict[str, Any]] = server.call("GET", path, person=person).json["messages"]
    return messages


def test_a_reply_names_what_it_answers(server: Server, owner: Person, member: Person, lobby: str) -> None:
    question = server.send(owner, lobby, "a question")

    sent = answer(server, member, lobby, question["message_id"])

    assert sent.status_code == 201
    assert sent.json["message_data"]["reply_to"] == question["message_id"]
    assert [message["reply_to"] for message in history(server, owner, lobby)] == [None, question["message_id"]]


def test_a_reply_outlives_what_it_answers(server: Server, owner: Person, member: Person, lobby: str) -> None:
    question = server.send(owner, lobby, "a question")["message_id"]
    answer(server, member, lobby, question)
    path = f"/api/v1/channels/{lobby}/delete_message"
    server.call("DELETE", path, person=owner, query_string={"message_id": question})

    assert [message["reply_to"] for message in history(server, owner, lobby)] == [question]
    with server.stores_nothing():
        assert answer(server, member, lobby, question).status_code == 404


@pytest.mark.parametrize("where", ["nowhere", "another channel", "a channel not theirs", "a conversation"])
def test_only_what_was_said_in_the_channel_is_answered_there(
    server: Server, owner: Person, member: Person, lobby: str, where: str
) -> None:
    other = server.create_channel(owner, channel_name="other", is_private=where == "a channel not theirs")
    elsewhere = {
        "nowhere": "msg_none",
        "a conversation": say_directly(server, owner, "bob").json["result"]["message_id"],
    }.get(where) or server.send(owner, other["channel_id"], "elsewhere")["message_id"]

    with server.stores_nothing():
        assert answer(server, member, lobby, elsewhere).status_code == 404

    assert history(server, owner, lobby) == []


def test_a_direct_message_is_answered(server: Server, owner: Person, member: Person, lobby: str) -> None:
    first = say_directly(server, owner, "bob").json["result"]["message_id"]
    outside = server.send(owner, lobby, "outside")["message_id"]

    assert say_directly(server, member, "alice", reply_to=first).status_code == 201
    with server.stores_nothing():
        assert say_directly(server, member, "alice", reply_to=outside).status_code == 404

    query = {"peer": "bob"}
    loaded = server.call("GET", "/api/v1/dms/messages", person=owner, query_string=query).json["messages"]
    assert [message["reply_to"] for message in loaded] == [None, first]
