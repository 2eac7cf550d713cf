"""Which of several mistakes is told: the first in the order of the contract (contracts/punctum.md, 2.0), and nothing
is stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import DENIED, HIDDEN, Client, outcome

Refusal = tuple[int, dict[str, Any]]
UNKNOWN_ROUTE = refusal(404, "Not Found")
NO_SUCH_METHOD = refusal(405, "Method Not Allowed")
UNAUTHENTICATED = refusal(401, "Authentication required")
MISSING = refusal(404, "Object with given ID not found.")
OUT_OF_SIGHT = refusal(403, HIDDEN)
OF_ANOTHER_TYPE = refusal(400, "This endpoint is for another type of object.", code=5)
OTHER_TYPE_IN_DATA = refusal(400, "object_type: this endpoint is for another type of object.", code=5)
NOT_PART_OF = refusal(400, "This object does not belong to the other one.", code=8)
FORBIDDEN = refusal(403, DENIED)
NO_DATA = refusal(400, "A JSON object is needed.", code=2)
NO_JSON = refusal(400, "The request body is not a JSON object we accept.", code=2)


def fixed(key: str) -> Refusal:
    return refusal(400, f"{key}: cannot be changed.", code=6)


def required(key: str) -> Refusal:
    return refusal(400, f"{key}: required.", code=7)


def wrong(key: str, expected: str) -> Refusal:
    return refusal(400, f"{key}: {expected}.", code=7)


def unknown(key: str) -> Refusal:
    return refusal(404, f"{key}: there is no such object.", code=9)


def of_another_type(key: str) -> Refusal:
    return refusal(400, f"{key}: an object of another type.", code=10)


def too_many(key: str) -> Refusal:
    return refusal(400, f"{key}: 100 at most.", code=11)


NAME = "a text of 1 to 100 characters"
WORD = "1 to 128 letters, digits, hyphens and underscores"
BITS = "a number from 0 to 16383"
LONG = [f"x{number}" for number in range(101)]

# (method, path, who asks, the body or None, what they are told). Each request has every later mistake, too.
CASES: list[tuple[str, str, str | None, Any, Refusal]] = [
    # 1. The route and the method, also of who says nothing of themselves.
    ("GET", "/conferences/{hidden}/nothing", None, None, UNKNOWN_ROUTE),
    ("PUT", "/conferences/{hidden}", None, None, NO_SUCH_METHOD),
    ("DELETE", "/conferences", None, None, NO_SUCH_METHOD),
    # 2. Who asks.
    ("PATCH", "/conferences/nothing", None, None, UNAUTHENTICATED),
    ("PATCH", "/conferences/nothing/roles/nothing", None, None, UNAUTHENTICATED),
    ("POST", "/conferences/nothing/channels", None, None, UNAUTHENTICATED),
    ("POST", "/channels/nothing/messages", None, None, UNAUTHENTICATED),
    ("POST", "/messages", None, None, UNAUTHENTICATED),
    ("GET", "/channels/nothing/messages", None, None, UNAUTHENTICATED),
    ("GET", "/messages/{hidden_message}", None, None, UNAUTHENTICATED),
    ("GET", "/id/{hidden_message}", None, None, UNAUTHENTICATED),
    ("POST", "/id", None, None, UNAUTHENTICATED),
    ("DELETE", "/accounts/by-name/nobody", None, None, UNAUTHENTICATED),
    # 3. What the path names, the conference before what is in it.
    ("PATCH", "/conferences/nothing", "bob", None, MISSING),
    ("PATCH", "/conferences/nothing/roles/{hidden_channel}", "bob", None, MISSING),
    ("PATCH", "/conferences/{shared}/roles/role_nothing", "bob", None, MISSING),
    ("DELETE", "/conferences/{shared}/members/member_nothing", "bob", None, MISSING),
    ("POST", "/conferences/nothing/channels", "bob", None, MISSING),
    ("POST", "/channels/nothing/messages", "bob", None, MISSING),
    ("POST", "/messages/msg_nothing/react", "bob", None, MISSING),
    ("POST", "/id/nothing/report", "bob", None, MISSING),
    ("PATCH", "/accounts/by-name/nobody", "bob", None, MISSING),
    ("POST", "/invites/by-name/nothing/join", "bob", None, MISSING),
    # 4. What there is, and they may not see.
    ("PATCH", "/channels/{hidden_message}", "bob", None, OUT_OF_SIGHT),
    ("GET", "/conferences/{hidden_message}", "bob", None, OUT_OF_SIGHT),
    ("PATCH", "/conferences/{shared}/channels/{hidden_channel}", "bob", None, OUT_OF_SIGHT),
    ("PATCH", "/conferences/{hidden}/members/{hidden_member}", "bob", None, OUT_OF_SIGHT),
    ("PATCH", "/conferences/{shared}/members/{hidden_member}", "bob", None, OUT_OF_SIGHT),
    ("GET", "/conferences/{hidden}/members/{owner}", "bob", None, OUT_OF_SIGHT),
    ("GET", "/conferences/{hidden}/members", "bob", None, OUT_OF_SIGHT),
    ("POST", "/channels/{hidden_channel}/messages", "bob", None, OUT_OF_SIGHT),
    ("POST", "/messages/{hidden_message}/react", "bob", None, OUT_OF_SIGHT),
    ("POST", "/id/{hidden_message}/report", "bob", None, OUT_OF_SIGHT),
    # 5. Of another type than the address is for.
    ("PATCH", "/conferences/{channel}", "bob", None, OF_ANOTHER_TYPE),
    ("POST", "/conferences/{channel}/channels", "bob", None, OF_ANOTHER_TYPE),
    ("PATCH", "/conferences/{shared}/roles/{channel}", "bob", None, OF_ANOTHER_TYPE),
    ("GET", "/conferences/{shared}/members/{channel}", "bob", None, OF_ANOTHER_TYPE),
    ("PATCH", "/conferences/{shared}/members/{channel}", "bob", None, OF_ANOTHER_TYPE),
    ("POST", "/channels/{message}/messages", "bob", None, OF_ANOTHER_TYPE),
    ("POST", "/id/0/report", "bob", [], OF_ANOTHER_TYPE),
    # 6. Of another conference than the address says.
    ("PATCH", "/conferences/{shared}/roles/{hidden_role}", "bob", None, NOT_PART_OF),
    ("DELETE", "/conferences/{shared}/invites/{hidden_invite}", "bob", None, NOT_PART_OF),
    ("PATCH", "/conferences/{shared}/channels/{other_channel}", "bob", None, NOT_PART_OF),
    ("DELETE", "/conferences/{shared}/members/{other_member}", "bob", None, NOT_PART_OF),
    # 7. What they may not do.
    ("PATCH", "/conferences/{shared}", "bob", None, FORBIDDEN),
    ("PATCH", "/channels/{channel}", "bob", None, FORBIDDEN),
    ("PATCH", "/conferences/{shared}/channels/{channel}", "bob", None, FORBIDDEN),
    ("PATCH", "/roles/{role}", "bob", None, FORBIDDEN),
    ("PATCH", "/invites/{invite}", "bob", None, FORBIDDEN),
    ("PATCH", "/emoji/{emoji}", "bob", None, FORBIDDEN),
    ("PATCH", "/conferences/{shared}/members/{owner}", "bob", None, FORBIDDEN),
    ("POST", "/conferences/{shared}/channels", "bob", None, FORBIDDEN),
    ("POST", "/conferences/{shared}/roles", "bob", None, FORBIDDEN),
    ("POST", "/conferences/{shared}/invites", "bob", None, FORBIDDEN),
    ("POST", "/conferences/{shared}/emoji", "bob", None, FORBIDDEN),
    ("PATCH", "/id/0", "bob", None, refusal(403, "Only an admin may change the instance.")),
    ("PATCH", "/accounts/{owner}", "bob", None, refusal(403, "This is not your account.")),
    ("PATCH", "/messages/{message}", "bob", {"content": 7}, refusal(403, "Only its author may edit a message.")),
    # 8. A body, where one is needed.
    ("PATCH", "/conferences/{shared}", "alice", None, NO_DATA),
    ("PATCH", "/conferences/{shared}", "alice", {}, NO_DATA),
    ("PATCH", "/conferences/{shared}", "alice", {"...": "nothing but this"}, NO_DATA),
    ("PATCH", "/conferences/{shared}", "alice", [{"name": "x"}], NO_JSON),
    ("POST", "/conferences/{shared}/roles", "alice", {}, NO_DATA),
    ("POST", "/channels/{channel}/messages", "alice", {}, NO_DATA),
    ("POST", "/messages/{message}/react", "bob", {}, NO_DATA),
    ("POST", "/id", "bob", {}, NO_DATA),
    ("POST", "/stash/request", "bob", {}, NO_DATA),
    # 9. The type that the body says.
    ("POST", "/conferences", "bob", {"object_type": "role", "permissions": "x"}, OTHER_TYPE_IN_DATA),
    ("POST", "/conferences/{shared}/roles", "alice", {"object_type": "channel"}, OTHER_TYPE_IN_DATA),
    ("POST", "/channels/{channel}/messages", "alice", {"object_type": "channel"}, OTHER_TYPE_IN_DATA),
    ("POST", "/accounts", "bob", {"object_type": 7, "username": 7}, OTHER_TYPE_IN_DATA),
    ("POST", "/id", "bob", {"name": "x"}, required("object_type")),
    ("POST", "/id", "bob", {"object_type": "boat"}, refusal(400, "object_type: there is no such type.", code=5)),
    ("POST", "/id", "bob", {"object_type": "instance"}, refusal(403, "Instances are not made by clients.")),
    # 10. Keys that do not change.
    (
        "PATCH",
        "/conferences/{shared}",
        "alice",
        {"creation_date": "2001", "name": 7, "owner": "nobody"},
        fixed("creation_date"),
    ),
    ("PATCH", "/channels/{channel}", "alice", {"name": 7, "channel_type": "media"}, fixed("channel_type")),
    ("PATCH", "/messages/{message}", "alice", {"reply_to": "nothing", "content": 7, "author": "x"}, fixed("author")),
    # 11. Keys that are needed.
    ("POST", "/conferences", "bob", {"permissions": "x", "icon": 7}, required("name")),
    ("POST", "/channels", "bob", {"name": "x"}, required("parent_conference")),
    ("POST", "/channels", "bob", {"parent_conference": "space_nothing", "permissions": 3}, required("name")),
    ("POST", "/roles", "bob", {"parent_conference": "space_nothing", "permissions": "x"}, required("name")),
    ("POST", "/roles", "bob", {"name": 7}, required("parent_conference")),
    ("POST", "/messages", "bob", {"parent_channel": "nothing", "reply_to": 7}, required("content")),
    ("POST", "/messages", "bob", {"content": 7}, required("parent_channel")),
    ("POST", "/invites", "bob", {"name": "a b"}, required("conference_id")),
    ("POST", "/emoji", "bob", {"parent_conference": "space_nothing", "image": 7}, required("shortcode")),
    ("POST", "/reports", "bob", {"note": 7}, required("target")),
    ("POST", "/channels", "bob", {"channel_type": "direct_message"}, required("members")),
    ("POST", "/messages/{message}/react", "bob", {"x": 1}, required("reaction")),
    # 12. Values.
    ("POST", "/roles", "bob", {"parent_conference": "space_nothing", "name": 7}, wrong("name", NAME)),
    ("POST", "/channels", "bob", {"parent_conference": "space_nothing", "name": 7}, wrong("name", NAME)),
    ("POST", "/channels", "bob", {"parent_conference": 7, "name": "x"}, wrong("parent_conference", "an ID")),
    (
        "POST",
        "/messages",
        "bob",
        {"parent_channel": "nothing", "content": "x", "reply_to": 7},
        wrong("reply_to", "an ID"),
    ),
    (
        "POST",
        "/invites",
        "bob",
        {"conference_id": "space_nothing", "name": "a b"},
        wrong("name", "1 to 128 letters, digits, hyphens and underscores"),
    ),
    (
        "POST",
        "/emoji",
        "bob",
        {"parent_conference": "space_nothing", "shortcode": "anchor", "image": 7},
        wrong("image", "a URL"),
    ),
    ("PATCH", "/conferences/{shared}", "alice", {"name": "", "owner": "nobody"}, wrong("name", NAME)),
    (
        "PATCH",
        "/channels/{channel}",
        "alice",
        {"permissions": "x", "category": "nothing"},
        wrong("permissions", "a number from 0 to 16383"),
    ),
    # 13. What other objects it names.
    ("POST", "/roles", "bob", {"parent_conference": "space_nothing", "name": "x"}, unknown("parent_conference")),
    ("POST", "/roles", "bob", {"parent_conference": "{channel}", "name": "x"}, of_another_type("parent_conference")),
    ("POST", "/channels", "bob", {"parent_conference": "{role}", "name": "x"}, of_another_type("parent_conference")),
    ("POST", "/invites", "bob", {"conference_id": "{role}"}, of_another_type("conference_id")),
    ("POST", "/messages", "bob", {"parent_channel": "nothing", "content": "x"}, unknown("parent_channel")),
    ("POST", "/messages", "bob", {"parent_channel": "{shared}", "content": "x"}, of_another_type("parent_channel")),
    ("POST", "/messages", "alice", {"parent_channel": "{category}", "content": "x"}, of_another_type("parent_channel")),
    ("POST", "/channels/{channel}/messages", "bob", {"content": "x", "reply_to": "msg_nothing"}, unknown("reply_to")),
    (
        "POST",
        "/channels/{channel}/messages",
        "bob",
        {"content": "x", "reply_to": "{role}"},
        of_another_type("reply_to"),
    ),
    (
        "POST",
        "/channels/{channel}/messages",
        "bob",
        {"content": "x", "reply_to": "{other_message}"},
        refusal(400, "reply_to: a message of another channel.", code=8),
    ),
    (
        "POST",
        "/emoji",
        "bob",
        {"parent_conference": "{role}", "shortcode": "anchor", "image": "/x"},
        of_another_type("parent_conference"),
    ),
    ("POST", "/reports", "bob", {"target": "nothing"}, unknown("target")),
    ("POST", "/reports", "alice", {"target": "{report}"}, of_another_type("target")),
    ("PATCH", "/conferences/{shared}", "alice", {"owner": "nobody"}, unknown("owner")),
    ("PATCH", "/conferences/{shared}", "alice", {"owner": "{role}"}, of_another_type("owner")),
    ("PATCH", "/channels/{channel}", "alice", {"category": "nothing"}, unknown("category")),
    ("PATCH", "/channels/{channel}", "alice", {"category": "{role}"}, of_another_type("category")),
    (
        "PATCH",
        "/channels/{channel}",
        "alice",
        {"category": "{channel}"},
        refusal(400, "category: a category of the same conference.", code=8),
    ),
    ("PATCH", "/conferences/{shared}/members/bob", "alice", None, MISSING),
    ("PATCH", "/conferences/{shared}/members/{bob}", "alice", {"roles": ["role_nothing"]}, unknown("roles")),
    ("PATCH", "/conferences/{shared}/members/{bob}", "alice", {"roles": ["{channel}"]}, of_another_type("roles")),
    (
        "PATCH",
        "/conferences/{shared}/members/{bob}",
        "alice",
        {"roles": ["{hidden_role}"]},
        refusal(400, "roles: a role of another conference.", code=8),
    ),
    ("PATCH", "/conferences/{shared}/members/{bob}", "alice", {"roles": LONG}, too_many("roles")),
    ("PATCH", "/accounts/{bob}", "bob", {"blocklist": ["nobody"]}, unknown("blocklist")),
    ("PATCH", "/accounts/{bob}", "bob", {"blocklist": ["{role}"]}, of_another_type("blocklist")),
    ("PATCH", "/accounts/{bob}", "bob", {"blocklist": LONG}, too_many("blocklist")),
    ("POST", "/channels", "bob", {"channel_type": "direct_message", "members": ["nobody"]}, unknown("members")),
    ("POST", "/channels", "bob", {"channel_type": "direct_message", "members": ["{role}"]}, of_another_type("members")),
    ("POST", "/channels", "bob", {"channel_type": "direct_message", "members": LONG}, too_many("members")),
    ("POST", "/stash/request", "bob", {"id_list": LONG}, too_many("id_list")),
    ("POST", "/stash/request", "bob", {"id_list": ["{role}", "nothing"]}, unknown("id_list")),
    ("POST", "/stash/request", "bob", {"id_list": ["{role}", "{hidden_message}"]}, OUT_OF_SIGHT),
    # What they may not read is not there, of whatever type it is.
    ("POST", "/messages", "bob", {"parent_channel": "{hidden_channel}", "content": "x"}, unknown("parent_channel")),
    ("POST", "/messages", "bob", {"parent_channel": "{hidden_message}", "content": "x"}, unknown("parent_channel")),
    (
        "POST",
        "/channels/{channel}/messages",
        "bob",
        {"content": "x", "reply_to": "{hidden_message}"},
        unknown("reply_to"),
    ),
    ("GET", "/channels/{channel}/messages?before_message={hidden_message}", "bob", None, unknown("before_message")),
    ("PATCH", "/channels/{channel}", "alice", {"category": "{other_channel}"}, unknown("category")),
    ("PATCH", "/conferences/{shared}/members/{bob}", "alice", {"roles": ["{other_message}"]}, unknown("roles")),
    ("POST", "/reports", "bob", {"target": "{hidden_message}"}, unknown("target")),
    ("POST", "/reports", "bob", {"target": "{report}"}, unknown("target")),
    # What depends on whose the object in the body is comes last.
    ("POST", "/roles", "bob", {"parent_conference": "{shared}", "name": "x"}, FORBIDDEN),
    ("POST", "/channels", "bob", {"parent_conference": "{shared}", "name": "x"}, FORBIDDEN),
    ("POST", "/invites", "bob", {"conference_id": "{shared}"}, FORBIDDEN),
    ("POST", "/emoji", "bob", {"parent_conference": "{shared}", "shortcode": "anchor", "image": "/x"}, FORBIDDEN),
]


@pytest.fixture
def names(client: Client, owner: Person, member: Person) -> dict[str, str]:
    """Ids of what there is: a conference that both are in, another of the owner's, and one of the member's."""
    shared, hidden, other = (client.conference(person) for person in (owner, owner, member))
    client.join(owner, shared, member)
    channel, hidden_channel = (client.channel(owner, space) for space in (shared, hidden))
    other_channel = client.channel(member, other)
    roles = [client.role(owner, space) for space in (shared, hidden)]
    invites = [client.make("/invites", owner, conference_id=space["id"]) for space in (shared, hidden)]
    emoji = client.make("/emoji", owner, shortcode="anchor", image="/a.png", parent_conference=shared["id"])
    objects = {
        "shared": shared,
        "hidden": hidden,
        "channel": channel,
        "hidden_channel": hidden_channel,
        "other_channel": other_channel,
        "category": client.channel(owner, shared, name="ships", channel_type="category"),
        "message": client.send(owner, channel),
        "hidden_message": client.send(owner, hidden_channel),
        "other_message": client.send(member, other_channel),
        "role": roles[0],
        "hidden_role": roles[1],
        "invite": invites[0],
        "hidden_invite": invites[1],
        "hidden_member": client.get(f"/conferences/{hidden['id']}/members/{owner.id}", owner),
        "other_member": client.get(f"/conferences/{other['id']}/members/{member.id}", member),
        "emoji": emoji,
        "report": client.make("/reports", owner, target=member.id),
    }
    return {name: shown["id"] for name, shown in objects.items()} | {"owner": owner.id, "bob": member.id}


def _filled(body: Any, names: dict[str, str]) -> Any:
    """With the ids that the names in braces stand for."""
    match body:
        case str():
            return body.format(**names)
        case list():
            return [_filled(one, names) for one in body]
        case dict():
            return {key: _filled(value, names) for key, value in body.items()}
    return body


def test_the_first_mistake_is_told_and_nothing_is_stored(
    client: Client, server: Server, owner: Person, member: Person, names: dict[str, str]
) -> None:
    people = {"alice": owner, "bob": member, None: None}
    otherwise: list[Any] = []
    with server.stores_nothing():
        for method, path, who, body, told in CASES:
            options = {} if body is None else {"json": _filled(body, names)}
            answer = client.call(method, path.format(**names), people[who], **options)
            if outcome(answer) != told:
                otherwise.append((method, path, who, body, outcome(answer), told))

    assert not otherwise


@pytest.mark.parametrize(
    ("body", "mimetype", "told"),
    [
        (b"{", "application/json", NO_JSON),
        (b'{"name": "a", "name": "b"}', "application/json", NO_JSON),
        (b'{"name": "x"}', "text/plain", NO_DATA),
        (b"name=x", "application/x-www-form-urlencoded", NO_DATA),
        (b"\xff", "application/json", NO_JSON),
        (b'{"name": NaN}', "application/json", NO_JSON),
    ],
)
@ON_SQLITE
def test_bodies_that_are_no_json_object(
    client: Client, owner: Person, conference: dict[str, Any], body: bytes, mimetype: str, told: Refusal
) -> None:
    path = f"/conferences/{conference['id']}"

    assert outcome(client.call("PATCH", path, owner, data=body, content_type=mimetype)) == told
    assert outcome(client.call("POST", "/conferences", owner, data=body, content_type=mimetype)) == told


def test_a_token_that_is_none_is_told_before_what_the_path_names(client: Client, owner: Person) -> None:
    for path in ("/conferences/nothing", "/instance", f"/accounts/{owner.id}", "/nothing/else"):
        answer = client.call("GET", path, headers={"Authorization": f"Bearer {owner.token[:-4]}aaaa"})
        assert answer.status_code == (404 if path == "/nothing/else" else 401)
        assert answer.json["error_code"] == (4 if path == "/nothing/else" else 3)


def test_ids_that_none_can_have(client: Client, owner: Person) -> None:
    told = {}
    for path in ("/id/{}", "/accounts/{}", "/accounts/by-name/{}", "/invites/by-name/{}", "/roles/{}"):
        for id_ in ("%00", "user_%00", "msg_%ED%A0%80", "by-name", "%2e%2e", "a%2Fb", "role_" + "x" * 300):
            answer = client.call("GET", path.format(id_), owner)
            told[path, id_] = answer.status_code, answer.json["error_code"]

    assert set(told.values()) == {(404, 4)}, told
