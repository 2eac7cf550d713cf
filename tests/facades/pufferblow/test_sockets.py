"""Who gets a socket, and what they may say on it: on gunicorn, as in service."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.actions import tokens
from app.db import transaction
from app.facades.pufferblow.sockets import SCOPES_OF_LISTENING
from app.projections import sessions
from tests.answers import refusal
from tests.e2e.waiting import eventually
from tests.facades.conftest import Person
from tests.facades.oauth.test_scopes import token_for
from tests.facades.pufferblow.chat import Chat, Listener, Process
from tests.live.raw import UPGRADE, RawClient

Connect = Callable[..., Listener]


def knock(chat: Chat, path: str, **options: Any) -> tuple[int, str]:
    """The status of a handshake, and the body if it is refused."""
    with RawClient(chat.near.port, path, **options) as client:
        _, _, length = client.head.partition("content-length: ")
        body = client._buffer
        while client.status != 101 and len(body) < int(length.split()[0]):
            body += client.sock.recv(65536)
        return client.status, "" if client.status == 101 else body.decode()  # The first frame may be there already.


def detail(answer: tuple[int, str]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["detail"]


# The handshake.


@pytest.mark.parametrize(
    "path", ["/ws", "/ws?auth_token=", "/ws/channels/channel_x", "/ws/channels/channel_x?auth_token="]
)
def test_without_a_token_there_is_no_socket(chat: Chat, path: str) -> None:
    assert detail(knock(chat, path)) == (401, "Authentication required")


@pytest.mark.parametrize("token", ["xx", "a.b", "a.b.c", "x" * 6000, "%F0%9F%91%8B", "..", "null"])
def test_malformed_token_is_told_apart(chat: Chat, token: str) -> None:
    status, said = detail(knock(chat, f"/ws?auth_token={token}"))

    assert (status, said[:22]) == (400, "Bad auth_token format.")


def test_refresh_token_opens_no_socket(chat: Chat) -> None:
    assert knock(chat, f"/ws?auth_token={chat.owner.session['refresh_token']}")[0] == 400


def test_changed_token_opens_no_socket(chat: Chat) -> None:
    head, claims, signature = chat.owner.token.split(".")

    assert knock(chat, f"/ws?auth_token={head}.{claims}.{signature[::-1]}")[0] == 400


def test_expired_token_opens_no_socket(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "ACCESS_TTL", timedelta(seconds=-1))
    claims = tokens.read_access_token(chat.owner.token)
    expired = tokens.make_access_token(claims.actor_id, claims.session_id, datetime.now(UTC))

    assert knock(chat, f"/ws?auth_token={expired}")[0] == 401


def test_revoked_token_opens_no_socket(chat: Chat) -> None:
    person = chat.sign_up()
    chat.call("POST", "/api/v1/auth/revoke", refresh_token=person.session["refresh_token"])

    assert knock(chat, f"/ws?auth_token={person.token}")[0] == 401


def test_banned_account_gets_no_socket(chat: Chat) -> None:
    person = chat.sign_up()
    chat.ban(person)

    assert detail(knock(chat, f"/ws?auth_token={person.token}")) == (
        403,
        "This account has been banned from this home instance.",
    )


def test_token_may_be_in_the_header(chat: Chat) -> None:
    with RawClient(chat.near.port, "/ws", headers=UPGRADE | chat.owner.bearer) as client:
        assert client.status == 101
    with RawClient(chat.near.port, f"/ws/channels/{chat.lobby}", headers=UPGRADE | chat.owner.bearer) as client:
        assert client.status == 101


def test_socket_outlives_its_token(chat: Chat, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "ACCESS_TTL", timedelta(seconds=2))
    person = chat.sign_up()
    claims = tokens.read_access_token(person.token)
    short = tokens.make_access_token(claims.actor_id, claims.session_id, datetime.now(UTC))
    ear = connect(replace(person, session={"auth_token": short}))

    eventually(lambda: knock(chat, f"/ws?auth_token={short}")[0] == 401, what="the token expires")
    chat.send(chat.owner, chat.lobby, "still there?")

    assert ear.wait_for("message")["message"] == "still there?"


def test_channel_that_is_not_there_and_one_that_is_private_look_the_same(chat: Chat) -> None:
    person = chat.sign_up()
    paths = [chat.create_channel(is_private=True), "channel_x", person.id, "dm-00", "%00", "x" * 300, "..%2F", "'%22"]
    answers = {knock(chat, f"/ws/channels/{path}?auth_token={person.token}") for path in paths if path != "%00"}

    assert len(answers) == 1
    assert detail(answers.pop()) == (403, "There is no such channel, or it is not for you.")
    assert knock(chat, f"/ws/channels/%00?auth_token={person.token}")[0] == 400


def test_deleted_channel_gives_no_socket(chat: Chat) -> None:
    channel = chat.create_channel()
    chat.call("DELETE", f"/api/v1/channels/{channel}/delete?auth_token={chat.owner.token}")

    assert knock(chat, f"/ws/channels/{channel}?auth_token={chat.owner.token}")[0] == 403


def test_private_channel_is_open_to_its_members_and_moderators(chat: Chat, connect: Connect) -> None:
    secret, member, moderator = chat.create_channel(is_private=True), chat.sign_up(), chat.sign_up()
    chat.let_in(member, secret)
    chat.grant(moderator, "moderator")

    ears = [connect(person, secret) for person in (member, moderator, chat.owner)]
    chat.send(member, secret, "between us")

    assert [ear.wait_for("message")["message"] for ear in ears] == ["between us"] * 3


@pytest.mark.parametrize(
    ("method", "headers", "statuses"),
    [
        ("POST", UPGRADE, {405}),
        ("GET", {}, {400}),
        ("GET", UPGRADE | {"Sec-WebSocket-Version": "0"}, {400, 426}),
        ("GET", UPGRADE | {"Sec-WebSocket-Version": "14"}, {400, 426}),
        ("GET", {name: value for name, value in UPGRADE.items() if name != "Sec-WebSocket-Key"}, {400}),
        ("GET", UPGRADE | {"Upgrade": "h2c"}, {400}),
        ("GET", UPGRADE | {"Content-Length": "4"}, {400}),
    ],
)
def test_bad_upgrade_is_refused(chat: Chat, method: str, headers: dict[str, str], statuses: set[int]) -> None:
    headers = headers | chat.owner.bearer

    assert knock(chat, "/ws", method=method, headers=headers)[0] in statuses


def test_eleventh_socket_of_one_person_is_one_too_many(chat: Chat, connect: Connect) -> None:
    person = chat.sign_up()
    for _ in range(10):
        connect(person)

    status, body = knock(chat, f"/ws?auth_token={person.token}")

    assert (status, json.loads(body)) == refusal(429, "Too many sockets.", message="Too many sockets.")


def test_hundred_and_first_socket_of_one_network_is_one_too_many(chat: Chat, stack: ExitStack) -> None:
    people = [chat.sign_up() for _ in range(11)]
    clients = [
        stack.enter_context(
            RawClient(
                chat.near.port,
                "/ws",
                headers=UPGRADE | person.bearer | {"X-Forwarded-For": f"2001:db8:1:2::{number:x}"},
            )
        )
        for person in people[:10]
        for number in range(10)
    ]
    assert {client.status for client in clients} == {101}

    for ip, status in (("2001:db8:1:2:ffff::1", 429), ("2001:db8:1:3::1", 101)):
        headers = UPGRADE | people[10].bearer | {"X-Forwarded-For": ip}
        with RawClient(chat.near.port, "/ws", headers=headers) as client:
            assert client.status == status


# Its end.


def test_sign_out_ends_the_sockets_of_that_device_at_once_in_every_process(
    chat: Chat, connect: Connect, far: Process
) -> None:
    person = chat.sign_up()
    other = chat.sign_in(person)
    ears = [connect(person), connect(person, chat.lobby), connect(person, process=far)]
    kept = [connect(other), connect(other, process=far)]

    began = time.monotonic()
    chat.call("POST", "/api/v1/auth/revoke", refresh_token=person.session["refresh_token"])

    assert [ear.wait_for_close() for ear in ears] == [1008] * 3
    assert time.monotonic() - began < 2
    chat.fence(*kept)


def as_client(person: Person, *scopes: str) -> Person:
    """The same, by a token that a client was given."""
    return replace(person, session={"auth_token": token_for(person, *scopes)})


def test_a_client_hears_what_its_person_does_until_it_is_ended(chat: Chat, connect: Connect) -> None:
    client = as_client(chat.sign_up(), *SCOPES_OF_LISTENING)
    ear = connect(client)
    chat.send(chat.owner, chat.lobby, "hello")
    ear.wait_for("message", message="hello")

    claims = tokens.read_access_token(client.token)
    with transaction() as session:
        sessions.end(session, claims.session_id, now=datetime.now(UTC))

    assert ear.wait_for_close() == 4401


def test_a_clients_socket_ends_with_its_token(chat: Chat, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "ACCESS_TTL", timedelta(seconds=4))  # Enough to connect with.
    ear = connect(as_client(chat.sign_up(), *SCOPES_OF_LISTENING))

    assert ear.wait_for_close() == 4401


def test_a_client_that_only_listens_says_nothing(chat: Chat, connect: Connect) -> None:
    ear = connect(as_client(chat.sign_up(), *SCOPES_OF_LISTENING))
    for said in ({"type": "typing", "channel_id": chat.lobby}, {"type": "status_update", "status": "online"}):
        ear.say(said)
        assert "limited" in ear.wait_for("error")["error"]


def test_stolen_refresh_token_ends_the_sockets_of_both(chat: Chat, connect: Connect) -> None:
    person = chat.sign_up()
    ear = connect(person)
    token = person.session["refresh_token"]
    chat.call("POST", "/api/v1/auth/refresh", refresh_token=token)
    chat.fence(ear)

    with pytest.raises(AssertionError, match="401"):
        chat.call("POST", "/api/v1/auth/refresh", refresh_token=token)

    assert ear.wait_for_close() == 1008


def test_ban_ends_the_sockets_at_once_in_every_process(chat: Chat, connect: Connect, far: Process) -> None:
    person = chat.sign_up()
    ears = [connect(person), connect(person, chat.lobby), connect(person, process=far)]

    began = time.monotonic()
    chat.ban(person)

    assert [ear.wait_for_close() for ear in ears] == [1008] * 3
    assert time.monotonic() - began < 2
    assert knock(chat, f"/ws?auth_token={person.token}")[0] == 403


def test_whoever_is_put_out_hears_nothing_more(chat: Chat, connect: Connect) -> None:
    secret, person = chat.create_channel(is_private=True), chat.sign_up()
    chat.let_in(person, secret)
    ear, narrowed = connect(person), connect(person, secret)
    chat.send(chat.owner, secret, "with you")
    ear.wait_for("message", message="with you")

    chat.put_out(person, secret)
    chat.send(chat.owner, secret, "without you")
    (heard,) = chat.fence(ear)

    assert [told["type"] for told in heard if told["type"] != "user_status_changed"] == ["member_removed"]
    assert narrowed.wait_for_close() == 1008
    assert "without you" not in json.dumps(narrowed.heard)


# What is heard.


def test_everything_about_a_message_is_heard_as_it_happens(chat: Chat, connect: Connect) -> None:
    bob = chat.sign_up("bob")
    ear, narrowed = connect(bob), connect(bob, chat.lobby)

    message_id = chat.send(chat.owner, chat.lobby, "frist")["message_id"]
    path = f"/api/v1/channels/{chat.lobby}/messages/{message_id}"
    told = [(ear.wait_for("message"), narrowed.wait_for("message"))]
    for method, where, person, body, type_ in (
        ("PUT", path, chat.owner, {"message": "first"}, "message_edited"),
        ("POST", f"{path}/reactions", bob, {"emoji": "👍"}, "message_reaction_added"),
        ("DELETE", f"{path}/reactions", bob, {"emoji": "👍"}, "message_reaction_removed"),
        (
            "DELETE",
            f"/api/v1/channels/{chat.lobby}/delete_message",
            chat.owner,
            {"message_id": message_id},
            "message_deleted",
        ),
    ):
        chat.call(method, where, person, **body)
        told.append((ear.wait_for(type_), narrowed.wait_for(type_)))

    assert all(wide == narrow and wide["message_id"] == message_id for wide, narrow in told)


def test_message_is_heard_within_milliseconds_with_what_the_sender_got(chat: Chat, connect: Connect) -> None:
    bob = chat.sign_up("bob")
    ear = connect(bob)

    began = time.monotonic()
    sent = chat.send(chat.owner, chat.lobby, "hi")
    told = ear.wait_for("message", message="hi")

    assert time.monotonic() - began < 1
    assert {key: value for key, value in told.items() if key not in ("type", "event_id")} == {
        key: value for key, value in sent.items() if key not in ("conversation_id", "sender_id")
    }


def test_message_from_elsewhere_is_heard(chat: Chat, connect: Connect) -> None:
    bob = chat.sign_up("bob")
    ear, dora = connect(bob), chat.meet("dora")

    chat.receive_message(dora, chat.lobby, f"hello @{bob.username}")

    told = ear.wait_for("message", channel_id=chat.lobby)
    assert told["message"] == f"hello @{bob.username}"
    assert told["username"] == f"{dora.preferred_username}@pond.example"


def test_direct_message_is_heard_by_two_and_by_nobody_else(chat: Chat, connect: Connect) -> None:
    bob, carol = chat.sign_up("bob"), chat.sign_up("carol")
    ear, mine, hers, narrowed = connect(bob), connect(chat.owner), connect(carol), connect(bob, chat.lobby)

    sent = chat.call("POST", "/api/v1/dms/send", chat.owner, peer=bob.username, message="psst")["result"]

    for told in (ear.wait_for("direct_message"), mine.wait_for("direct_message")):
        assert (told["message_id"], told["message"]) == (sent["message_id"], "psst")
    for heard in chat.fence(hers, narrowed):
        assert "direct_message" not in [told["type"] for told in heard]


def test_channel_made_after_the_socket_is_heard(chat: Chat, connect: Connect) -> None:
    bob = chat.sign_up("bob")
    ear = connect(bob)

    channel = chat.create_channel()
    assert ear.wait_for("channel_created")["channel"]["channel_id"] == channel
    chat.send(chat.owner, channel, "first")
    assert ear.wait_for("message")["channel_id"] == channel
    chat.call("DELETE", f"/api/v1/channels/{channel}/delete?auth_token={chat.owner.token}")
    assert ear.wait_for("channel_deleted")["channel_id"] == channel


@pytest.mark.parametrize("chat", ["sqlite"], indirect=True)
def test_client_whose_next_request_is_always_there_does_not_keep_the_others_waiting(
    chat: Chat, connect: Connect
) -> None:
    """On SQLite, where nothing but the end of a request gives way: the first is told before the second is served."""
    message_id = chat.send(chat.owner, chat.lobby, "hi")["message_id"]
    ear = connect(chat.sign_up("bob"))
    path = f"/api/v1/channels/{chat.lobby}/messages/{message_id}/reactions?emoji=%F0%9F%91%8D"
    about = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {chat.owner.token}\r\nContent-Length: 0\r\n\r\n"

    with socket.create_connection(("127.0.0.1", chat.near.port)) as client:
        client.sendall("".join(f"{method} {path} {about}" for method in ("POST", "DELETE") * 3).encode())

        for _ in range(3):
            assert len(ear.wait_for("message_reaction_added")["reactions"]) == 1
            assert ear.wait_for("message_reaction_removed")["reactions"] == []


def test_nothing_is_said_again_to_whoever_comes_later(chat: Chat, connect: Connect) -> None:
    bob = chat.sign_up("bob")
    chat.send(chat.owner, chat.lobby, "before")

    for _ in range(2):
        ear = connect(bob)
        (heard,) = chat.fence(ear)
        assert [told for told in [*ear.heard, *heard] if told.get("message") == "before"] == []


def test_other_process_hears_the_same_in_the_same_order(chat: Chat, connect: Connect, far: Process) -> None:
    bob = chat.sign_up("bob")
    ear, distant = connect(bob), connect(bob, process=far)

    for number in range(10):
        chat.send(chat.owner, chat.lobby, f"message {number}")

    heard = [
        [(told["event_id"], told["message"]) for told in heard if told["type"] == "message"]
        for heard in chat.fence(ear, distant)
    ]
    assert heard[0] == heard[1]
    assert [text for _, text in heard[0]] == [f"message {number}" for number in range(10)]


@pytest.mark.slow
def test_two_hundred_sockets_hear_each_message_once(chat: Chat, stack: ExitStack) -> None:
    people = [chat.sign_up() for _ in range(20)]
    ears = [
        stack.enter_context(chat.connect(person, ip=f"198.51.100.{number}"))
        for number, person in enumerate(people)
        for _ in range(10)
    ]

    for number in range(5):
        chat.send(chat.owner, chat.lobby, f"message {number}")

    for heard in chat.fence(*ears):
        texts = [told["message"] for told in heard if told["type"] == "message"]
        assert texts == [f"message {number}" for number in range(5)]
