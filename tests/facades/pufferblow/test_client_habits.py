"""How the official SDK and the official web client ask, on every route (contracts/pufferblow.md, 0.1, 0.2 and 0.5)."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest

from app.facades import pufferblow
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server
from tests.facades.routes import API

SIGNED_IN = sorted(key for key, row in API.items() if row.who != "anyone")
ORIGIN = "https://client.example"
TOKEN_WORDS = ("Authentication required", "Bad auth_token format")

# Where each of the two puts the token, and how it writes the rest, where that is not what most routes have.
SDK_JSON = [
    ("PUT", "/api/v1/channels/{channel}/add_user", {"to_add_user_id": "{bob}"}),
    ("PUT", "/api/v1/channels/{channel}/mark_message_as_read", {"message_id": "{message}"}),
    ("PUT", "/api/v1/users/profile", {"about": "me"}),
]


def fill(path: str) -> str:
    return re.sub(r"\{\w+\}", "nothing", path)


@pytest.mark.parametrize("place", ["query", "header", "json", "form", "multipart"])
@ON_SQLITE
def test_a_token_is_found_wherever_it_is(server: Server, owner: Person, place: str) -> None:
    token = {"auth_token": owner.token}
    places: dict[str, dict[str, Any]] = {
        "query": {"query_string": token},
        "header": {"headers": owner.bearer},
        "json": {"json": token},
        "form": {"data": token},
        "multipart": {"data": token, "content_type": "multipart/form-data"},
    }
    options = places[place]
    wrong = []

    for method, path in SIGNED_IN:
        answer = server.call(method, fill(path), **options)
        if answer.status_code == 401 or any(word in answer.text for word in TOKEN_WORDS):
            wrong.append((method, path, answer.status_code, answer.text[:60]))
        if path.endswith("reset-auth-token"):
            assert answer.status_code == 400

    assert wrong == []


@ON_SQLITE
def test_a_wrong_token_is_refused_wherever_it_is(server: Server, owner: Person) -> None:
    places: list[dict[str, Any]] = [
        {"query_string": {"auth_token": "x.y.z"}},
        {"headers": {"Authorization": "Bearer x.y.z"}},
    ]
    with server.stores_nothing():
        for method, path in SIGNED_IN:
            for options in places:
                answer = server.call(method, fill(path), **options)
                assert answer.status_code == 400, path
                assert answer.json["detail"].startswith("Bad auth_token format."), path


@ON_SQLITE
def test_a_slash_at_the_end_changes_nothing(server: Server, owner: Person) -> None:
    for method, path in API:
        with_slash, without = fill(path).rstrip("/") + "/", fill(path).rstrip("/")

        answers = [server.call(method, spelt, person=owner).status_code for spelt in (with_slash, without)]

        assert answers[0] == answers[1], path
        assert answers[0] not in {301, 307, 308}, path


@ON_SQLITE
def test_another_origin_may_ask_on_every_path(server: Server) -> None:
    for method, path in API:
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": method}
        answer = server.call("OPTIONS", fill(path), headers=headers)

        assert answer.status_code == 204, path
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert method in answer.headers["Access-Control-Allow-Methods"]
        allowed = answer.headers["Access-Control-Allow-Headers"]
        assert all(name in allowed for name in ("content-type", "authorization", "x-pufferblow-node-session"))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/channels/list/", 401),
        ("GET", "/api/v1/no/such/route", 404),
        ("PUT", "/api/v1/channels/list/", 405),
        ("POST", "/api/v1/users/signin", 400),
    ],
)
@ON_SQLITE
def test_another_origin_may_read_errors(server: Server, method: str, path: str, status: int) -> None:
    answer = server.call(method, path, headers={"Origin": ORIGIN})

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, ORIGIN)
    assert isinstance(answer.json["detail"], str)
    assert "X-RateLimit-Limit" in answer.headers["Access-Control-Expose-Headers"]


@ON_SQLITE
def test_every_answer_has_its_own_id(server: Server, owner: Person) -> None:
    ids = [server.call(method, fill(path), person=owner).headers["X-Request-ID"] for method, path in API]

    assert len(set(ids)) == len(API)


@ON_SQLITE
def test_the_root_leads_to_the_info(server: Server) -> None:
    for path in ("/", "/api/v1", "/api/v1/"):
        answer = server.call("GET", path)
        assert (answer.status_code, answer.headers["Location"]) == (307, "/api/v1/info")


@ON_SQLITE
def test_an_empty_part_is_no_file(server: Server, owner: Person) -> None:
    """What a browser sends for a file field that was left empty."""
    channel = server.create_channel(owner)["channel_id"]

    answer = server.call(
        "POST",
        f"/api/v1/channels/{channel}/send_message",
        data={"auth_token": owner.token, "message": "hello", "attachments": (BytesIO(b""), "")},
        content_type="multipart/form-data",
    )

    assert (answer.status_code, answer.json["attachments"]) == (201, [])


@ON_SQLITE
def test_a_message_may_be_urlencoded(server: Server, owner: Person) -> None:
    """As the SDK sends one without a file."""
    channel = server.create_channel(owner)["channel_id"]
    given = {"auth_token": owner.token, "message": "hello", "sent_at": "2020-01-01T00:00:00"}

    answer = server.call("POST", f"/api/v1/channels/{channel}/send_message", data=given)

    assert answer.status_code == 201
    assert answer.json["message_data"]["sent_at"] > "2026"


@pytest.mark.parametrize("place", ["json", "query_string"])
@pytest.mark.parametrize(("method", "path", "given"), SDK_JSON)
@ON_SQLITE
def test_the_sdk_writes_json_where_the_client_writes_the_query(
    server: Server, owner: Person, member: Person, place: str, method: str, path: str, given: dict[str, str]
) -> None:
    channel = server.create_channel(owner, is_private=True)["channel_id"]
    words = {"channel": channel, "message": server.send(owner, channel, "hello")["message_id"], "bob": member.id}
    options: dict[str, Any] = {
        place: {"auth_token": owner.token} | {name: value.format(**words) for name, value in given.items()}
    }

    answer = server.call(method, path.format(**words), **options)

    assert answer.status_code in {200, 201}, answer.text


@ON_SQLITE
def test_successes_say_their_status_in_the_body(server: Server, owner: Person) -> None:
    """Where the two differ, the contract says so: a deleted message is a 200 that says 204."""
    for (method, path), row in API.items():
        if row.does == "read" and row.who != "anyone":
            answer = server.call(method, fill(path), person=owner)
            if answer.status_code < 300:
                assert answer.json["status_code"] == answer.status_code, path


@ON_SQLITE
def test_nothing_of_a_request_is_repeated(server: Server, owner: Person) -> None:
    """The reference server repeats what it did not understand, tokens too."""
    for method, path in API:
        given = {"auth_token": owner.token, "page": "s3cret-page", "limit": "s3cret", "channel_name": ["s3cret"]}
        answer = server.call(method, fill(path), json=given)
        assert answer.status_code != 500, path
        assert "s3cret" not in answer.text, path
        assert owner.token not in answer.text, path


def test_every_route_is_one_of_the_table() -> None:
    assert {(route.method, route.path) for route in pufferblow.API.routes} == API.keys()
