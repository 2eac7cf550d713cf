"""Pings: who may ask whom, how one is answered once, and what of it is kept; and that there is no voice yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.db import reading, transaction
from app.ids import new_id
from app.models import Block, Ping
from app.services import remote
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import ORIGIN, Person, Server

PINGS = "/api/v1/ping"


def send(server: Server, by: Person, target: Any = "bob", message: Any = "yo") -> Any:
    return server.call("POST", f"{PINGS}/send", person=by, json={"target": target, "message": message})


def sent(server: Server, by: Person, target: str = "bob") -> str:
    answer = send(server, by, target)
    assert answer.status_code == 201, answer.text
    return str(answer.json["ping"]["ping_id"])


def ack(server: Server, by: Person, ping_id: str) -> Any:
    return server.call("POST", f"{PINGS}/ack/{ping_id}", person=by)


def get(server: Server, person: Person, what: str, **query: Any) -> Any:
    answer = server.call("GET", f"{PINGS}/{what}", person=person, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


@ON_SQLITE
def test_who_takes_pings_back_has_sent_them_all_the_same(server: Server, owner: Person, member: Person) -> None:
    for _ in range(60):
        assert server.call("DELETE", f"{PINGS}/{sent(server, owner)}", person=owner).status_code == 200

    with server.stores_nothing():
        refused = send(server, owner)

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert get(server, member, "pending")["pings"] == []
    sent(server, member, "alice")


@pytest.mark.parametrize("target", ["bob", "BOB", "id", "bob@chat.example"])
def test_somebody_is_asked_by_any_name(server: Server, owner: Person, member: Person, target: str) -> None:
    answer = send(server, owner, member.id if target == "id" else target)

    assert (answer.status_code, answer.json["message"]) == (201, "Ping sent.")
    ping = answer.json["ping"]
    assert {name: ping[name] for name in ("ping_type", "target_user_id", "status", "message")} == {
        "ping_type": "local",
        "target_user_id": member.id,
        "status": "delivered",
        "message": "yo",
    }


def test_a_ping_is_answered_once(server: Server, owner: Person, member: Person) -> None:
    ping_id = sent(server, owner)
    (waiting,) = get(server, member, "pending")["pings"]
    assert (waiting["ping_id"], waiting["message"], waiting["is_sender"]) == (ping_id, "yo", False)

    answer = ack(server, member, ping_id)

    assert (answer.status_code, answer.json["message"]) == (200, "Ping acknowledged.")
    assert (answer.json["ack"]["status"], answer.json["ack"]["sender_ping_id"]) == ("acked", ping_id)
    assert answer.json["ack"]["latency_ms"] >= 0
    assert ack(server, member, ping_id).status_code == 409
    assert get(server, member, "pending")["pending_count"] == 0
    assert [ping["status"] for ping in get(server, owner, "history")["pings"]] == ["acked"]
    assert get(server, owner, "stats")["acked_count"] == 1


def test_a_ping_is_answered_by_the_one_who_was_asked(server: Server, owner: Person, member: Person) -> None:
    ping_id, other = sent(server, owner), server.sign_up("zoe")

    with server.stores_nothing():
        answers = [ack(server, person, ping_id).status_code for person in (owner, other)]

    assert answers == [409, 404]


def test_a_ping_ends_after_five_minutes(server: Server, owner: Person, member: Person) -> None:
    ping_id = sent(server, owner)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5, seconds=1), tick=False):
        assert ack(server, member, ping_id).status_code == 409
        assert get(server, member, "pending")["pings"] == []
        assert get(server, owner, "history")["pings"][0]["status"] == "timeout"
        assert get(server, owner, "stats")["timeout_count"] == 1


def test_nobody_sees_what_is_not_theirs(server: Server, owner: Person, member: Person) -> None:
    ping_id, other = sent(server, owner), server.sign_up("zoe")

    assert get(server, other, "history")["pings"] == []
    assert get(server, other, "stats")["sent_total"] == 0
    with server.stores_nothing():
        assert server.call("DELETE", f"{PINGS}/{ping_id}", person=other).status_code == 404


def test_either_may_forget_it(server: Server, owner: Person, member: Person) -> None:
    for person in (owner, member):
        assert server.call("DELETE", f"{PINGS}/{sent(server, owner)}", person=person).status_code == 200
    assert get(server, owner, "history")["pings"] == []


def test_a_history_has_directions_and_pages(server: Server, owner: Person, member: Person) -> None:
    for _ in range(3):
        sent(server, owner)
    sent(server, member, "alice")

    counts = [len(get(server, owner, "history", direction=way)["pings"]) for way in ("both", "sent", "received")]
    pages = [len(get(server, owner, "history", page=page, per_page=3)["pings"]) for page in (1, 2, 3)]

    assert (counts, pages) == ([4, 3, 1], [3, 1, 0])


@pytest.mark.parametrize("query", [{"direction": "up"}, {"page": 0}, {"per_page": 51}, {"per_page": "all"}])
@ON_SQLITE
def test_a_bad_page_is_a_400(server: Server, owner: Person, query: dict[str, Any]) -> None:
    assert server.call("GET", f"{PINGS}/history", person=owner, query_string=query).status_code == 400


@pytest.mark.parametrize(
    ("target", "message", "status"),
    [("nobody", "yo", 404), ("alice", "yo", 400), ("", "yo", 400), ("bob", "x" * 201, 400), ("bob", 7, 400)],
)
@ON_SQLITE
def test_what_cannot_be_asked(
    server: Server, owner: Person, member: Person, target: str, message: Any, status: int
) -> None:
    with server.stores_nothing():
        assert send(server, owner, target, message).status_code == status


def test_a_channel_is_not_there(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner, is_private=True)["channel_id"]

    with server.stores_nothing():
        assert send(server, member, channel).status_code == 404


def test_who_is_blocked_asks_nobody(server: Server, owner: Person, member: Person) -> None:
    with transaction() as session:
        session.add(
            Block(
                id=new_id("block"),
                actor_id=member.id,
                blocked_id=owner.id,
                space_id=None,
                activity_uri="https://chat.example/b",
                created_at=datetime.now(UTC),
            )
        )

    with server.stores_nothing():
        assert send(server, owner).status_code == 403


@pytest.mark.parametrize("who", ["is timed out", "has no send_messages"])
def test_who_may_not_send_messages_asks_nobody(server: Server, owner: Person, member: Person, who: str) -> None:
    if who == "is timed out":
        path = f"/api/v1/moderation/users/{member.id}/timeout"
        assert server.call("POST", path, person=owner, json={"duration_minutes": 60}).status_code == 201
    else:
        server.give_privileges(owner, member, "view_messages")

    with server.stores_nothing():
        assert send(server, member, "alice", "I say what I want").status_code == 403

    assert get(server, owner, "pending")["pending_count"] == 0


def test_there_is_an_end_to_asking(server: Server, owner: Person, member: Person) -> None:
    for _ in range(20):
        sent(server, owner)

    with server.stores_nothing():
        assert send(server, owner).status_code == 429


def test_what_was_said_is_sealed(server: Server, owner: Person, member: Person) -> None:
    send(server, owner, "bob", "a word between us")

    with reading() as session:
        (sealed,) = session.scalars(select(Ping.sealed))
    assert sealed is not None
    assert b"a word" not in sealed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nowhere",
        "ftp://a.example",
        "https://user:x@a.example",
        "https://a.example/path",
        "https://[::1",
        "javascript:1",
    ],
)
@ON_SQLITE
def test_what_is_no_server_is_not_asked(server: Server, owner: Person, url: str) -> None:
    with server.stores_nothing():
        answer = server.call("POST", f"{PINGS}/instance", person=owner, json={"target_instance_url": url})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1", "http://169.254.169.254", "https://localhost", "https://[::1]:443", ORIGIN]
)
def test_nothing_inside_is_asked(server: Server, owner: Person, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_client", None)

    answer = server.call("POST", f"{PINGS}/instance", person=owner, json={"target_instance_url": url})

    ping = answer.json["ping"]
    assert (answer.status_code, ping["status"], ping["http_status"]) == (200, "failed", None)
    assert ping["error"] == "That address cannot be fetched."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/channels/{id}/join-audio"),
        ("POST", "/api/v1/channels/{id}/leave-audio"),
        ("POST", "/api/v2/voice/channels/{id}/sessions"),
        ("GET", "/api/v2/voice/sessions/x"),
        ("POST", "/api/v2/voice/sessions/x/leave"),
        ("POST", "/api/v2/voice/sessions/x/actions"),
    ],
)
@ON_SQLITE
def test_there_is_no_voice_yet(server: Server, owner: Person, method: str, path: str) -> None:
    channel = server.create_channel(owner, channel_type="voice")["channel_id"]

    with server.stores_nothing():
        body = {"action": "mute_self"} if method == "POST" else {}
        answer = server.call(method, path.format(id=channel), person=owner, query_string=body)

    assert (answer.status_code, answer.json) == refusal(503, "Voice is not available on this server yet.")


def test_nobody_talks_anywhere(server: Server, owner: Person, member: Person) -> None:
    voice = server.create_channel(owner, channel_type="voice")["channel_id"]
    text = server.create_channel(owner, channel_name="text")["channel_id"]
    hidden = server.create_channel(owner, channel_name="staff", channel_type="voice", is_private=True)["channel_id"]

    def ask(person: Person, channel: str, path: str = "/api/v2/voice/channels/{id}/participants") -> Any:
        return server.call("GET", path.format(id=channel), person=person)

    assert ask(member, voice).json == {
        "status_code": 200,
        "channel_id": voice,
        "participants": [],
        "participant_count": 0,
        "session_id": None,
    }
    assert ask(member, voice, "/api/v1/channels/{id}/audio-status").json["participants"] == []
    assert [ask(member, channel).status_code for channel in (text, hidden, "channel_x")] == [400, 404, 404]
