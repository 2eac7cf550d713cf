"""Channels: list, create, delete, read marks."""

from __future__ import annotations

from typing import Any

import pytest

from app.queries import channels as queries
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server

LIST = "/api/v1/channels/list/"
CREATE = "/api/v1/channels/create/"
HISTORY = "/api/v1/channels/read-history"
NO_SUCH_CHANNEL = refusal(404, "The provided channel ID does not exist or could not be found.")


def test_the_channels_route(server: Server) -> None:
    assert server.call("GET", "/api/v1/channels").json == {"status_code": 200, "message": "Channels route"}


def test_creating_a_channel(server: Server, owner: Person) -> None:
    answer = server.call("POST", CREATE, json={"auth_token": owner.token, "channel_name": "Lobby", "is_private": False})

    assert answer.status_code == 200
    assert list(answer.json) == ["status_code", "message", "channel_data"]
    assert answer.json["message"] == "Channel created successfully"
    channel = answer.json["channel_data"]
    assert list(channel) == [
        "channel_id",
        "channel_name",
        "channel_type",
        "messages_ids",
        "is_private",
        "allowed_users",
        "participant_ids",
        "created_at",
    ]
    assert (channel["channel_name"], channel["channel_type"], channel["is_private"]) == ("Lobby", "text", False)
    assert server.call("POST", LIST, person=owner).json["channels"] == [channel]


@pytest.mark.parametrize("path", [CREATE, CREATE.rstrip("/")])
def test_both_ends_of_the_path_create(server: Server, owner: Person, path: str) -> None:
    assert server.call("POST", path, person=owner, json={"channel_name": "Lobby"}).status_code == 200


@pytest.mark.parametrize("kind", ["text", "voice", "mixed"])
def test_a_channel_has_a_type(server: Server, owner: Person, kind: str) -> None:
    assert server.create_channel(owner, channel_type=kind)["channel_type"] == kind


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"channel_name": ""},
        {"channel_name": "  "},
        {"channel_name": "x" * 101},
        {"channel_name": None},
        {"channel_name": 7},
        {"channel_name": "x", "channel_type": "video"},
        {"channel_name": "x", "is_private": "perhaps"},
        {"channel_name": "x", "is_private": 1},
    ],
)
@ON_SQLITE
def test_a_channel_that_makes_no_sense_is_refused(server: Server, owner: Person, given: dict[str, Any]) -> None:
    with server.stores_nothing():
        answer = server.call("POST", CREATE, person=owner, json=given)

    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["Lobby", "LOBBY", "\uff4cobby"])
def test_a_name_is_taken_however_it_is_written(server: Server, owner: Person, name: str) -> None:
    server.create_channel(owner, channel_name="Lobby")

    with server.stores_nothing():
        answer = server.call("POST", CREATE, person=owner, json={"channel_name": name})

    assert (answer.status_code, answer.json) == refusal(
        409, "Channel name already exists, please change it and try again."
    )


def test_a_deleted_channels_name_is_free_again_and_its_id_is_not(server: Server, owner: Person) -> None:
    first = server.create_channel(owner, channel_name="Lobby")
    server.call("DELETE", f"/api/v1/channels/{first['channel_id']}/delete", person=owner)

    assert server.create_channel(owner, channel_name="Lobby")["channel_id"] != first["channel_id"]


def test_a_member_may_not_create_channels(server: Server, owner: Person, member: Person) -> None:
    with server.stores_nothing():
        answer = server.call("POST", CREATE, person=member, json={"channel_name": "x"})

    assert (answer.status_code, answer.json) == refusal(
        403, "Access forbidden. Missing required privilege: create_channels."
    )


def test_a_moderator_may_create_channels_but_not_delete_them(server: Server, owner: Person, member: Person) -> None:
    server.give_role(member, "moderator")

    channel = server.create_channel(member)
    answer = server.call("DELETE", f"/api/v1/channels/{channel['channel_id']}/delete", person=member)

    assert (answer.status_code, answer.json) == refusal(
        403, "Access forbidden. Missing required privilege: delete_channels."
    )


def test_a_private_channel_is_listed_for_its_members_and_moderators_alone(
    server: Server, owner: Person, member: Person
) -> None:
    moderator = server.sign_up("carol")
    server.give_role(moderator, "moderator")
    secret = server.create_channel(owner, is_private=True)

    def listed(person: Person) -> list[str]:
        return [channel["channel_id"] for channel in server.call("POST", LIST, person=person).json["channels"]]

    assert secret["allowed_users"] == [owner.id]
    assert (listed(owner), listed(moderator), listed(member)) == ([secret["channel_id"]], [secret["channel_id"]], [])


def test_deleting_a_channel(server: Server, owner: Person) -> None:
    channel_id = server.create_channel(owner)["channel_id"]
    path = f"/api/v1/channels/{channel_id}/delete"

    answer = server.call("DELETE", path, query_string={"auth_token": owner.token})

    assert answer.json == {"status_code": 200, "message": f"Channel: '{channel_id}' deleted successfully"}
    assert server.call("POST", LIST, person=owner).json["channels"] == []
    with server.stores_nothing():
        again = server.call("DELETE", path, person=owner)
    assert (again.status_code, again.json) == NO_SUCH_CHANNEL


@pytest.mark.parametrize("channel_id", ["nope", "%00", "..", "9ecbc1cb-05fd-50da-8ba2-6108c9739cb2", "x" * 65])
def test_deleting_a_channel_that_is_not_there(server: Server, owner: Person, channel_id: str) -> None:
    with server.stores_nothing():
        answer = server.call("DELETE", f"/api/v1/channels/{channel_id}/delete", person=owner)

    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("place", ["query_string", "json"])
def test_marking_a_message_as_read(server: Server, owner: Person, member: Person, place: str) -> None:
    channel_id = server.create_channel(owner)["channel_id"]
    ids = [server.send(member, channel_id, text)["message_id"] for text in ("one", "two", "three")]
    given: dict[str, Any] = {place: {"auth_token": owner.token, "message_id": ids[1]}}

    answer = server.call("PUT", f"/api/v1/channels/{channel_id}/mark_message_as_read", **given)

    assert answer.status_code == 201
    assert answer.json == {"status_code": 201, "message": "The message_id was successfully marked as read"}
    history = server.call("GET", HISTORY, person=owner).json
    assert list(history) == ["status_code", "viewed_message_ids", "unread_counts"]
    assert set(history["viewed_message_ids"]) == set(ids[:2])
    assert history["unread_counts"] == {channel_id: 1}


def test_a_mark_never_goes_back(server: Server, owner: Person, member: Person) -> None:
    channel_id = server.create_channel(owner)["channel_id"]
    ids = [server.send(member, channel_id, text)["message_id"] for text in ("one", "two")]
    path = f"/api/v1/channels/{channel_id}/mark_message_as_read"

    statuses = [
        server.call("PUT", path, person=owner, query_string={"message_id": message_id}).status_code
        for message_id in (ids[1], *ids)
    ]

    assert statuses == [201, 201, 201]
    assert server.call("GET", HISTORY, person=owner).json["unread_counts"] == {}


def test_ones_own_messages_are_not_unread(server: Server, owner: Person) -> None:
    channel_id = server.create_channel(owner)["channel_id"]
    server.send(owner, channel_id, "to myself")

    assert server.call("GET", HISTORY, person=owner).json["unread_counts"] == {}


def test_a_message_is_marked_in_its_own_channel_by_who_can_see_it(
    server: Server, owner: Person, member: Person
) -> None:
    lobby, secret = server.create_channel(owner), server.create_channel(owner, is_private=True, channel_name="secret")
    message_id = server.send(owner, secret["channel_id"], "hush")["message_id"]

    def mark(person: Person, channel: dict[str, Any], message_id: str) -> Any:
        path = f"/api/v1/channels/{channel['channel_id']}/mark_message_as_read"
        return server.call("PUT", path, person=person, query_string={"message_id": message_id})

    with server.stores_nothing():
        refused = [mark(owner, lobby, message_id), mark(member, secret, message_id), mark(owner, secret, "nope")]

    assert [answer.status_code for answer in refused] == [404, 404, 404]
    assert all("message_id" in answer.json["detail"] for answer in refused)


@pytest.mark.parametrize(("method", "path"), [("POST", LIST), ("GET", HISTORY)])
def test_lists_are_cheap(server: Server, owner: Person, method: str, path: str) -> None:
    for number in range(3):
        server.create_channel(owner, channel_name=f"channel {number}", is_private=bool(number))

    with server.counted_queries() as queries:
        server.call(method, path, person=owner)

    assert len([query for query in queries if query.startswith("SELECT")]) <= 3


def test_renaming_a_channel(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner, channel_name="Lobby", is_private=True)

    answer = _rename(server, owner, channel["channel_id"], "Foyer")

    assert answer.status_code == 200
    assert answer.json["message"] == "Channel updated successfully"
    assert answer.json["channel_data"] == channel | {"channel_name": "Foyer"}
    assert server.call("POST", LIST, person=owner).json["channels"] == [answer.json["channel_data"]]
    assert server.call("POST", LIST, person=member).json["channels"] == []


@pytest.mark.parametrize(
    ("name", "status"), [("Taken", 409), ("", 400), ("  ", 400), ("x" * 101, 400), ("a\x00b", 400), (None, 400)]
)
@ON_SQLITE
def test_a_name_that_cannot_be_is_refused(server: Server, owner: Person, name: str | None, status: int) -> None:
    server.create_channel(owner, channel_name="Taken")
    channel = server.create_channel(owner, channel_name="Lobby")["channel_id"]

    with server.stores_nothing():
        assert _rename(server, owner, channel, name).status_code == status

    assert "Lobby" in [found["channel_name"] for found in server.call("POST", LIST, person=owner).json["channels"]]


def test_who_may_not_rename_a_channel_does_not(server: Server, owner: Person, member: Person) -> None:
    lobby = server.create_channel(owner, channel_name="Lobby")["channel_id"]

    with server.stores_nothing():
        assert _rename(server, member, lobby, "Mine").status_code == 403
        missing = _rename(server, owner, "channel_none", "Mine")
    assert (missing.status_code, missing.json) == NO_SUCH_CHANNEL


def _rename(server: Server, person: Person, channel_id: str, name: str | None) -> Any:
    return server.call("PUT", f"/api/v1/channels/{channel_id}/update", person=person, json={"channel_name": name})


def test_marking_all_of_a_channel_and_all_channels_as_read(server: Server, owner: Person, member: Person) -> None:
    channels = [server.create_channel(owner, channel_name=name)["channel_id"] for name in ("one", "two", "three")]
    for number, channel in enumerate(channels):
        for _ in range(number + 1):
            server.send(owner, channel, "hello")

    one = server.call("POST", f"/api/v1/channels/{channels[0]}/mark_all_read", person=member)
    rest = server.call("POST", "/api/v1/channels/mark_all_read", person=member)
    again = server.call("POST", "/api/v1/channels/mark_all_read", person=member)

    assert one.json == {"status_code": 200, "channel_id": channels[0], "newly_marked_read": 1}
    assert rest.json == {"status_code": 200, "channels_touched": 2, "newly_marked_read": 5}
    assert again.json == {"status_code": 200, "channels_touched": 0, "newly_marked_read": 0}
    assert server.call("GET", HISTORY, person=member).json["unread_counts"] == {}


def test_only_what_one_sees_is_marked(server: Server, owner: Person, member: Person) -> None:
    secret = server.create_channel(owner, is_private=True)["channel_id"]
    server.send(owner, secret, "hush")

    with server.stores_nothing():
        answer = server.call("POST", f"/api/v1/channels/{secret}/mark_all_read", person=member)
        assert (answer.status_code, answer.json) == NO_SUCH_CHANNEL
        assert server.call("POST", "/api/v1/channels/mark_all_read", person=member).json["channels_touched"] == 0


def test_no_more_than_the_newest_are_counted_as_unread(
    server: Server, owner: Person, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or who never read anything would have all that was ever said be gone through, each time their client asks."""
    monkeypatch.setattr(queries, "MOST_UNREAD", 3)
    monkeypatch.setattr(queries, "_unread", queries._unread.__wrapped__)
    lobby = server.create_channel(owner)["channel_id"]
    said = [server.send(owner, lobby, f"message {number}")["message_id"] for number in range(6)]

    def unread() -> dict[str, int]:
        history = server.call("GET", "/api/v1/channels/read-history", person=member).json
        counts: dict[str, int] = history["unread_counts"]
        return counts

    assert unread() == {lobby: 3}
    path = f"/api/v1/channels/{lobby}/mark_message_as_read"
    for read, left in ((said[0], 3), (said[4], 1)):
        server.call("PUT", path, person=member, json={"message_id": read})
        assert unread() == {lobby: left}
    marked = server.call("POST", f"/api/v1/channels/{lobby}/mark_all_read", person=member).json
    assert (marked["newly_marked_read"], unread()) == (1, {})
