"""Who gets a client socket, and what is asked on it: on gunicorn, as in service."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.actions import tokens
from app.actions.oauth.browsers import sign_in
from app.facades.punctum.socket import SCOPES_OF_LISTENING
from tests.facades.conftest import PASSWORD, Person
from tests.facades.oauth.test_scopes import token_for
from tests.facades.pufferblow.chat import Chat
from tests.facades.pufferblow.test_sockets import knock
from tests.facades.punctum.live.clients import PATH, Client, Conference, code
from tests.facades.punctum.live.conftest import Open
from tests.live.raw import BINARY, UPGRADE, RawClient

PING = {"type": "ping", "ping_type": "client_request"}


def refused(answer: tuple[int, str]) -> tuple[int, int]:
    body = json.loads(answer[1])
    assert (body["type"], body["ping_type"], body["error"]) == ("ping", "error", body["detail"])
    return answer[0], body["error_code"]


# The handshake.


@pytest.mark.parametrize("headers", [UPGRADE, {}], ids=["upgrade", "plain"])
@pytest.mark.parametrize("query", ["", "?auth_token=", "?auth_token=xx", "?access_token=a.b.c"])
def test_without_a_good_token_it_is_401(chat: Chat, query: str, headers: dict[str, str]) -> None:
    assert refused(knock(chat, PATH + query, headers=headers)) == (401, 3)


def test_two_tokens_are_none(chat: Chat) -> None:
    token = chat.owner.token
    for query in (f"?auth_token={token}&auth_token={token}", f"?auth_token={token}&access_token=xx"):
        assert refused(knock(chat, PATH + query, headers=UPGRADE)) == (401, 3)


def test_without_an_upgrade_it_is_426(chat: Chat) -> None:
    assert refused(knock(chat, PATH, headers=chat.owner.bearer)) == (426, 5)
    with RawClient(chat.near.port, PATH, headers=chat.owner.bearer) as client:
        assert {"upgrade: websocket", "connection: upgrade"} <= set(client.head.splitlines())


@pytest.mark.parametrize("query", ["auth_token", "access_token"])
def test_token_may_be_in_the_query(chat: Chat, query: str) -> None:
    with Client(chat.near.port, path=f"{PATH}?{query}={chat.owner.token}") as client:
        assert client.ask("GET", "0")["object_type"] == "instance"


def test_token_may_be_in_the_subprotocol(chat: Chat) -> None:
    with Client(chat.near.port, {"Sec-WebSocket-Protocol": f"bearer, {chat.owner.token}"}) as client:
        assert client.status == 101
        assert client.head.splitlines()[-1] == "sec-websocket-protocol: bearer"
        assert chat.owner.token.lower() not in client.head
        assert client.ask("GET", "0")["object_type"] == "instance"


def test_cookie_opens_a_socket_for_our_own_pages_alone(chat: Chat) -> None:
    cookie = {"Cookie": f"__Host-shoal={sign_in(chat.owner.username, PASSWORD).value}"}

    with Client(chat.near.port, cookie | {"Origin": chat.settings.origin}) as client:
        assert client.ask("GET", chat.owner.id)["username"] == chat.owner.username
    for origin in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
        assert refused(knock(chat, PATH, headers=UPGRADE | cookie | origin)) == (401, 3)


def test_banned_account_gets_no_socket(chat: Chat) -> None:
    person = chat.sign_up()
    chat.ban(person)

    assert refused(knock(chat, PATH, headers=UPGRADE | person.bearer)) == (403, 3)


def test_client_needs_the_scopes_of_all_that_is_told(chat: Chat) -> None:
    for missing in SCOPES_OF_LISTENING:
        token = token_for(chat.owner, *(scope for scope in SCOPES_OF_LISTENING if scope != missing))
        assert refused(knock(chat, f"{PATH}?auth_token={token}")) == (403, 3)
    with Client(chat.near.port, path=f"{PATH}?auth_token={token_for(chat.owner, *SCOPES_OF_LISTENING)}") as client:
        assert client.status == 101


def test_eleventh_socket_of_one_person_is_one_too_many(chat: Chat, open_socket: Open) -> None:
    person = chat.sign_up()
    for _ in range(10):
        open_socket(person)

    assert refused(knock(chat, PATH, headers=UPGRADE | person.bearer)) == (429, 3)


# Its end.


def test_expiry_of_the_token_closes_with_4401(chat: Chat, open_socket: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "ACCESS_TTL", timedelta(seconds=2))
    person = chat.sign_up()
    claims = tokens.read_access_token(person.token)
    short = tokens.make_access_token(claims.actor_id, claims.session_id, datetime.now(UTC))

    client = open_socket(replace(person, session={"auth_token": short}))

    assert client.wait_for_close() == 4401


def test_sign_out_closes_with_4401(chat: Chat, open_socket: Open) -> None:
    person = chat.sign_up()
    client, other = open_socket(person), open_socket(chat.sign_in(person))

    chat.call("POST", "/api/v1/auth/revoke", refresh_token=person.session["refresh_token"])

    assert client.wait_for_close() == 4401
    assert other.ask("GET", "0")["id"] == "0"


# Requests.


def test_every_method_does_what_its_route_does(chat: Chat, open_socket: Open, alice: Person, bob: Person) -> None:
    client, other = open_socket(alice), open_socket(bob)

    space = client.ask("POST", data={"object_type": "conference", "name": "Pond"})
    channel = client.ask("POST", space["id"], {"object_type": "channel", "name": "reeds"})
    invite = client.ask("POST", space["id"], {"object_type": "invite"})
    joined = other.ask("JOIN", invite["id"])
    message = client.ask("POST", channel["id"], {"object_type": "message", "content": "quack"})
    reacted = other.ask("REACT", message["id"], {"reaction": "duck"})
    report = other.ask("REPORT", message["id"])
    blocked = other.ask("BLOCK", alice.id)
    edited = client.ask("PATCH", message["id"], {"content": "Quack!"})
    read = other.ask("GET", message["id"])
    deleted = client.ask("DELETE", message["id"])

    assert channel["parent_conference"] == invite["conference_id"] == joined["id"] == space["id"]
    assert (message["parent_channel"], message["content"]) == (channel["id"], "quack")
    assert reacted == {"reactions": ["duck"]}
    assert (report["object_type"], report["target"], report["creator"]) == ("report", message["id"], bob.id)
    assert blocked == {"id": alice.id}
    assert (edited["content"], edited["edited"]) == ("Quack!", True)
    assert read == edited == {**read, "reactions": ["duck"]}
    assert deleted == {"id": message["id"]}
    assert code(other.ask("GET", message["id"])) == ("error", 4)


def test_request_type_is_another_name_of_the_method(chat: Chat, open_socket: Open) -> None:
    client = open_socket(chat.owner)

    client.say(PING | {"request_type": "GET", "request_target_id": "0", "request_id": "mine"})

    assert client.wait_for(request_id="mine")["object_type"] == "instance"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("not json", 2),
        ("[]", 2),
        ("null", 2),
        ("[" * 10_000, 2),
        ("{}", 5),
        ({"type": "object", "object_type": "message"}, 5),
        ({"type": "ping", "ping_type": "error"}, 5),
        (PING, 5),
        (PING | {"request_method": "FLY", "request_target_id": "0"}, 5),
        (PING | {"request_method": ["GET"], "request_target_id": "0"}, 5),
        (PING | {"request_method": "GET"}, 7),
        (PING | {"request_method": "GET", "request_target_id": 7}, 7),
        (PING | {"request_method": "GET", "request_target_id": "msg_nope"}, 4),
        (PING | {"request_method": "POST"}, 2),
        (PING | {"request_method": "POST", "request_data": {}}, 2),
        (PING | {"request_method": "POST", "request_data": "text"}, 2),
        (PING | {"request_method": "POST", "request_data": {"name": "Pond"}}, 7),
        (PING | {"request_method": "POST", "request_data": {"object_type": "pond"}}, 5),
        (PING | {"request_method": "POST", "request_data": {"object_type": "instance"}}, 3),
        (PING | {"request_method": "POST", "request_target_id": "0", "request_data": {"object_type": "role"}}, 5),
        (PING | {"request_method": "PATCH", "request_target_id": "0"}, 2),
        (PING | {"request_method": "DELETE", "request_target_id": "0"}, 3),
        (PING | {"request_method": "JOIN", "request_target_id": "0"}, 5),
        (PING | {"request_method": "BLOCK", "request_target_id": "0"}, 5),
        (PING | {"request_method": "REACT", "request_target_id": "0", "request_data": {"reaction": "duck"}}, 5),
        (PING | {"request_method": "REPORT", "request_target_id": "0"}, 5),
    ],
    ids=lambda value: str(value)[:80],
)
def test_error_is_a_ping_and_the_socket_stays_open(chat: Chat, open_socket: Open, said: Any, expected: int) -> None:
    client = open_socket(chat.owner)

    named = {} if isinstance(said, str) else {"request_id": {"any": "thing"}}
    client.say(said if isinstance(said, str) else said | named)

    answer = client.wait_for("ping", ping_type="error")
    assert answer["error_code"] == expected
    assert {key: value for key, value in answer.items() if key == "request_id"} == named
    assert client.ask("GET", "0")["object_type"] == "instance"


def test_bytes_are_no_request(chat: Chat, open_socket: Open) -> None:
    client = open_socket(chat.owner)

    client.send_frame(BINARY, json.dumps(PING).encode())

    assert client.wait_for("ping")["error_code"] == 2


def test_each_request_has_one_answer_in_order(chat: Chat, open_socket: Open, alice: Person) -> None:
    space, client = Conference(chat, alice), open_socket(alice)
    asked: list[Any] = []
    for number in range(10):
        text = {"object_type": "message", "content": f"quack {number}"}
        asked.append(client.request("POST", space.channel, text))
        asked.append(client.request("GET", "msg_nope"))
        asked.append(client.request("GET", space.channel))

    while len([one for one in client.heard if "request_id" in one]) < len(asked):
        client.wait_for()

    assert [one["request_id"] for one in client.heard if "request_id" in one] == asked


def test_idempotency_key_of_the_upgrade_is_of_no_request(chat: Chat, alice: Person) -> None:
    with Client(chat.near.port, alice.bearer | {"Idempotency-Key": "once"}) as client:
        made = [client.ask("POST", data={"object_type": "conference", "name": name}) for name in ("Pond", "Lake")]

    assert [one["name"] for one in made] == ["Pond", "Lake"]


def test_limited_session_may_do_what_its_scopes_allow(chat: Chat, alice: Person, bob: Person, stack: ExitStack) -> None:
    space = Conference(chat, alice, bob)
    token = token_for(bob, *SCOPES_OF_LISTENING, "message:write")
    client = stack.enter_context(Client(chat.near.port, path=f"{PATH}?auth_token={token}"))

    said = client.ask("POST", space.channel, {"object_type": "message", "content": "quack"})

    assert said["author"] == bob.id
    assert client.ask("GET", said["id"])["content"] == "quack"
    assert client.ask("PATCH", said["id"], {"content": "Quack!"})["edited"]
    assert client.ask("GET", "0")["id"] == "0"
    for method, target, data in (
        ("PATCH", bob.id, {"bio": "A duck"}),
        ("BLOCK", alice.id, None),
        ("JOIN", space.invite, None),
        ("DELETE", space.channel, None),
        ("POST", None, {"object_type": "conference", "name": "Lake"}),
    ):
        assert code(client.ask(method, target, data)) == ("error", 3)


def test_rights_are_looked_up_for_each_request(
    chat: Chat, open_socket: Open, alice: Person, bob: Person, carol: Person
) -> None:
    space = Conference(chat, alice, bob)
    client, stranger = open_socket(bob), open_socket(carol)
    message = {"object_type": "message", "content": "quack"}
    assert client.ask("POST", space.channel, message)["content"] == "quack"

    space.change_member(bob, permissions=3)

    assert code(client.ask("POST", space.channel, message)) == ("error", 3)
    assert code(stranger.ask("GET", space.channel)) == ("error", 3)
    assert code(stranger.ask("POST", space.channel, message)) == ("error", 3)
