"""What holds of Punctum's requests whatever they are about: how many there may be, and that a repeated one is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import time_machine

from app.web.limiting import bucket_of
from tests.answers import refusal
from tests.facades.conftest import Person, Server
from tests.facades.test_rate_limits import EXCEEDED, limit

KEY = {"Idempotency-Key": "0d7c4f3e"}
MESSAGES = "/api/v1/messages"


def make(server: Server, person: Person, path: str, **body: Any) -> Any:
    answer = server.call("POST", f"/api/v1{path}", person=person, json=body, headers=body.pop("headers", {}))
    assert answer.status_code in {200, 201}, answer.text
    return answer.json


@pytest.fixture
def channel(server: Server, owner: Person) -> str:
    conference = make(server, owner, "/conferences", name="Pond")["id"]
    return str(make(server, owner, f"/conferences/{conference}/channels", name="reeds")["id"])


@pytest.mark.parametrize(
    ("method", "rule", "bucket"),
    [
        ("POST", MESSAGES, "messages"),
        ("POST", "/api/v1/channels/<id>/messages", "messages"),
        ("POST", "/api/v1/id", "messages"),
        ("POST", "/api/v1/ids", "messages"),
        ("GET", "/api/v1/channels/<id>/messages", "default"),
        ("GET", "/api/v1/messages/<id>", "default"),
        ("PATCH", "/api/v1/messages/<id>", "default"),
        ("POST", "/api/v1/messages/<id>/react", "default"),
        ("POST", "/api/v1/stash/request", "default"),
        ("POST", "/api/v1/accounts", "default"),
        ("POST", "/api/v1/moderation/reports/messages", "default"),
    ],
)
def test_what_is_said_has_a_window_of_its_own(method: str, rule: str, bucket: str) -> None:
    assert bucket_of(rule, method) == bucket


def test_too_many_are_told_by_an_error_ping_and_their_key_is_still_good(
    server: Server, owner: Person, channel: str
) -> None:
    limit(requests=10)
    body = {"parent_channel": channel, "content": "hello"}
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(5):
            make(server, owner, "/messages", **body)
        with server.stores_nothing():
            refused = server.call("POST", MESSAGES, person=owner, json=body, headers=KEY)
        clock.shift(timedelta(minutes=5, seconds=1))
        repeated = [server.call("POST", MESSAGES, person=owner, json=body, headers=KEY) for _ in range(2)]

    assert (refused.status_code, refused.json) == refusal(429, EXCEEDED, message=EXCEEDED)
    assert (refused.json["ping_type"], refused.json["error_code"]) == ("error", 3)
    assert int(refused.headers["Retry-After"]) >= 1
    assert [answer.status_code for answer in repeated] == [201, 201]
    assert repeated[0].json == repeated[1].json


@pytest.mark.parametrize("path", ["/conferences", "/roles", "/channels", "/messages", "/emoji"])
def test_a_repeated_request_finds_what_the_first_one_made(
    server: Server, owner: Person, channel: str, path: str
) -> None:
    conference = server.call("GET", f"/api/v1/channels/{channel}", person=owner).json["parent_conference"]
    body = {"name": "frogs", "content": "hello", "shortcode": "frog", "image": "/frog.png"}
    body |= {"parent_conference": conference, "parent_channel": channel}

    first = server.call("POST", f"/api/v1{path}", person=owner, json=body, headers=KEY)
    with server.stores_nothing():
        second = server.call("POST", f"/api/v1{path}", person=owner, json=body, headers=KEY)
        other = server.call("POST", f"/api/v1{path}", person=owner, json=body | {"name": "newts"}, headers=KEY)

    assert (first.status_code, second.status_code, other.status_code) == (201, 201, 400), other.text
    assert first.json == second.json


def test_what_a_repeated_request_made_may_be_gone(server: Server, owner: Person) -> None:
    first = server.call("POST", "/api/v1/conferences", person=owner, json={"name": "Pond"}, headers=KEY)
    server.call("DELETE", f"/api/v1/conferences/{first.json['id']}", person=owner)

    again = server.call("POST", "/api/v1/conferences", person=owner, json={"name": "Pond"}, headers=KEY)

    assert (again.status_code, again.json["error_code"]) == (404, 4)


@pytest.mark.parametrize(
    "carried",
    [{"embeds": [{"embed_title": "Frogs", "embed_type": 1}]}, {"attached_files": ["https://chat.example/frog.png"]}],
)
def test_what_carries_something_needs_no_text(
    server: Server, owner: Person, channel: str, carried: dict[str, Any]
) -> None:
    said = make(server, owner, "/messages", parent_channel=channel, content="", **carried)
    path, [key] = f"/api/v1/messages/{said['id']}", carried

    emptied = server.call("PATCH", path, person=owner, json={key: []})

    assert said["content"] == ""
    assert said[key] == carried[key]
    assert emptied.status_code == 400
    assert server.call("GET", path, person=owner).json == said


def test_a_file_of_this_server_is_attached_by_its_path(server: Server, owner: Person, channel: str) -> None:
    said = make(server, owner, "/messages", parent_channel=channel, content="", attached_files=["/storage/abc"])

    assert said["attached_files"] == ["https://chat.example/storage/abc"]


def test_the_icon_of_what_has_none_is_served_and_harmless(server: Server, owner: Person) -> None:
    icon = make(server, owner, "/conferences", name="Pond")["icon"]

    answer = server.call("GET", icon.removeprefix("https://chat.example"))

    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.cache_control.public
    assert answer.cache_control.max_age == 86400
    assert ET.fromstring(answer.data).tag == "{http://www.w3.org/2000/svg}svg"
