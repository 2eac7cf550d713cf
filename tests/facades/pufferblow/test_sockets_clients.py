"""What clients say on a socket, and who is shown as being here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.db import reading, transaction
from app.facades.pufferblow.sockets import BROADCASTS_BURST
from app.models import Account, LoginSession, ReadMark
from app.queries.accounts import BANNED
from tests.e2e.waiting import eventually
from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat, Listener, Process
from tests.live.raw import BINARY

Connect = Callable[..., Listener]
SUPPORTED = "Supported values: online, idle, afk, dnd, offline"


@pytest.fixture
def bob(chat: Chat) -> Person:
    return chat.sign_up("bob")


def unread(chat: Chat, person: Person) -> dict[str, int]:
    counts: dict[str, int] = chat.call("GET", f"/api/v1/channels/read-history?auth_token={person.token}")[
        "unread_counts"
    ]
    return counts


def answers(ear: Listener) -> list[Any]:
    """What the client was told in answer to what it said, up to now."""
    ear.say({"type": "ping"})
    return [told for told in ear.until("pong") if told["type"] in ("error", "pong")]


# Heartbeats, and what makes no sense.


def test_ping_is_answered(chat: Chat, connect: Connect, bob: Person) -> None:
    for ear in (connect(bob), connect(bob, chat.lobby)):
        ear.say({"type": "ping"})

        pong = ear.wait_for("pong")
        assert set(pong) == {"type", "timestamp"}
        assert datetime.fromisoformat(pong["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "",
        "null",
        "42",
        '"ping"',
        '["ping"]',
        "{}",
        '{"type": null}',
        '{"type": "no_such_type"}',
        '{"type": ["ping"]}',
        '{"type": {"type": "ping"}}',
        '{"type": "ping", "type": "ping"}',
        '{"type": "ping"} {"type": "ping"}',
        '{"type": "typing", "channel_id": "\\u0000"}',
        '{"type": "read_confirmation", "message_id": "\\ud800"}',
        '{"type": "ping", "n": 1e999}',
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"type": "ping", "x": ' + "[" * 100 + "]" * 100 + "}",
        '{"type": "read_confirmation"}',
        '{"type": "read_confirmation", "message_id": 42}',
        '{"type": "read_confirmation", "message_id": {"id": 1}}',
        '{"type": "read_confirmation", "message_id": "msg_nope"}',
        '{"type": "read_confirmation", "message_id": "' + "x" * 60_000 + '"}',
    ],
)
def test_what_makes_no_sense_is_ignored(chat: Chat, connect: Connect, bob: Person, text: str) -> None:
    ear = connect(bob)

    ear.say(text)

    assert answers(ear) == []


def test_binary_messages_are_ignored(chat: Chat, connect: Connect, bob: Person) -> None:
    ear = connect(bob)

    ear.send_frame(BINARY, b'{"type": "presence_update", "status": "dnd"}')
    ear.send_frame(BINARY, bytes(range(256)))

    assert answers(ear) == []
    eventually(lambda: chat.status(bob) == "online", what="bob is online")


def test_flood_is_closed(chat: Chat, connect: Connect, bob: Person) -> None:
    message_id = chat.send(chat.owner, chat.lobby, "read me")["message_id"]
    ear, calm = connect(bob), connect(chat.owner)

    try:
        for _ in range(1000):
            ear.say({"type": "read_confirmation", "message_id": message_id})
    except OSError:
        pass  # The server has closed its side already.

    assert ear.wait_for_close() == 1008
    assert answers(calm) == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("810568656c6c6f", 1002),  # Not masked.
        ("c18500000000" + "68656c6c6f", 1002),  # A reserved bit.
        ("838500000000" + "68656c6c6f", 1002),  # A reserved opcode.
        ("818200000000" + "c328", 1007),  # Not UTF-8.
        ("89fe007e00000000" + "00" * 126, 1002),  # A ping of 126 bytes.
    ],
)
def test_broken_frames_end_the_socket_alone(chat: Chat, connect: Connect, bob: Person, frame: str, code: int) -> None:
    ear, other = connect(bob), connect(bob)

    ear.sock.sendall(bytes.fromhex(frame))

    assert ear.wait_for_close() == code
    assert answers(other) == []


# Statuses.


@pytest.mark.parametrize("type_", ["presence_update", "status_update", "user_status_changed"])
def test_status_is_applied_at_once_and_told_to_everybody(chat: Chat, connect: Connect, bob: Person, type_: str) -> None:
    ear, other, narrowed = connect(bob), connect(chat.owner), connect(chat.owner, chat.lobby)

    ear.say({"type": type_, "status": "Away"})

    for told in (ear.wait_for("user_status_changed", status="afk"), other.wait_for(user_id=bob.id, status="afk")):
        assert set(told) == {"type", "user_id", "status", "source", "timestamp"}
        assert (told["user_id"], told["source"]) == (bob.id, "ws_client_update")
        assert datetime.fromisoformat(told["timestamp"]).utcoffset() == timedelta(0)
    narrowed.wait_for("user_status_changed", user_id=bob.id, status="afk")
    assert chat.status(bob) == "afk"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("bogus", "bogus"),
        ("", ""),
        ('"}{"', '"}{"'),
        ("\u2028<script>👋", "\u2028<script>👋"),
        ("x" * 50_000, "x" * 40 + "…"),
    ],
)
def test_unknown_status_is_told_with_what_there_is(
    chat: Chat, connect: Connect, bob: Person, status: str, shown: str
) -> None:
    ear = connect(bob)

    ear.say({"type": "presence_update", "status": status})

    assert answers(ear) == [{"type": "error", "error": f"Unsupported status '{shown}'. {SUPPORTED}"}]


@pytest.mark.parametrize("body", [{}, {"status": None}, {"status": 1}, {"status": ["dnd"]}, {"state": "dnd"}])
def test_missing_status_is_told(chat: Chat, connect: Connect, bob: Person, body: dict[str, Any]) -> None:
    ear = connect(bob)

    ear.say({"type": "status_update", **body})

    assert answers(ear) == [{"type": "error", "error": "Missing status field in presence update message."}]


def test_who_broadcasts_too_often_is_asked_to_wait_and_stays_connected(
    chat: Chat, connect: Connect, bob: Person
) -> None:
    ear = connect(bob)

    for _ in range(int(BROADCASTS_BURST) + 5):
        ear.say({"type": "typing", "channel_id": chat.lobby})

    said = answers(ear)
    assert said
    assert {told["error"] for told in said} == {"That was said too often. Wait a moment."}


@pytest.mark.parametrize("how", ["on another socket", "after coming back"])
def test_nobody_broadcasts_more_on_several_sockets(chat: Chat, connect: Connect, bob: Person, how: str) -> None:
    with chat.connect(bob) as first:
        ear = connect(bob) if how == "on another socket" else None
        for _ in range(int(BROADCASTS_BURST)):
            first.say({"type": "typing", "channel_id": chat.lobby})
        assert answers(first) == []
    ear = ear or connect(bob)
    other = connect(chat.owner)

    for _ in range(2 * int(BROADCASTS_BURST)):
        ear.say({"type": "typing", "channel_id": chat.lobby})

    said = answers(ear)
    assert {told["error"] for told in said} == {"That was said too often. Wait a moment."}
    told = 2 * int(BROADCASTS_BURST) - len(said)
    for _ in range(told):
        other.wait_for("typing")
    assert answers(other) == []
    assert [heard["type"] for heard in other.heard].count("typing") == told


# Read confirmations.


@pytest.mark.parametrize("channel_id", [None, "right", "wrong"])
def test_reading_is_confirmed_in_the_message_own_channel(
    chat: Chat, connect: Connect, bob: Person, channel_id: str | None
) -> None:
    channel = chat.create_channel()
    ids = [chat.send(chat.owner, channel, f"message {number}")["message_id"] for number in range(3)]
    ear = connect(bob)
    claimed = {} if channel_id is None else {"channel_id": channel if channel_id == "right" else chat.lobby}

    ear.say({"type": "read_confirmation", "message_id": ids[1], **claimed})

    assert answers(ear) == []
    assert unread(chat, bob)[channel] == 1


def test_confirmation_says_nothing_of_what_one_may_not_see(chat: Chat, connect: Connect, bob: Person) -> None:
    secret = chat.create_channel(is_private=True)
    message_id = chat.send(chat.owner, secret, "not for bob")["message_id"]
    ear = connect(bob)

    ear.say({"type": "read_confirmation", "message_id": message_id, "channel_id": secret})
    ear.say({"type": "read_confirmation", "message_id": "msg_nope", "channel_id": secret})

    assert answers(ear) == []


@pytest.mark.parametrize("how", ["signed out", "banned"])
def test_who_is_out_says_nothing_more_before_the_socket_hears_of_it(
    chat: Chat, connect: Connect, bob: Person, how: str
) -> None:
    message_id = chat.send(chat.owner, chat.lobby, "read me")["message_id"]
    ear, watcher = connect(bob), connect(chat.owner)
    eventually(lambda: chat.status(bob) == "online", what="bob is here")
    ended = update(LoginSession).where(LoginSession.actor_id == bob.id).values(revoked_at=datetime.now(UTC))
    banned = update(Account).where(Account.actor_id == bob.id).values(banned_at=datetime.now(UTC))
    with transaction() as session:
        session.execute(ended if how == "signed out" else banned)

    ear.say({"type": "presence_update", "status": "dnd"})
    ear.say({"type": "read_confirmation", "message_id": message_id})
    ear.say({"type": "typing", "channel_id": chat.lobby})

    why = "This session has ended." if how == "signed out" else BANNED
    assert answers(ear) == [{"type": "error", "error": why}] * 3
    with reading() as session:
        assert session.scalar(select(func.count()).where(ReadMark.actor_id == bob.id)) == 0
        assert session.scalar(select(Account.status).where(Account.actor_id == bob.id)) == "online"
    assert answers(watcher) == []
    assert {"typing", "dnd"}.isdisjoint(told.get("status", told["type"]) for told in watcher.heard)


# Who is here.


@pytest.mark.parametrize(("is_narrowed", "source"), [(False, "ws_global_connect"), (True, "ws_channel_connect")])
def test_coming_and_going_is_told_to_everybody(
    chat: Chat, connect: Connect, bob: Person, is_narrowed: bool, source: str
) -> None:
    watcher = connect(chat.owner)

    ear = chat.connect(bob, chat.lobby if is_narrowed else None)
    told = watcher.wait_for("user_status_changed", user_id=bob.id)
    assert (told["status"], told["source"]) == ("online", source)
    assert chat.status(bob) == "online"
    ear.wait_for("user_status_changed", user_id=bob.id)

    ear.sock.close()
    told = watcher.wait_for("user_status_changed", user_id=bob.id)
    assert (told["status"], told["source"]) == ("offline", "ws_disconnect")
    assert chat.status(bob) == "offline"


def test_who_has_another_socket_stays_online(chat: Chat, connect: Connect, bob: Person, far: Process) -> None:
    watcher, near_ear, far_ear = connect(chat.owner), connect(bob), connect(bob, process=far)
    second = connect(bob, chat.lobby)
    eventually(lambda: chat.processes_of(bob) == 2, what="bob is known to be in both processes")

    second.sock.close()
    near_ear.sock.close()
    eventually(lambda: chat.processes_of(bob) == 1, what="bob is known to have left one of them")
    assert chat.status(bob) == "online"

    far_ear.sock.close()
    watcher.wait_for("user_status_changed", user_id=bob.id, status="offline")
    statuses = [told["status"] for told in watcher.heard if told.get("user_id") == bob.id]
    assert statuses == ["online", "offline"]


@pytest.mark.parametrize("status", ["dnd", "afk"])
def test_who_is_not_to_be_disturbed_is_not_shown_online_by_connecting(
    chat: Chat, connect: Connect, bob: Person, status: str
) -> None:
    chat.set_status(bob, status)
    watcher = connect(chat.owner)

    connect(bob)
    other = connect(chat.sign_up("carol"))
    other.wait_for("user_status_changed", status="online")

    assert chat.status(bob) == status
    assert all(told.get("user_id") != bob.id for told in watcher.heard)


@pytest.mark.slow
def test_process_that_is_killed_leaves_nobody_online(chat: Chat, connect: Connect, bob: Person, far: Process) -> None:
    watcher = connect(chat.owner)
    connect(bob, process=far)
    watcher.wait_for("user_status_changed", user_id=bob.id, status="online")

    far.child.kill()

    told = watcher.wait_for("user_status_changed", user_id=bob.id)
    assert (told["status"], told["source"]) == ("offline", "ws_disconnect")


@pytest.mark.slow
def test_process_that_stops_says_that_its_people_are_gone(
    chat: Chat, connect: Connect, bob: Person, far: Process
) -> None:
    watcher = connect(chat.owner)
    ear = connect(bob, process=far)
    watcher.wait_for("user_status_changed", user_id=bob.id, status="online")

    far.child.stop(within_seconds=10)

    assert ear.wait_for_close() == 1012
    eventually(lambda: chat.status(bob) == "offline", timeout_seconds=2, what="bob is offline")


def test_messages_show_the_status_of_their_author(chat: Chat, connect: Connect, bob: Person) -> None:
    ear = connect(bob)
    ear.wait_for("user_status_changed", user_id=bob.id, status="online")

    chat.send(bob, chat.lobby, "here I am")

    assert ear.wait_for("message", message="here I am")["sender_status"] == "online"
