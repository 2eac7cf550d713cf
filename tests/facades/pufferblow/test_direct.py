"""Direct messages, and following people of other servers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.db import database, transaction
from app.models import Actor, Delivery
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import ORIGIN, Person, Server

SEND = "/api/v1/dms/send"
LOAD = "/api/v1/dms/messages"
FOLLOW = "/api/v1/federation/follow"
UNFOLLOW = "/api/v1/federation/unfollow"
CREATE = "/api/v1/channels/create/"
ZOE = "https://pond.example/users/zoe"


@pytest.fixture
def zoe(server: Server) -> str:
    """Somebody on another server, whom this one knows."""
    now = datetime.now(UTC)
    with transaction() as session:
        session.execute(
            insert(Actor).values(
                id="user_zoe",
                uri=ZOE,
                type="Person",
                host="pond.example",
                preferred_username="zoe",
                name="Zoe",
                summary="",
                inbox=f"{ZOE}/inbox",
                shared_inbox="https://pond.example/inbox",
                manually_approves=False,
                discoverable=True,
                created_at=now,
                updated_at=now,
                fetched_at=now,
            )
        )
    return ZOE


def test_a_direct_message_to_somebody_here(server: Server, owner: Person, member: Person) -> None:
    answer = server.call("POST", SEND, person=owner, json={"peer": "bob", "message": "hi bob", "attachments": []})

    conversation = _conversation(f"{ORIGIN}/ap/users/{owner.id}", f"{ORIGIN}/ap/users/{member.id}")
    assert answer.status_code == 201
    assert answer.json["message"] == "Direct message sent"
    assert answer.json["result"] == {
        "conversation_id": conversation,
        "message_id": answer.json["result"]["message_id"],
        "delivered_local": True,
        "delivered_remote": False,
    }
    for person, peer in ((owner, member), (member, owner)):
        loaded = server.call("GET", LOAD, person=person, query_string={"peer": peer.username}).json
        assert loaded["conversation_id"] == conversation
        assert loaded["peer_actor_uri"] == f"{ORIGIN}/ap/users/{peer.id}"
        [message] = loaded["messages"]
        assert (message["message"], message["channel_id"], message["sender_username"]) == ("hi bob", None, "alice")


@pytest.mark.parametrize("how", ["username", "Username", "id", "uri", "handle", "acct"])
def test_a_peer_may_be_named_in_many_ways(server: Server, owner: Person, member: Person, how: str) -> None:
    peer = {
        "username": "bob",
        "Username": "BOB",
        "id": member.id,
        "uri": f"{ORIGIN}/ap/users/{member.id}",
        "handle": "@bob@chat.example",
        "acct": "acct:bob@chat.example",
    }[how]

    answer = server.call("POST", SEND, person=owner, json={"peer": peer, "message": "hi"})

    assert answer.status_code == 201
    assert answer.json["result"]["delivered_local"] is True


@pytest.mark.parametrize("peer", [ZOE, "zoe@pond.example", "@Zoe@pond.example"])
def test_a_direct_message_to_somebody_elsewhere_is_put_in_the_queue(
    server: Server, owner: Person, zoe: str, peer: str
) -> None:
    result = server.call("POST", SEND, person=owner, json={"peer": peer, "message": "hi zoe"}).json["result"]

    assert (result["delivered_local"], result["delivered_remote"]) == (False, True)
    assert result["activity_id"].startswith(f"{ORIGIN}/ap/activities/")
    [delivery] = _deliveries()
    assert (delivery.host, delivery.inbox) == ("pond.example", f"{ZOE}/inbox")
    assert result["delivery_target"] == delivery.inbox


def test_nobody_else_reads_a_conversation(server: Server, owner: Person, member: Person) -> None:
    server.call("POST", SEND, person=owner, json={"peer": "bob", "message": "psst"})
    carol = server.sign_up("carol")

    for peer in ("alice", "bob"):
        answer = server.call("GET", LOAD, person=carol, query_string={"peer": peer})
        assert (answer.status_code, answer.json["messages"]) == (200, [])


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"peer": "bob", "message": ""}, "Direct message body cannot be empty"),
        ({"peer": "bob", "message": "  "}, "Direct message body cannot be empty"),
        ({"peer": "nobody", "message": "x"}, "Remote handle must be in format user@domain"),
        ({"peer": "instance", "message": "x"}, "Remote handle must be in format user@domain"),
        ({"peer": "alice", "message": "x"}, "A direct message needs somebody else to read it."),
        (
            {"peer": "bob", "message": "x", "attachments": ["https://example.org/a.png"]},
            "An attachment is the URL of a file that you have uploaded to this server.",
        ),
        ({"message": "x"}, "peer: required."),
        ({"peer": "bob"}, "message: required."),
    ],
)
@ON_SQLITE
def test_a_direct_message_that_cannot_be(
    server: Server, owner: Person, member: Person, given: dict[str, Any], detail: str
) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SEND, person=owner, json=given)

    assert (answer.status_code, answer.json) == refusal(400, detail)


def test_a_direct_message_repeated_with_its_key_is_sent_once(server: Server, owner: Person, member: Person) -> None:
    def send(peer: str) -> Any:
        given = {"peer": peer, "message": "hi"}
        return server.call("POST", SEND, person=owner, json=given, headers={"Idempotency-Key": "k"})

    server.sign_up("carol")
    first, second, third = send("bob"), send("bob"), send("carol")

    assert first.json == second.json
    assert (second.status_code, third.status_code) == (201, 422)


@pytest.mark.parametrize("query", [{}, {"peer": "alice", "messages_per_page": 51}, {"peer": "alice", "page": 0}])
def test_a_conversation_that_makes_no_sense(
    server: Server, owner: Person, member: Person, query: dict[str, Any]
) -> None:
    assert server.call("GET", LOAD, person=member, query_string=query).status_code == 400


@pytest.mark.parametrize("peer", ["nobody", "nobody@pond.example", "https://pond.example/users/nobody"])
def test_a_conversation_with_nobody_asks_no_other_server(server: Server, owner: Person, peer: str) -> None:
    assert server.call("GET", LOAD, person=owner, query_string={"peer": peer}).status_code == 404


@pytest.mark.parametrize("named_by", ["{id}", "cellar", "cellar@chat.example", "@Cellar@chat.example", "{uri}"])
def test_a_private_channel_is_named_as_if_it_were_not_there(
    server: Server, owner: Person, member: Person, named_by: str
) -> None:
    made = server.call("POST", CREATE, person=owner, json={"channel_name": "cellar", "is_private": True})
    there = made.json["channel_data"]["channel_id"]

    def said(channel_id: str) -> list[tuple[int, str]]:
        name = named_by.format(id=channel_id, uri=f"{ORIGIN}/ap/channels/{channel_id}")
        name = name if channel_id == there else name.replace("ellar", "ollar")
        answers = [
            server.call("GET", LOAD, person=member, query_string={"peer": name}),
            server.call("POST", SEND, person=member, json={"peer": name, "message": "x"}),
            server.call("POST", FOLLOW, person=member, json={"remote_handle": name}),
            server.call("POST", UNFOLLOW, person=member, json={"remote_handle": name}),
        ]
        return [(answer.status_code, answer.text.replace(name, "that")) for answer in answers]

    with server.stores_nothing():
        assert said(there) == said(there[:-1] + ("0" if there[-1] != "0" else "1"))


def test_following_somebody_elsewhere(server: Server, owner: Person, zoe: str) -> None:
    answer = server.call("POST", FOLLOW, person=owner, json={"remote_handle": "@zoe@pond.example"})

    assert answer.status_code == 200
    assert answer.json["message"] == "Follow activity delivered"
    assert answer.json["result"]["target_actor"] == ZOE
    assert answer.json["result"]["delivery_target"] == "https://pond.example/inbox"
    assert answer.json["result"]["activity_id"].startswith(f"{ORIGIN}/ap/activities/")
    assert [delivery.inbox for delivery in _deliveries()] == ["https://pond.example/inbox"]


@pytest.mark.parametrize(
    ("handle", "detail"),
    [
        ("bob", "Follow target must be remote for federation follow flow"),
        ("@bob@chat.example", "Follow target must be remote for federation follow flow"),
        ("no-at-sign", "Remote handle must be in format user@domain"),
        ("file:///etc/passwd", "Remote handle must be in format user@domain"),
        ("nobody@chat.example", None),
        ("http://10.0.0.1/users/x", None),
        ("https://127.0.0.1/users/x", None),
        ("x", None),
    ],
)
@ON_SQLITE
def test_whom_one_cannot_follow(server: Server, owner: Person, member: Person, handle: str, detail: str | None) -> None:
    with server.stores_nothing():
        answer = server.call("POST", FOLLOW, person=owner, json={"remote_handle": handle})

    told = answer.json["detail"] if detail is None else detail
    assert (answer.status_code, answer.json) == refusal(400, told)


def _conversation(*uris: str) -> str:
    return "dm-" + hashlib.sha256("::".join(sorted(uris)).encode()).hexdigest()[:32]


def _deliveries() -> list[Any]:
    with database().engine.connect() as connection:
        return list(connection.execute(select(Delivery.host, Delivery.inbox)))
