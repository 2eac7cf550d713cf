"""Letting people into private channels, and putting them out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.answers import refusal
from tests.facades.conftest import Person, Server

ADDED, REMOVED = "User ID: '{}' added to Channel ID: '{}'", "User ID: '{}' removed from Channel ID: '{}'"
NOT_PRIVATE = "Channel with Channel ID: '{}' is not private. Only private channels are allowed."
SKIPPED = "Skipping the operation, the targeted user already has private-channel access through their instance roles."
NOBODY = "To {} User ID: '{}' is invalid/not found. Please enter a valid 'user_id' and try again."
WAYS = pytest.mark.parametrize("way", ["add", "remove"])


@pytest.fixture
def staff(server: Server, owner: Person) -> str:
    def make() -> str:
        return str(server.create_channel(owner, channel_name="staff", is_private=True)["channel_id"])

    return server.once("staff", make)


def change(server: Server, way: str, channel_id: str, by: Person, user_id: str, *, place: str = "json") -> Any:
    """What the owner asks for; parameters may be in the query, as the contract says, or in JSON, as the SDK does."""
    method = {"add": "PUT", "remove": "DELETE"}[way]
    given: dict[str, Any] = {place: {f"to_{way}_user_id": user_id}}
    return server.call(method, f"/api/v1/channels/{channel_id}/{way}_user", person=by, **given)


def reads(server: Server, person: Person, channel_id: str) -> bool:
    return bool(server.call("GET", f"/api/v1/channels/{channel_id}/load_messages", person=person).status_code == 200)


def said(message: str) -> dict[str, Any]:
    """The SDK looks into `detail`, even of a success."""
    return {"status_code": 200, "message": message, "detail": message}


@pytest.mark.parametrize("place", ["json", "query_string"])
def test_whoever_is_let_in_sees_the_channel_until_put_out(
    server: Server, owner: Person, member: Person, staff: str, place: str
) -> None:
    seen = [reads(server, member, staff)]

    for way, text in (("add", ADDED), ("remove", REMOVED)):
        answer = change(server, way, staff, owner, member.id, place=place)
        assert (answer.status_code, answer.json) == (200, said(text.format(member.id, staff)))
        seen.append(reads(server, member, staff))

    assert seen == [False, True, False]


@pytest.mark.parametrize(("way", "text"), [("add", ADDED), ("remove", REMOVED)])
def test_a_change_that_changes_nothing_is_no_mistake(
    server: Server, owner: Person, member: Person, staff: str, way: str, text: str
) -> None:
    change(server, way, staff, owner, member.id)

    with server.stores_nothing():
        answer = change(server, way, staff, owner, member.id)

    assert (answer.status_code, answer.json) == (200, said(text.format(member.id, staff)))


def test_somebody_may_be_named(server: Server, owner: Person, member: Person, staff: str) -> None:
    assert change(server, "add", staff, owner, member.username).status_code == 200

    assert reads(server, member, staff)


def test_who_sees_every_private_channel_is_neither_let_in_nor_put_out(
    server: Server, owner: Person, member: Person, staff: str
) -> None:
    server.give_role(member, "moderator")

    with server.stores_nothing():
        added, removed = (change(server, way, staff, owner, member.id) for way in ("add", "remove"))

    assert (added.status_code, added.json) == (200, said(SKIPPED))
    assert removed.status_code == 403
    assert removed.json["detail"].startswith(f"Error removing User ID: '{member.id}'.")


@WAYS
def test_a_public_channel_has_no_list_of_people(server: Server, owner: Person, member: Person, way: str) -> None:
    lobby = server.create_channel(owner, channel_name="lobby")["channel_id"]

    with server.stores_nothing():
        answer = change(server, way, lobby, owner, member.id)

    assert (answer.status_code, answer.json) == refusal(400, NOT_PRIVATE.format(lobby))


@WAYS
def test_what_is_not_there_is_not_found(server: Server, owner: Person, member: Person, staff: str, way: str) -> None:
    with server.stores_nothing():
        nobody = change(server, way, staff, owner, "user_nobody")
        no_person = change(server, way, staff, owner, staff)
        nowhere = change(server, way, "channel_nowhere", owner, member.id)

    assert (nobody.status_code, nobody.json) == refusal(404, NOBODY.format(way, "user_nobody"))
    assert (no_person.status_code, no_person.json) == refusal(404, NOBODY.format(way, staff))
    assert nowhere.status_code == 404
    assert "channel_nowhere" in nowhere.json["detail"]


@WAYS
def test_who_may_not_changes_nobody(server: Server, owner: Person, member: Person, staff: str, way: str) -> None:
    carol = server.sign_up("carol")

    with server.stores_nothing():
        answer = change(server, way, staff, member, carol.id)

    assert (answer.status_code, answer.json) == refusal(
        403, "Access forbidden. Missing required privilege: manage_channel_users."
    )


def test_who_was_put_out_is_told_nothing_by_a_request_that_comes_again(
    server: Server, owner: Person, member: Person, staff: str
) -> None:
    def send() -> Any:
        path = f"/api/v1/channels/{staff}/send_message"
        return server.call("POST", path, person=member, data={"message": "hi"}, headers={"Idempotency-Key": "once"})

    change(server, "add", staff, owner, member.id)
    sent = send()
    assert (sent.status_code, send().json) == (201, sent.json)
    change(server, "remove", staff, owner, member.id)
    reactions = f"/api/v1/channels/{staff}/messages/{sent.json['message_id']}/reactions"
    assert server.call("POST", reactions, person=owner, json={"emoji": "\N{THUMBS UP SIGN}"}).status_code == 201

    with server.stores_nothing():
        again = send()

    missing = refusal(404, "The provided message_id does not exist or could not be found.")
    assert (again.status_code, again.json) == missing


@WAYS
def test_nobody_is_let_into_a_channel_of_a_conference_or_put_out_of_it(
    server: Server, owner: Person, member: Person, way: str
) -> None:
    """Permission bits decide who sees it, and a success would only say that they had changed."""
    conference = server.call("POST", "/api/v1/conferences", person=owner, json={"name": "Pond"}).json["id"]
    path = f"/api/v1/conferences/{conference}/channels"
    channel_id = server.call("POST", path, person=owner, json={"name": "reeds"}).json["id"]

    with server.stores_nothing():
        answer = change(server, way, channel_id, owner, member.id)

    assert (answer.status_code, answer.json) == refusal(400, NOT_PRIVATE.format(channel_id))
