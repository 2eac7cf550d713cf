"""Direct messages are edited, deleted and reacted to by the routes of channels, under the id of their conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.facades.conftest import Person, Server


@dataclass(frozen=True)
class Said:
    """What alice told bob."""

    conversation_id: str
    message_id: str

    @property
    def path(self) -> str:
        return f"/api/v1/channels/{self.conversation_id}/messages/{self.message_id}"


@pytest.fixture
def said(server: Server, owner: Person, member: Person) -> Said:
    def say() -> Said:
        answer = server.call("POST", "/api/v1/dms/send", person=owner, json={"peer": "bob", "message": "psst"})
        return Said(answer.json["result"]["conversation_id"], answer.json["result"]["message_id"])

    return server.once("psst", say)


def conversation(server: Server, person: Person, peer: str) -> list[dict[str, Any]]:
    answer = server.call("GET", "/api/v1/dms/messages", person=person, query_string={"peer": peer})
    messages: list[dict[str, Any]] = answer.json["messages"]
    return messages


def edit(server: Server, person: Person, said: Said) -> Any:
    return server.call("PUT", said.path, person=person, json={"message": "pssst"})


def delete(server: Server, person: Person, said: Said) -> Any:
    path = f"/api/v1/channels/{said.conversation_id}/delete_message"
    return server.call("DELETE", path, person=person, query_string={"message_id": said.message_id})


def react(server: Server, person: Person, said: Said) -> Any:
    return server.call("POST", f"{said.path}/reactions", person=person, json={"emoji": "👍"})


def unreact(server: Server, person: Person, said: Said) -> Any:
    return server.call("DELETE", f"{said.path}/reactions", person=person, json={"emoji": "👍"})


def test_its_author_edits_it(server: Server, owner: Person, member: Person, said: Said) -> None:
    assert edit(server, owner, said).status_code == 200

    [message] = conversation(server, member, "alice")
    assert message["message"] == "pssst"
    assert message["edited_at"] is not None


def test_its_author_deletes_it(server: Server, owner: Person, member: Person, said: Said) -> None:
    assert delete(server, owner, said).status_code == 200

    assert conversation(server, member, "alice") == []


def test_both_react_and_take_it_back(server: Server, owner: Person, member: Person, said: Said) -> None:
    for person in (owner, member):
        assert react(server, person, said).status_code == 201
    assert conversation(server, member, "alice")[0]["reactions"][0]["user_ids"] == [owner.id, member.id]

    assert unreact(server, member, said).status_code == 200

    assert conversation(server, member, "alice")[0]["reactions"][0]["user_ids"] == [owner.id]


def test_who_it_was_said_to_neither_edits_nor_deletes_it(
    server: Server, owner: Person, member: Person, said: Said
) -> None:
    with server.stores_nothing():
        assert (edit(server, member, said).status_code, delete(server, member, said).status_code) == (403, 401)

    assert [message["message"] for message in conversation(server, owner, "bob")] == ["psst"]


@pytest.mark.parametrize("change", [edit, delete, react, unreact])
def test_nobody_else_knows_of_it(server: Server, owner: Person, said: Said, change: Any) -> None:
    """Not even the staff: carol is an administrator."""
    carol = server.sign_up("carol")
    server.give_role(carol, "admin")

    with server.stores_nothing():
        assert change(server, carol, said).status_code == 404


def test_it_is_changed_nowhere_but_in_its_conversation(server: Server, owner: Person, said: Said) -> None:
    lobby = server.create_channel(owner)["channel_id"]
    elsewhere = Said(lobby, said.message_id)

    with server.stores_nothing():
        assert {change(server, owner, elsewhere).status_code for change in (edit, delete, react, unreact)} == {404}
