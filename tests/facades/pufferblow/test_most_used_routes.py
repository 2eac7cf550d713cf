"""What the routes that clients use most cost: statements for each request, however much there is to show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Person, Server

MOST = 5


@pytest.fixture
def lively(server: Server, owner: Person, member: Person) -> str:
    """A channel with more than a page of messages by several people, reactions among them."""
    channel = server.create_channel(owner)["channel_id"]
    people = [owner, member, *(server.sign_up(f"person{number}") for number in range(3))]
    sent = [server.send(people[number % 5], channel, f"message {number}")["message_id"] for number in range(30)]
    for message_id in sent[::3]:
        path = f"/api/v1/channels/{channel}/messages/{message_id}/reactions"
        server.call("POST", path, person=member, json={"emoji": "👍"})
    for person in people[1:]:
        server.call("POST", "/api/v1/dms/send", person=owner, json={"peer": person.username, "message": "hello"})
    for number in range(5):
        server.create_channel(owner, channel_name=f"channel {number}", is_private=bool(number % 2))
    return str(channel)


def test_the_most_used_routes_cost_five_statements_at_most(server: Server, owner: Person, lively: str) -> None:
    base = f"/api/v1/channels/{lively}"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"{base}/load_messages", {"query_string": {"messages_per_page": 50}}),
        ("GET", f"{base}/load_messages", {"query_string": {"page": 2}}),
        ("POST", "/api/v1/users/profile", {}),
        ("POST", "/api/v1/users/profile", {"json": {"user_id": owner.id}}),
        ("GET", "/api/v1/users/list", {}),
        ("POST", "/api/v1/channels/list/", {}),
        ("GET", "/api/v1/channels/read-history", {}),
        ("GET", "/api/v1/system/server-info", {}),
        ("GET", "/api/v1/system/server-stats", {}),
        ("GET", "/api/v1/dms/messages", {"query_string": {"peer": "bob"}}),
        ("POST", "/api/v1/system/roles/list", {}),
        ("POST", "/api/v1/storage/files", {"json": {"directory": "all"}}),
        ("GET", "/api/v1/ping/pending", {}),
    ]
    writing: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"{base}/send_message", {"json": {"message": "hello"}}),
        (
            "PUT",
            f"{base}/mark_message_as_read",
            {"json": {"message_id": server.send(owner, lively, "hello")["message_id"]}},
        ),
        ("POST", "/api/v1/auth/refresh", {"json": {"refresh_token": owner.session["refresh_token"]}}),
    ]
    costs: dict[str, int] = {}

    for method, path, options in asked:
        with server.counted_queries() as statements:
            assert server.call(method, path, person=owner, **options).status_code == 200, path
        asked_for = [statement for statement in statements if not statement.startswith("BEGIN")]
        costs[path] = max(costs.get(path, 0), len(asked_for))

    for method, path, options in writing:  # What they ask; a row of every table they write to comes on top.
        with server.counted_queries() as statements:
            assert server.call(method, path, person=owner, **options).status_code < 300, path
        costs[path] = len([statement for statement in statements if statement.lstrip().startswith("SELECT")])

    assert {path: cost for path, cost in costs.items() if cost > MOST} == {}
    assert len(costs) > 10
