"""Reactions and edits: what they answer, who may, and what they leave behind."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db import reading, transaction
from app.models import Account, Activity, Event, Reaction
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server

NO_SUCH_MESSAGE = refusal(404, "The provided message_id does not exist or could not be found.")


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


@pytest.fixture
def secret(server: Server, owner: Person) -> str:
    def make() -> str:
        return str(server.create_channel(owner, channel_name="secret", is_private=True)["channel_id"])

    return server.once("secret", make)


@pytest.fixture
def path(server: Server, owner: Person, lobby: str) -> str:
    """Of a message that the owner has sent."""
    message_id = server.once("hello in the lobby", lambda: str(server.send(owner, lobby, "hello")["message_id"]))
    return path_of(lobby, message_id)


def path_of(channel_id: str, message_id: str) -> str:
    return f"/api/v1/channels/{channel_id}/messages/{message_id}"


def react(server: Server, person: Person, path: str, emoji: str = "👍", method: str = "POST") -> Any:
    return server.call(method, f"{path}/reactions", person=person, json={"emoji": emoji})


def types() -> list[str]:
    """What happened, by the events."""
    with reading() as session:
        return list(session.scalars(select(Event.type).order_by(Event.position)))


def shown(server: Server, person: Person, path: str) -> dict[str, Any]:
    """The message as the history shows it."""
    channel_id, message_id = path.split("/")[4], path.split("/")[6]
    messages = server.call("GET", f"/api/v1/channels/{channel_id}/load_messages", person=person).json["messages"]
    return next(message for message in messages if message["message_id"] == message_id)


# Reactions.


def test_reacting(server: Server, member: Person, path: str) -> None:
    answer = react(server, member, path)

    assert answer.status_code == 201
    assert answer.json == {
        "status_code": 201,
        "already_present": False,
        "message_id": path.split("/")[6],
        "channel_id": path.split("/")[4],
        "emoji": "👍",
        "reactions": [{"emoji": "👍", "count": 1, "user_ids": [member.id]}],
    }
    assert shown(server, member, path)["reactions"] == answer.json["reactions"]
    assert types()[-1] == "message_reaction_added"


@pytest.mark.parametrize("place", ["query_string", "json", "data"])
def test_emoji_may_be_anywhere(server: Server, member: Person, path: str, place: str) -> None:
    given: dict[str, Any] = {place: {"emoji": "🎉", "auth_token": member.token}}

    assert server.call("POST", f"{path}/reactions", **given).status_code == 201


def test_reacting_twice_is_reacting_once(server: Server, member: Person, path: str) -> None:
    react(server, member, path)
    before = types()

    with server.stores_nothing():
        answer = react(server, member, path, " 👍 ")

    assert (answer.status_code, answer.json["already_present"]) == (201, True)
    assert answer.json["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [member.id]}]
    assert types() == before


def test_reactions_are_counted_by_emoji_in_the_order_they_came(
    server: Server, owner: Person, member: Person, path: str
) -> None:
    react(server, member, path, "🎉")
    react(server, member, path, "👍")
    answer = react(server, owner, path, "👍")

    assert answer.json["reactions"] == [
        {"emoji": "🎉", "count": 1, "user_ids": [member.id]},
        {"emoji": "👍", "count": 2, "user_ids": [member.id, owner.id]},
    ]


def test_taking_a_reaction_back(server: Server, owner: Person, member: Person, path: str) -> None:
    react(server, member, path)
    react(server, owner, path)

    answer = react(server, member, path, method="DELETE")

    assert answer.status_code == 200
    assert answer.json == {
        "status_code": 200,
        "already_absent": False,
        "message_id": path.split("/")[6],
        "channel_id": path.split("/")[4],
        "emoji": "👍",
        "reactions": [{"emoji": "👍", "count": 1, "user_ids": [owner.id]}],
    }
    assert types()[-1] == "message_reaction_removed"


def test_taking_back_what_is_not_there_changes_nothing(
    server: Server, owner: Person, member: Person, path: str
) -> None:
    react(server, owner, path)

    with server.stores_nothing():
        answer = react(server, member, path, method="DELETE")

    assert (answer.status_code, answer.json["already_absent"]) == (200, True)
    assert answer.json["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [owner.id]}]


def test_reaction_may_be_made_again(server: Server, member: Person, path: str) -> None:
    for _ in range(2):
        assert react(server, member, path).json["already_present"] is False
        assert react(server, member, path, method="DELETE").json["already_absent"] is False

    assert shown(server, member, path)["reactions"] == []


def test_same_reaction_twice_at_the_same_moment_is_one(server: Server, member: Person, path: str) -> None:
    for method in ("POST", "DELETE"):
        statuses = _at_once(lambda method=method: react(server, member, path, method=method).status_code)

        assert set(statuses) == {201 if method == "POST" else 200}
        with reading() as session:
            assert len(session.scalars(select(Reaction.id)).all()) == (1 if method == "POST" else 0)


@pytest.mark.parametrize(
    "emoji",
    [
        "👍", "👍🏽", "❤", "❤️", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇪🇺", "1️⃣", "#️⃣", "©️", "™", "‼️", "Ⓜ️", "🅰️", "㊗️", "〰️", "♾️", "🫨",
        "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16}", "\N{HEAVY PLUS SIGN}",
        ":blobcat:", ":+1:", ":party_parrot-2:",
    ],
)  # fmt: skip
def test_emoji_of_all_kinds_are_kept_as_they_are(server: Server, member: Person, path: str, emoji: str) -> None:
    answer = react(server, member, path, emoji)

    assert answer.status_code == 201
    assert shown(server, member, path)["reactions"] == [{"emoji": emoji, "count": 1, "user_ids": [member.id]}]
    assert react(server, member, path, emoji, "DELETE").json["reactions"] == []


@pytest.mark.parametrize(
    "emoji",
    [
        "", " ", "x", "hello", "1", "#", ":)", "::", ":a b:", "привет", "赞", "👍 👍", "👍\n👍", "\u202e👍",
        "👍\u200b", "e\u0301", "<script>", "\ue000", "👍" * 65, ":" + "x" * 70 + ":", None, 1, ["👍"], {"emoji": "👍"},
    ],
)  # fmt: skip
@ON_SQLITE
def test_what_is_no_emoji_is_refused(server: Server, member: Person, path: str, emoji: Any) -> None:
    with server.stores_nothing():
        answer = react(server, member, path, emoji)

    assert answer.status_code == 400
    assert "emoji" in answer.json["detail"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nobody_reacts_where_they_may_not_look(
    server: Server, owner: Person, member: Person, lobby: str, secret: str, path: str, method: str
) -> None:
    hidden = server.send(owner, secret, "not for bob")["message_id"]
    message_id = path.split("/")[6]
    paths = [
        path_of(secret, hidden),
        path_of(lobby, hidden),
        path_of(secret, message_id),
        path_of("channel_nope", message_id),
        path_of(lobby, "msg_nope"),
        path_of(lobby, lobby),
    ]

    for other in paths:
        with server.stores_nothing():
            answer = react(server, member, other, method=method)
        assert (answer.status_code, answer.json) == NO_SUCH_MESSAGE, other


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nobody_reacts_to_what_is_deleted(
    server: Server, owner: Person, member: Person, path: str, method: str
) -> None:
    react(server, member, path)
    delete = f"/api/v1/channels/{path.split('/')[4]}/delete_message"
    assert server.call("DELETE", delete, person=owner, json={"message_id": path.split("/")[6]}).status_code == 200

    with server.stores_nothing():
        answer = react(server, member, path, method=method)

    assert (answer.status_code, answer.json) == NO_SUCH_MESSAGE


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nobody_reacts_in_a_deleted_channel(
    server: Server, owner: Person, member: Person, path: str, method: str
) -> None:
    react(server, member, path)
    server.call("DELETE", f"/api/v1/channels/{path.split('/')[4]}/delete", person=owner)

    assert react(server, member, path, method=method).status_code == 404


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_reacting_needs_a_token(server: Server, path: str, method: str) -> None:
    with server.stores_nothing():
        answer = server.call(method, f"{path}/reactions", json={"emoji": "👍"})

    assert (answer.status_code, answer.json) == refusal(401, "Authentication required")


def test_the_banned_do_not_react(server: Server, member: Person, path: str) -> None:
    server.ban(member)

    with server.stores_nothing():
        assert react(server, member, path).status_code == 403


# Edits.


def edit(server: Server, person: Person, path: str, text: Any = "hello, world") -> Any:
    return server.call("PUT", path, person=person, json={"message": text})


def test_editing(server: Server, owner: Person, member: Person, path: str) -> None:
    react(server, member, path)
    before = shown(server, owner, path)

    answer = edit(server, owner, path)

    assert answer.status_code == 200
    assert (answer.json["status_code"], answer.json["message"]) == (200, "Message edited successfully")
    edited = answer.json["message_data"]
    assert edited["message"] == "hello, world"
    assert edited["hashed_message"] != before["hashed_message"]
    assert before["edited_at"] is None
    assert datetime.fromisoformat(edited["edited_at"]) > datetime.fromisoformat(edited["sent_at"])
    unchanged = set(before) - {"message", "hashed_message", "edited_at"}
    assert {key: edited[key] for key in unchanged} == {key: before[key] for key in unchanged}
    assert shown(server, member, path) == edited
    assert types()[-1] == "message_edited"


def test_edited_text_is_shown_to_the_world(server: Server, owner: Person, path: str) -> None:
    edit(server, owner, path, "seen <everywhere>")

    note = server.call(
        "GET", f"/ap/messages/{path.split('/')[6]}", headers={"Accept": "application/activity+json"}
    ).json
    assert note["content"] == "<p>seen &lt;everywhere&gt;</p>"
    assert datetime.fromisoformat(note["updated"]) > datetime.fromisoformat(note["published"])


def test_message_may_be_edited_again(server: Server, owner: Person, path: str) -> None:
    first = edit(server, owner, path, "one").json["message_data"]["edited_at"]
    second = edit(server, owner, path, "two").json["message_data"]["edited_at"]

    assert datetime.fromisoformat(second) > datetime.fromisoformat(first)
    assert shown(server, owner, path)["message"] == "two"


@pytest.mark.parametrize("role", [None, "moderator", "admin"])
def test_only_the_author_edits_whatever_the_role(server: Server, member: Person, path: str, role: str | None) -> None:
    """Other servers would not believe it: a message is its author's (FEP-fe34)."""
    if role is not None:
        server.give_role(member, role)

    with server.stores_nothing():
        answer = edit(server, member, path)

    assert (answer.status_code, answer.json) == refusal(403, "only its author can edit a message")
    assert shown(server, member, path)["message"] == "hello"


@pytest.mark.parametrize("text", ["", "  \n ", None, 1, ["x"], "x" * 50_001])
@ON_SQLITE
def test_edit_that_says_nothing_or_too_much_is_refused(server: Server, owner: Person, path: str, text: Any) -> None:
    with server.stores_nothing():
        answer = edit(server, owner, path, text)

    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)


def test_text_that_is_too_long_is_told_in_the_words_that_clients_look_for(
    server: Server, owner: Person, path: str
) -> None:
    assert edit(server, owner, path, "x" * 50_001).json["detail"] == "the message is too long. Limit: 50000 characters"
    assert edit(server, owner, path, "x" * 50_000).status_code == 200


def test_nobody_edits_where_they_may_not_look(
    server: Server, owner: Person, member: Person, lobby: str, secret: str, path: str
) -> None:
    hidden = server.send(owner, secret, "not for bob")["message_id"]
    message_id = path.split("/")[6]

    for other in (
        path_of(secret, hidden),
        path_of(lobby, hidden),
        path_of(secret, message_id),
        path_of(lobby, "msg_x"),
    ):
        with server.stores_nothing():
            answer = edit(server, member, other)
        assert (answer.status_code, answer.json) == NO_SUCH_MESSAGE, other


def test_deleted_message_is_not_edited(server: Server, owner: Person, path: str) -> None:
    delete = f"/api/v1/channels/{path.split('/')[4]}/delete_message"
    server.call("DELETE", delete, person=owner, json={"message_id": path.split("/")[6]})

    with server.stores_nothing():
        answer = edit(server, owner, path)

    assert (answer.status_code, answer.json) == NO_SUCH_MESSAGE


def test_who_is_timed_out_does_not_speak_by_editing(server: Server, member: Person, lobby: str) -> None:
    path = path_of(lobby, server.send(member, lobby, "hello")["message_id"])
    with transaction() as session:
        until = datetime(2100, 1, 1, tzinfo=UTC)
        session.execute(update(Account).where(Account.actor_id == member.id).values(timed_out_until=until))

    with server.stores_nothing():
        answer = edit(server, member, path)

    assert answer.status_code == 403
    assert answer.json["detail"] == "You are timed out until 2100-01-01T00:00:00+00:00 and cannot send messages."


def test_editing_needs_a_token(server: Server, path: str) -> None:
    with server.stores_nothing():
        assert server.call("PUT", path, json={"message": "hi"}).status_code == 401


def test_edit_is_an_activity_of_the_author(server: Server, owner: Person, path: str) -> None:
    edit(server, owner, path)

    with reading() as session:
        logged = session.scalars(select(Activity).where(Activity.type == "Update")).one()
    assert (logged.actor_id, logged.audience) == (owner.id, "public")


def _at_once(call: Any) -> list[int]:
    found: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        found.append(call())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
