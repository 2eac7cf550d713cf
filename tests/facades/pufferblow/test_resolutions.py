"""A report is closed by what was done, or stays open: its messages are deleted, or nobody is told that they were."""

from __future__ import annotations

from typing import Any

from tests.answers import refusal
from tests.facades.conftest import Person, Server
from tests.facades.pufferblow.test_moderation import (
    moderator,
    report_messages,
    report_user,
    reports,
    resolve,
    state,
)
from tests.together import at_once

__all__ = ["moderator"]

NOT_THEIRS = "You may not delete these messages where they stand."


def direct(server: Server, sender: Person, to: Person) -> str:
    answer = server.call("POST", "/api/v1/dms/send", person=sender, json={"peer": to.id, "message": "buy fish"})
    return str(answer.json["result"]["message_id"])


def loaded(server: Server, person: Person, peer: Person) -> list[str]:
    answer = server.call("GET", f"/api/v1/dms/messages?peer={peer.id}", person=person)
    return [message["message_id"] for message in answer.json["messages"]]


def test_what_a_moderator_does_not_see_is_not_said_to_be_deleted(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    """Nor is what they do see, if it is in the same report: all of them go, or none."""
    channel = server.create_channel(owner)["channel_id"]
    public = server.send(member, channel, "buy fish")["message_id"]
    secret = direct(server, member, owner)
    report_messages(server, owner, public, secret)
    (report,) = reports(server, moderator)

    with server.stores_nothing():
        refused = resolve(server, moderator, report["id"], "delete_messages")

    assert (refused.status_code, refused.json) == refusal(403, NOT_THEIRS)
    assert loaded(server, owner, member) == [secret]
    shown = server.call("GET", f"/api/v1/channels/{channel}/load_messages", person=owner).json["messages"]
    assert [message["message_id"] for message in shown] == [public]
    assert reports(server, moderator)[0]["status"] == "pending"
    assert resolve(server, moderator, report["id"], "warn").status_code == 200


def test_what_is_deleted_already_is_passed_over(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    channel = server.create_channel(owner)["channel_id"]
    first, second = (server.send(member, channel, text)["message_id"] for text in ("buy fish", "and chips"))
    report_messages(server, owner, first, second)
    path = f"/api/v1/channels/{channel}/delete_message?message_id={first}"
    assert server.call("DELETE", path, person=member).status_code == 200
    (report,) = reports(server, moderator)

    assert resolve(server, moderator, report["id"], "delete_messages").status_code == 200

    assert server.call("GET", f"/api/v1/channels/{channel}/load_messages", person=owner).json["messages"] == []


def test_of_a_person_there_are_no_messages_to_delete(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    report_user(server, owner, member.id)
    (report,) = reports(server, moderator)

    with server.stores_nothing():
        assert resolve(server, moderator, report["id"], "delete_messages").status_code == 400

    assert reports(server, moderator)[0]["status"] == "pending"


def test_of_two_answers_at_once_one_is_carried_out(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    report_user(server, moderator, member.id)
    (report,) = reports(server, moderator)
    answers = iter([(owner, "ban"), (moderator, "dismiss")])

    def answer() -> Any:
        by, action = next(answers)
        return resolve(server, by, report["id"], action)

    assert sorted(answer.status_code for answer in at_once(answer, times=2)) == [200, 409]

    (closed,) = reports(server, owner)
    assert state(server, owner, member)["is_banned"] == (closed["resolution"] == "ban")


def test_messages_of_several_are_reported_together_or_not_at_all(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    channel = server.create_channel(owner)["channel_id"]
    theirs, own = (server.send(person, channel, "buy fish")["message_id"] for person in (member, owner))

    with server.stores_nothing():
        assert report_messages(server, owner, theirs, own).status_code == 400

    assert reports(server, moderator) == []
    third = server.send(moderator, channel, "and chips")["message_id"]
    assert report_messages(server, owner, third).status_code == 201
    with server.stores_nothing():
        assert report_messages(server, owner, theirs, third).status_code == 409
