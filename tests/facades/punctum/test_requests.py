"""What holds for every request: who says it, under which key, and where what it made is."""

from __future__ import annotations

from typing import Any

import pytest

from app.facades.punctum import ROUTES
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.oauth.flows import Browser
from tests.facades.punctum.conftest import Client, Shown, is_refused

IMAGE = "https://cdn.example/a.png"


def test_the_token_is_taken_from_the_header_the_query_and_the_body(client: Client, owner: Person) -> None:
    for number, options in enumerate(
        (
            {"headers": owner.bearer, "json": {}},
            {"query_string": {"auth_token": owner.token}, "json": {}},
            {"json": {"auth_token": owner.token}},
        )
    ):
        body = options.pop("json") | {"name": f"Port {number}"}
        made = client.call("POST", "/conferences", json=body, **options)
        assert made.status_code == 201
        assert made.json["owner"] == owner.id
        assert "auth_token" not in made.json
    assert client.call("GET", "/accounts", json={"auth_token": owner.token}).json["id"] == owner.id


def test_two_tokens_are_none(client: Client, server: Server, owner: Person, member: Person) -> None:
    for first, second in ((owner, member), (owner, owner)):
        path = f"/conferences?auth_token={first.token}&auth_token={second.token}"
        with server.stores_nothing():
            assert is_refused(client.call("POST", path, json={"name": "Port"}), 401, 3)


@pytest.mark.parametrize("token", ["x", "a.b.c", "", 7, ["x"]])
def test_a_token_that_is_none(client: Client, server: Server, owner: Person, token: Any) -> None:
    with server.stores_nothing():
        answer = client.call("POST", "/conferences", json={"auth_token": token, "name": "Port"})
        assert is_refused(answer, 401, 3)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        if isinstance(token, str):
            assert is_refused(client.call("GET", "/accounts", query_string={"auth_token": token}), 401, 3)
            assert is_refused(client.call("GET", "/accounts", headers={"Authorization": f"Bearer {token}"}), 401, 3)


def test_a_token_alone_is_no_data(client: Client, owner: Person) -> None:
    assert is_refused(client.call("POST", "/conferences", json={"auth_token": owner.token}), 400, 2)


def test_a_browser_reads_by_its_cookie_and_writes_from_our_pages_alone(
    client: Client, server: Server, owner: Person
) -> None:
    browser = Browser(server)
    browser.sign_in(owner.username)

    def ask(method: str, path: str, **headers: str) -> Any:
        body = None if method == "GET" else {"name": "Port"}
        return browser.client.open(
            f"/api/v1{path}", method=method, base_url=ORIGIN, headers=headers, json=body, buffered=True
        )

    assert ask("GET", "/accounts").json["id"] == owner.id
    assert ask("GET", "/accounts", Origin="https://evil.example").json["id"] == owner.id
    with server.stores_nothing():
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ORIGIN + ".evil"}):
            assert is_refused(ask("POST", "/conferences", **headers), 401, 3, "Authentication required")
    assert ask("POST", "/conferences", Origin=ORIGIN).json["owner"] == owner.id
    assert is_refused(client.call("GET", "/accounts", headers={"Cookie": f"__Host-shoal={'x' * 43}"}), 401, 3)


def _makers(conference: Shown, channel: Shown) -> list[tuple[str, Shown]]:
    c, ch = conference["id"], channel["id"]
    return [
        ("/conferences", {"name": "Port"}),
        ("/channels", {"name": "dock", "parent_conference": c}),
        ("/messages", {"content": "ahoy", "parent_channel": ch}),
        ("/invites", {"name": "in", "conference_id": c}),
        ("/invites", {"conference_id": c}),
        ("/roles", {"name": "mate", "parent_conference": c}),
        ("/emoji", {"shortcode": "buoy", "image": IMAGE, "parent_conference": c}),
        ("/accounts", {"username": "beacon"}),
        ("/reports", {"target": ch}),
        ("/id", {"object_type": "role", "name": "second", "parent_conference": c}),
        (f"/conferences/{c}/channels", {"name": "pier"}),
        (f"/conferences/{c}/roles", {"name": "cook"}),
        (f"/conferences/{c}/invites", {"name": "on"}),
        (f"/conferences/{c}/emoji", {"shortcode": "anchor", "image": IMAGE}),
        (f"/channels/{ch}/messages", {"content": "ahoy"}),
        (f"/id/{ch}/report", {"note": "once more"}),
    ]


def test_what_is_made_says_where_it_is(client: Client, owner: Person, conference: Shown, channel: Shown) -> None:
    for path, body in _makers(conference, channel):
        made = client.call("POST", path, owner, json=body)

        assert made.status_code == (200 if path.count("/") == 3 and "report" not in path else 201), path
        assert made.headers["Location"] == f"/api/v1/id/{made.json['id']}"
        assert client.server.call("GET", made.headers["Location"], person=owner).json == client.get(
            f"/id/{made.json['id']}", owner
        )


def test_a_repeated_key_makes_it_once(
    client: Client, server: Server, owner: Person, member: Person, conference: Shown, channel: Shown
) -> None:
    for number, (path, body) in enumerate(_makers(conference, channel)):
        key = {"Idempotency-Key": f"key-{number}"}
        first = client.call("POST", path, owner, json=body, headers=key)
        with server.stores_nothing():
            again = client.call("POST", path, owner, json=body, headers=key)
            assert (again.status_code, again.json) == (first.status_code, first.json), path
            if "report" not in path:
                other = client.call("POST", path, owner, json=body | {"name": "zzz", "note": "other"}, headers=key)
                assert is_refused(other, 400, 7), path
    key = {"Idempotency-Key": "key-0"}
    assert client.call("POST", "/conferences", member, json={"name": "Port"}, headers=key).status_code == 201


def test_a_bots_key_is_its_owners(client: Client, owner: Person, member: Person) -> None:
    key = {"Idempotency-Key": "same"}
    one = client.call("POST", "/accounts", owner, json={"username": "one"}, headers=key).json
    two = client.call("POST", "/accounts", member, json={"username": "two"}, headers=key).json

    assert (one["username"], two["username"]) == ("one", "two")


def test_no_route_answers_with_a_status_that_the_protocol_has_no_code_for(
    client: Client, owner: Person, conference: Shown, channel: Shown
) -> None:
    """Names that are taken are wrong values (contracts/punctum.md, 6, H-21)."""
    taken: list[tuple[str, Shown]] = [
        ("/invites", {"name": "in", "conference_id": conference["id"]}),
        ("/emoji", {"shortcode": "buoy", "image": IMAGE, "parent_conference": conference["id"]}),
        ("/accounts", {"username": "Beacon"}),
    ]
    for path, body in taken:
        client.make(path, owner, **body)
        assert is_refused(client.call("POST", path, owner, json=body), 400, 7)
    account = client.make("/accounts", owner, username="other")
    for name in ("beacon", owner.username, "admin"):
        assert is_refused(client.call("PATCH", f"/accounts/{account['id']}", owner, json={"username": name}), 400, 7)


def test_no_text_of_a_body_breaks_the_server(client: Client, owner: Person, conference: Shown, channel: Shown) -> None:
    wrong: list[Any] = ["a\x00b", "\ud800", " ", [], {}, 1e300, 2**70]
    for bad in wrong:
        for path, body in _makers(conference, channel):
            for key in body:
                answer = client.call("POST", path, owner, json=body | {key: bad})
                assert answer.status_code < 500, (path, key, bad, answer.text)


def test_every_route_that_makes_something_says_so() -> None:
    made = {(route.method, route.path) for route in ROUTES if route.makes}

    assert {method for method, _ in made} == {"POST"}
    assert {path.rpartition("/")[2] for _, path in made} == {
        "accounts",
        "channels",
        "conferences",
        "emoji",
        "id",
        "ids",
        "invites",
        "members",
        "messages",
        "report",
        "reports",
        "roles",
    }


def test_a_change_of_several_keys_is_made_whole_or_not_at_all(
    client: Client, server: Server, owner: Person, member: Person, conference: Shown, channel: Shown
) -> None:
    mine = client.join(owner, conference, member)
    path = f"/conferences/{conference['id']}/members/{mine['id']}"
    role = client.role(owner, conference)["id"]
    message = client.send(member, channel)
    carol = server.sign_up("carol")
    with server.stores_nothing():
        for where, person, body in (
            (path, member, {"nickname": "Skipper", "permissions": 0}),
            (path, member, {"nickname": "Skipper", "banned": True}),
            (f"/messages/{message['id']}", member, {"reactions": ["tada"], "content": "x", "pinned": True}),
            (f"/accounts/{member.id}", member, {"blocklist": [carol.id], "username": owner.username}),
            (f"/accounts/{member.id}", member, {"joined_conferences": {}, "blocklist": [member.id]}),
        ):
            before = client.get(where, person)
            answer = client.call("PATCH", where, person, json=body)
            assert answer.status_code in (400, 403), (where, body, answer.text)
            assert client.get(where, person) == before, (where, body)
        sent = client.call("POST", f"/channels/{channel['id']}/messages", member, json={"content": "x", "pinned": True})
        assert is_refused(sent, 403, 3)
    changed = client.patch(path, owner, nickname="Cook", roles=[role], permissions=3)
    assert (changed["nickname"], changed["roles"], changed["permissions"]) == ("Cook", [role], 3)
