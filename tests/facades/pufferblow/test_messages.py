"""Messages of a channel: load, send, delete."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from app.db import database, transaction
from app.models import Account, MessageContent
from app.pipeline import perform
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server

NO_SUCH_CHANNEL = refusal(404, "The provided channel ID does not exist or could not be found.")
MESSAGE_KEYS = {
    "message_id", "channel_id", "conversation_id", "sender_id", "reply_to", "message", "hashed_message", "sent_at",
    "edited_at", "attachments", "reactions", "username", "sender_username", "sender_user_id", "sender_avatar_url",
    "sender_banner_url", "sender_status", "sender_roles", "sender_about", "sender_last_seen", "sender_created_at",
}  # fmt: skip


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


@pytest.fixture
def secret(server: Server, owner: Person) -> str:
    def make() -> str:
        return str(server.create_channel(owner, channel_name="secret", is_private=True)["channel_id"])

    return server.once("secret", make)


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"message": "Hello everyone!"}},
        {"data": {"message": "Hello everyone!"}, "content_type": "multipart/form-data"},
        {"json": {"message": "Hello everyone!"}},
        {"query_string": {"message": "Hello everyone!"}},
    ],
)
def test_sending_a_message(server: Server, member: Person, lobby: str, options: dict[str, Any]) -> None:
    answer = server.call("POST", _path(lobby, "send_message"), person=member, **options)

    assert (answer.status_code, answer.json["status_code"]) == (201, 201)
    assert list(answer.json) == ["status_code", "message", "message_id", "attachments", "message_data"]
    assert answer.json["message"] == "message sent successfully"
    assert answer.json["attachments"] == []
    sent = answer.json["message_data"]
    assert set(sent) == MESSAGE_KEYS
    assert sent["message_id"] == answer.json["message_id"]
    assert (sent["channel_id"], sent["sender_user_id"]) == (lobby, member.id)
    assert (sent["username"], sent["sender_roles"]) == ("bob", ["user"])
    assert sent["hashed_message"] == hashlib.sha256(b"Hello everyone!").hexdigest()
    assert datetime.fromisoformat(sent["sent_at"]).utcoffset() == timedelta(0)
    assert _load(server, member, lobby) == [sent]


def test_an_empty_file_field_of_a_browser_is_no_attachment(server: Server, member: Person, lobby: str) -> None:
    form = {"auth_token": member.token, "message": "hi", "attachments": (BytesIO(b""), "")}

    answer = server.call("POST", _path(lobby, "send_message"), data=form, content_type="multipart/form-data")

    assert answer.status_code == 201


def test_when_a_message_was_sent_is_not_the_clients_to_say(server: Server, member: Person, lobby: str) -> None:
    form = {"message": "hi", "sent_at": "1999-01-01T00:00:00Z"}

    sent = server.call("POST", _path(lobby, "send_message"), person=member, data=form).json["message_data"]

    assert datetime.now(UTC) - datetime.fromisoformat(sent["sent_at"]) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_message_is_refused(server: Server, member: Person, lobby: str, text: str) -> None:
    with server.stores_nothing():
        answer = server.call("POST", _path(lobby, "send_message"), person=member, data={"message": text})

    assert (answer.status_code, answer.json) == refusal(400, "Either a message or attachments must be provided.")


def test_a_message_that_is_too_long_is_refused(server: Server, member: Person, lobby: str) -> None:
    with server.stores_nothing():
        answer = server.call("POST", _path(lobby, "send_message"), person=member, data={"message": "x" * 50_001})

    assert (answer.status_code, answer.json) == refusal(400, "the message is too long. Limit: 50000 characters")


def test_a_voice_channel_takes_no_messages(server: Server, owner: Person, member: Person) -> None:
    voice = server.create_channel(owner, channel_type="voice")["channel_id"]

    with server.stores_nothing():
        answer = server.call("POST", _path(voice, "send_message"), person=member, data={"message": "x"})

    assert answer.status_code == 400
    assert answer.json["detail"].startswith("Messages cannot be sent to voice-only channels.")


def test_who_is_timed_out_cannot_send(server: Server, member: Person, lobby: str) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    with transaction() as session:
        session.execute(update(Account).where(Account.actor_id == member.id).values(timed_out_until=until))

    with server.stores_nothing():
        answer = server.call("POST", _path(lobby, "send_message"), person=member, data={"message": "x"})

    assert (answer.status_code, answer.json) == refusal(
        403, f"You are timed out until {until.isoformat()} and cannot send messages."
    )


@pytest.mark.parametrize(
    ("method", "action", "options"),
    [
        ("GET", "load_messages", {}),
        ("POST", "send_message", {"data": {"message": "x"}}),
        ("DELETE", "delete", {}),
    ],
)
def test_a_private_channel_is_not_there_for_others(
    server: Server, member: Person, secret: str, method: str, action: str, options: dict[str, Any]
) -> None:
    if action == "delete":
        server.give_role(member, "user")  # Without the privilege it is a 403 for every id alike.
    with server.stores_nothing():
        private = server.call(method, _path(secret, action), person=member, **options)
        missing = server.call(method, _path("channel_of_nobody", action), person=member, **options)

    assert (private.status_code, private.json) == (missing.status_code, missing.json)
    assert private.status_code in {403, 404}


def test_members_of_a_private_channel_read_and_write_there(server: Server, owner: Person, secret: str) -> None:
    server.send(owner, secret, "hush")

    assert [message["message"] for message in _load(server, owner, secret)] == ["hush"]


def test_page_one_has_the_newest_and_the_oldest_is_first_in_it(server: Server, member: Person, lobby: str) -> None:
    for number in range(5):
        server.send(member, lobby, str(number))

    pages = [_load(server, member, lobby, page=page, messages_per_page=2) for page in (1, 2, 3, 4)]

    assert [[message["message"] for message in page] for page in pages] == [["3", "4"], ["1", "2"], ["0"], []]


def test_a_page_has_20_messages_unless_asked(server: Server, member: Person, lobby: str) -> None:
    for number in range(21):
        server.send(member, lobby, str(number))

    assert len(_load(server, member, lobby)) == 20


@pytest.mark.parametrize(
    "query",
    [{"page": 0}, {"page": -1}, {"page": "a"}, {"page": 10**9}, {"messages_per_page": 0}, {"messages_per_page": -1}],
)
@ON_SQLITE
def test_a_page_that_makes_no_sense_is_refused(
    server: Server, member: Person, lobby: str, query: dict[str, Any]
) -> None:
    assert server.call("GET", _path(lobby, "load_messages"), person=member, query_string=query).status_code == 400


def test_a_page_has_50_messages_at_most(server: Server, member: Person, lobby: str) -> None:
    answer = server.call("GET", _path(lobby, "load_messages"), person=member, query_string={"messages_per_page": 51})

    told = "`messages_per_page` number exceeded the maximal number which is '50'"
    assert (answer.status_code, answer.json) == refusal(400, told)


def test_an_unknown_channel(server: Server, member: Person) -> None:
    answers = [
        server.call("GET", _path("nope", "load_messages"), person=member),
        server.call("POST", _path("nope", "send_message"), person=member, data={"message": "x"}),
    ]

    assert [(answer.status_code, answer.json) for answer in answers] == [NO_SUCH_CHANNEL] * 2


def test_a_request_repeated_with_its_key_sends_once(server: Server, member: Person, lobby: str) -> None:
    def send() -> Any:
        return server.call(
            "POST",
            _path(lobby, "send_message"),
            person=member,
            data={"message": "once"},
            headers={"Idempotency-Key": "a-1"},
        )

    first = send()
    with server.stores_nothing():
        second = send()

    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert len(_load(server, member, lobby)) == 1


def test_a_key_is_good_for_one_request(server: Server, owner: Person, member: Person, lobby: str, secret: str) -> None:
    key = {"Idempotency-Key": "a-1"}
    server.call("POST", _path(secret, "send_message"), person=owner, data={"message": "hush"}, headers=key)

    with server.stores_nothing():
        again = server.call("POST", _path(lobby, "send_message"), person=owner, data={"message": "x"}, headers=key)
    other = server.call("POST", _path(lobby, "send_message"), person=member, data={"message": "x"}, headers=key)

    assert (again.status_code, other.status_code) == (422, 201)
    assert "hush" not in again.text


def test_a_key_with_another_text_is_refused_wherever_the_parameters_stand(
    server: Server, member: Person, lobby: str
) -> None:
    def send(**place: Any) -> Any:
        return server.call("POST", _path(lobby, "send_message"), headers={"Idempotency-Key": "a-1"}, **place)

    first = send(person=member, data={"message": "once"})
    with server.stores_nothing():
        changed = send(person=member, data={"message": "twice"})
        elsewhere = send(query_string={"auth_token": member.token, "message": "once"})

    assert (changed.status_code, changed.json) == refusal(
        422, "This Idempotency-Key was used for another request. Use a new one."
    )
    assert (elsewhere.status_code, elsewhere.json) == (201, first.json)


@pytest.mark.parametrize("key", ["", "a b", "x" * 129])
def test_a_key_that_is_none_is_refused(server: Server, member: Person, lobby: str, key: str) -> None:
    with server.stores_nothing():
        answer = server.call(
            "POST",
            _path(lobby, "send_message"),
            person=member,
            data={"message": "x"},
            headers={"Idempotency-Key": key},
        )

    assert answer.status_code == 400


def test_deleting_a_message(server: Server, owner: Person, member: Person, lobby: str) -> None:
    message_id = server.send(member, lobby, "oops")["message_id"]
    query = {"auth_token": member.token, "message_id": message_id}

    answer = server.call("DELETE", _path(lobby, "delete_message"), query_string=query)

    assert answer.status_code == 200
    assert answer.json == {"status_code": 204, "message": "The message has been deleted successfully"}
    assert _load(server, owner, lobby) == []
    with server.stores_nothing():
        again = server.call("DELETE", _path(lobby, "delete_message"), query_string=query)
    assert again.status_code == 404
    assert "message_id" in again.json["detail"]


def test_somebody_elses_message_is_deleted_by_moderators_only(
    server: Server, owner: Person, member: Person, lobby: str
) -> None:
    message_id = server.send(owner, lobby, "stays")["message_id"]
    path, query = _path(lobby, "delete_message"), {"message_id": message_id}

    with server.stores_nothing():
        refused = server.call("DELETE", path, person=member, query_string=query)
    server.give_role(member, "moderator")
    done = server.call("DELETE", path, person=member, query_string=query)

    assert (refused.status_code, refused.json) == refusal(401, "You are not authorized to delete this message")
    assert done.status_code == 200


@pytest.mark.parametrize("message_id", ["nope", None, ""])
def test_deleting_a_message_that_is_not_there(
    server: Server, member: Person, lobby: str, message_id: str | None
) -> None:
    query = {} if message_id is None else {"message_id": message_id}

    answer = server.call("DELETE", _path(lobby, "delete_message"), person=member, query_string=query)

    assert answer.status_code == (404 if message_id else 400)
    assert "message_id" in answer.json["detail"]


def test_a_message_is_deleted_in_its_own_channel(server: Server, owner: Person, lobby: str, secret: str) -> None:
    message_id = server.send(owner, secret, "hush")["message_id"]

    with server.stores_nothing():
        answer = server.call(
            "DELETE", _path(lobby, "delete_message"), person=owner, query_string={"message_id": message_id}
        )

    assert answer.status_code == 404


def test_sending_costs_few_queries(server: Server, member: Person, lobby: str) -> None:
    """One to know who asks, one to know where, two to say that it may be and who hears of it, one for the order, six
    rows (on PostgreSQL in one go); what it looks like is known by then."""
    for text in ("the first makes the channel's key", "the second reads it"):
        server.send(member, lobby, text)

    with server.counted_queries() as queries:
        server.send(member, lobby, "Hello")

    asked = [query.split()[0] for query in queries if not query.startswith("BEGIN")]
    inserts = {"INSERT": 6} if database().is_sqlite else {"WITH": 1}
    assert Counter(asked) == {"SELECT": 4, "UPDATE": 1} | inserts


def test_history_costs_the_same_however_long_the_page(server: Server, member: Person, lobby: str) -> None:
    for number in range(30):
        server.send(member, lobby, str(number))

    with server.counted_queries() as queries:
        _load(server, member, lobby, messages_per_page=30)

    assert len([query for query in queries if query.startswith("SELECT")]) <= 5


def _path(channel_id: str, action: str) -> str:
    return f"/api/v1/channels/{channel_id}/{action}"


def _load(server: Server, person: Person, channel_id: str, **query: int) -> list[dict[str, Any]]:
    answer = server.call("GET", _path(channel_id, "load_messages"), person=person, query_string=query)
    assert answer.status_code == 200
    messages: list[dict[str, Any]] = answer.json["messages"]
    return messages


def test_a_cursor_leads_to_the_beginning(server: Server, member: Person, lobby: str) -> None:
    said = [server.send(member, lobby, str(number))["message_id"] for number in range(7)]
    server.call("DELETE", _path(lobby, "delete_message"), person=member, query_string={"message_id": said.pop(2)})

    pages, query = [], {"messages_per_page": 3}
    while True:
        loaded = server.call("GET", _path(lobby, "load_messages"), person=member, query_string=query).json
        pages.append([message["message_id"] for message in loaded["messages"]])
        if loaded["next_cursor"] is None:
            break
        query["before_cursor"] = loaded["next_cursor"]

    assert pages == [said[3:], said[:3]]


def test_a_message_that_does_not_open_hides_none_behind_it(server: Server, member: Person, lobby: str) -> None:
    said = [server.send(member, lobby, str(number))["message_id"] for number in range(5)]
    with transaction() as session:
        session.execute(update(MessageContent).where(MessageContent.message_id == said[3]).values(sealed=b"damaged"))

    shown: list[str] = []
    query: dict[str, Any] = {"messages_per_page": 2}
    for _ in range(4):
        loaded = server.call("GET", _path(lobby, "load_messages"), person=member, query_string=query).json
        shown = [message["message_id"] for message in loaded["messages"]] + shown
        query["before_cursor"] = loaded["next_cursor"]
        if loaded["next_cursor"] is None:
            break

    assert shown == [*said[:3], said[4]]
    assert query["before_cursor"] is None


def test_what_cannot_be_stored_whole_is_not_stored_at_all(
    server: Server, owner: Person, member: Person, lobby: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing that a send does fails: neither a message, nor a notification, nor what the search finds is left,
    and nobody is told."""

    def fail(*_: object) -> None:
        raise SQLAlchemyError("broken")

    with server.stores_nothing(), monkeypatch.context() as patch:
        patch.setattr(perform, "publish", fail)
        for text in ("look @owner", "word"):
            sent = server.call("POST", _path(lobby, "send_message"), person=member, json={"message": text})
            assert sent.status_code == 500

    assert server.call("GET", "/api/v1/channels/read-history", person=owner).json["unread_counts"].get(lobby, 0) == 0
    assert server.send(member, lobby, "word")["message_id"]


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "1e9", "9" * 30])
@ON_SQLITE
def test_what_is_no_cursor_is_refused(server: Server, member: Person, lobby: str, cursor: str) -> None:
    query = {"before_cursor": cursor}
    assert server.call("GET", _path(lobby, "load_messages"), person=member, query_string=query).status_code == 400
