"""Groups of direct messages: who is in them, what they are called, and who reads them (contracts/punctum.md, 1.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused

GONE = "Whoever is in a conversation leaves it by themselves."
DIRECT = "/api/v1/dms"


@pytest.fixture
def carol(server: Server, member: Person) -> Person:
    return server.sign_up("carol")


@pytest.fixture
def dave(server: Server, carol: Person) -> Person:
    return server.sign_up("dave")


@pytest.fixture
def group(client: Client, owner: Person, member: Person, carol: Person) -> Shown:
    """alice's, with bob and carol."""
    return _make(client, owner, member, carol)


def _make(client: Client, person: Person, *others: Person, **more: Any) -> Shown:
    members = [other.id for other in others]
    return client.make("/channels", person, channel_type="direct_message", members=members, **more)


def _path(group: Shown) -> str:
    return f"/channels/{group['id']}"


def _with(group: Shown, *people: Person) -> list[str]:
    return [*group["members"], *(person.id for person in people)]


def _without(group: Shown, *people: Person) -> list[str]:
    return [id_ for id_ in group["members"] if id_ not in {person.id for person in people}]


# What one is.


def test_each_is_a_new_one(client: Client, owner: Person, member: Person, carol: Person) -> None:
    first, second = _make(client, owner, member, carol), _make(client, owner, carol, member)

    assert first["id"] != second["id"]
    assert first["channel_type"] == "direct_message"
    assert sorted(first["members"]) == sorted([owner.id, member.id, carol.id]) == sorted(second["members"])
    assert first["name"] == "alice, bob, carol"
    assert first["icon"] == "https://chat.example/static/placeholder.svg"
    assert client.get(_path(first), carol) == first


def test_same_request_again_makes_no_second_one(client: Client, owner: Person, member: Person, carol: Person) -> None:
    body = {"channel_type": "direct_message", "members": [member.id, carol.id]}
    headers = {"Idempotency-Key": "once"}

    first, again = (client.call("POST", "/channels", owner, json=body, headers=headers) for _ in range(2))

    assert (first.status_code, first.json) == (201, again.json)


def test_who_is_named_twice_is_in_it_once(client: Client, owner: Person, member: Person, carol: Person) -> None:
    group = _make(client, owner, owner, member, carol, member)

    assert sorted(group["members"]) == sorted([owner.id, member.id, carol.id])
    assert _make(client, owner, member, owner, member, name="Two")["name"] == " ".join(sorted([owner.id, member.id]))


def test_it_is_named_at_the_making(client: Client, owner: Person, member: Person, carol: Person) -> None:
    group = _make(client, owner, member, carol, name="Crew", icon="/storage/crew.png")

    assert (group["name"], group["icon"]) == ("Crew", "https://chat.example/storage/crew.png")


# Its name and its icon.


def test_anybody_in_it_names_it(client: Client, member: Person, carol: Person, group: Shown) -> None:
    named = client.patch(_path(group), member, name="Crew", icon="https://pond.example/crew.png")

    assert (named["name"], named["icon"]) == ("Crew", "https://pond.example/crew.png")
    assert client.get(_path(group), carol) == named
    assert client.patch(_path(group), carol, name=None, icon=None) == group
    assert client.patch(_path(group), carol, **group) == group


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, 7),
        ({"name": "x" * 101}, 7),
        ({"name": 7}, 7),
        ({"name": "a\nb"}, 7),
        ({"icon": "not a URL"}, 7),
        ({"icon": ["https://pond.example/x.png"]}, 7),
        ({"members": None}, 7),
        ({"members": "everybody"}, 7),
        ({"members": ["x"] * 101}, 11),
        ({"members": []}, None),
        ({"channel_type": "text"}, 6),
        ({"parent_conference": "space_1"}, 6),
        ({"description": "x"}, 6),
        ({"permissions": 1}, 6),
        ({"category": "channel_1"}, 6),
        ({"id": "dm_1"}, 6),
    ],
)
def test_what_is_refused_changes_nothing(
    client: Client, server: Server, owner: Person, group: Shown, change: dict[str, Any], code: int | None
) -> None:
    with server.stores_nothing():
        answer = client.call("PATCH", _path(group), owner, json=change)
        assert is_refused(answer, 403, 3, GONE) if code is None else is_refused(answer, 400, code)

    assert client.get(_path(group), owner) == group


# Who is in it.


def test_somebody_in_it_adds_somebody_who_reads_what_was_said(
    client: Client, member: Person, dave: Person, group: Shown
) -> None:
    said = client.send(member, group, "before you came")

    changed = client.patch(_path(group), member, members=_with(group, dave))

    assert sorted(changed["members"]) == sorted([*group["members"], dave.id])
    assert client.get(_path(group), dave) == changed
    assert client.listed(f"{_path(group)}/messages", dave) == [said["id"]]
    assert client.send(dave, group, "hello", reply_to=said["id"])["reply_to"] == said["id"]
    assert client.ok("POST", f"/messages/{said['id']}/react", dave, {"reaction": "tada"})["reactions"]


def test_who_left_reads_nothing_any_more(
    client: Client, server: Server, owner: Person, member: Person, carol: Person, group: Shown
) -> None:
    own, said = client.send(carol, group, "my own"), client.send(owner, group, "before")

    assert client.patch(_path(group), carol, members=_without(group, carol)) == {"id": group["id"]}

    later = client.send(owner, group, "after")
    assert sorted(client.get(_path(group), member)["members"]) == sorted([owner.id, member.id])
    paths = [_path(group), f"{_path(group)}/messages", f"{_path(group)}/messages/by-time/60"]
    paths += [f"/messages/{message['id']}" for message in (own, said, later)]
    for path in [*paths, *(f"/id/{path.split('/')[2]}" for path in paths)]:
        status, code = (404, 4) if group["id"] in path else (403, 3)
        assert is_refused(client.call("GET", path, carol), status, code), path
    with server.stores_nothing():
        text = {"content": "still here"}
        assert is_refused(client.call("POST", f"{_path(group)}/messages", carol, json=text), 404, 4)
        assert is_refused(client.call("PATCH", f"/messages/{own['id']}", carol, json=text), 403, 3)
        assert is_refused(client.call("DELETE", f"/messages/{own['id']}", carol), 403, 3)
        sign = {"reaction": "tada"}
        assert is_refused(client.call("POST", f"/messages/{later['id']}/react", carol, json=sign), 403, 3)
        body = {"id_list": [later["id"]]}
        assert is_refused(client.call("POST", "/stash/request", carol, json=body), 403, 3)
        assert is_refused(client.call("PATCH", _path(group), carol, json={"members": group["members"]}), 404, 4)
        assert is_refused(client.call("PATCH", _path(group), carol, json={"name": "x"}), 404, 4)
    assert is_refused(client.call("POST", f"/messages/{said['id']}/report", carol, json={"note": "x"}), 403, 3)


def test_who_was_added_again_reads_again(client: Client, owner: Person, carol: Person, group: Shown) -> None:
    client.patch(_path(group), carol, members=_without(group, carol))
    said = client.send(owner, group, "come back")

    client.patch(_path(group), owner, members=group["members"])

    assert client.listed(f"{_path(group)}/messages", carol) == [said["id"]]


def test_it_stays_a_group_however_few_they_are(
    client: Client, owner: Person, member: Person, carol: Person, dave: Person, group: Shown
) -> None:
    for person in (carol, member):
        client.patch(_path(group), person, members=_without(client.get(_path(group), owner), person))

    alone = client.get(_path(group), owner)
    assert (alone["name"], alone["members"]) == ("alice", [owner.id])
    again = client.patch(_path(group), owner, members=[owner.id, dave.id])
    pair = _make(client, owner, dave)
    assert again["name"] == "alice, dave"
    assert pair["id"] != group["id"]


def test_all_of_one_request_happens_or_nothing(
    client: Client, server: Server, owner: Person, member: Person, dave: Person, group: Shown
) -> None:
    client.ok("POST", f"/accounts/{owner.id}/block", dave)
    erin = server.sign_up("erin")
    with server.stores_nothing():
        change = {"members": _with(group, erin, dave), "name": "Crew"}
        assert is_refused(client.call("PATCH", _path(group), owner, json=change), 403, 3)

    changed = client.patch(_path(group), member, members=[*_without(group, member), erin.id, dave.id], name="Crew")

    assert changed == {"id": group["id"]}
    after = client.get(_path(group), erin)
    assert (sorted(after["members"]), after["name"]) == (
        sorted([*_without(group, member), erin.id, dave.id]),
        "Crew",
    )


def test_nobody_puts_out_anybody(client: Client, server: Server, owner: Person, carol: Person, group: Shown) -> None:
    with server.stores_nothing():
        for members in (_without(group, carol), [], [owner.id], ["user_nobody"]):
            change = {"members": members, "name": "Mine"}
            assert is_refused(client.call("PATCH", _path(group), owner, json=change), 403, 3, GONE)


def test_nobody_outside_does_anything(client: Client, server: Server, dave: Person, group: Shown) -> None:
    with server.stores_nothing():
        for key, value in (("members", _with(group, dave)), ("name", "Mine"), ("members", [])):
            assert is_refused(client.call("PATCH", _path(group), dave, json={key: value}), 404, 4)
            assert is_refused(client.call("PATCH", _path(group), json={key: value}), 401, 3)
        assert is_refused(client.call("GET", _path(group), dave), 404, 4)
        assert is_refused(client.call("DELETE", _path(group), dave), 404, 4)


def test_only_people_are_in_it(client: Client, server: Server, owner: Person, channel: Shown, group: Shown) -> None:
    with server.stores_nothing():
        for stranger, status, code in (("user_nobody", 404, 9), (channel["id"], 400, 10), ("0", 400, 10)):
            change = {"members": [*group["members"], stranger]}
            assert is_refused(client.call("PATCH", _path(group), owner, json=change), status, code)
            made = {"channel_type": "direct_message", "members": [*group["members"], stranger]}
            assert is_refused(client.call("POST", "/channels", owner, json=made), status, code)


def test_who_blocks_the_adder_is_added_by_others_alone(
    client: Client, server: Server, owner: Person, member: Person, dave: Person, group: Shown
) -> None:
    client.ok("POST", f"/accounts/{owner.id}/block", dave)

    with server.stores_nothing():
        added = {"members": _with(group, dave)}
        assert is_refused(client.call("PATCH", _path(group), owner, json=added), 403, 3)
        made = {"channel_type": "direct_message", "members": [member.id, dave.id]}
        assert is_refused(client.call("POST", "/channels", owner, json=made), 403, 3)

    assert dave.id in client.patch(_path(group), member, members=_with(group, dave))["members"]


def test_who_is_blocked_by_somebody_in_it_says_nothing_by_its_name(
    client: Client, server: Server, owner: Person, carol: Person, dave: Person, group: Shown
) -> None:
    """As they say nothing in it; they may leave it."""
    client.ok("POST", f"/accounts/{owner.id}/block", carol)

    with server.stores_nothing():
        for change in ({"name": "Carol stinks"}, {"members": _with(group, dave)}, {"icon": "/storage/x.png"}):
            assert is_refused(client.call("PATCH", _path(group), owner, json=change), 403, 3), change

    assert client.get(_path(group), carol) == group
    assert client.patch(_path(group), carol, name="Crew")["name"] == "Crew"
    client.patch(_path(group), owner, members=_without(group, owner))
    assert client.get(_path(group), carol)["members"] == _without(group, owner)


def test_nobody_is_added_to_a_conversation_of_two(
    client: Client, server: Server, owner: Person, member: Person, carol: Person
) -> None:
    pair = _make(client, owner, member)

    with server.stores_nothing():
        for key, value in (
            ("members", _with(pair, carol)),
            ("members", [owner.id]),
            ("members", []),
            ("name", "Two"),
            ("icon", "https://pond.example/x.png"),
            ("permissions", 1),
        ):
            answer = client.call("PATCH", _path(pair), owner, json={key: value})
            assert is_refused(answer, 400, 6, f"{key}: cannot be changed.")
    assert client.patch(_path(pair), owner, unknown="x") == pair


def test_it_is_not_deleted(client: Client, server: Server, owner: Person, group: Shown) -> None:
    with server.stores_nothing():
        assert is_refused(client.call("DELETE", _path(group), owner), 403, 3)


# The other facade.


def test_pufferblow_keeps_the_pairs_apart_from_it(
    client: Client, server: Server, owner: Person, member: Person, carol: Person, group: Shown
) -> None:
    said = client.send(owner, group, "to all of you")
    sent = server.call("POST", f"{DIRECT}/send", person=owner, data={"peer": "bob", "message": "to you alone"})
    loaded = server.call("GET", f"{DIRECT}/messages", person=member, query_string={"peer": "alice"})

    assert [message["message"] for message in loaded.json["messages"]] == ["to you alone"]
    assert sent.json["result"]["conversation_id"] != group["id"]
    path = f"/api/v1/channels/{group['id']}/messages/{said['id']}/reactions"
    assert server.call("POST", path, person=carol, json={"emoji": "🎉"}).status_code in {200, 201}
    client.patch(_path(group), carol, members=_without(group, carol))
    with server.stores_nothing():
        assert server.call("POST", path, person=carol, json={"emoji": "👍"}).status_code == 404


# What it costs.


def _count(server: Server, client: Client, person: Person, method: str, path: str, body: Any) -> int:
    with server.counted_queries() as statements:
        client.ok(method, path, person, body)
    return len(statements)


def test_more_people_take_no_more_statements(
    client: Client, server: Server, owner: Person, member: Person, carol: Person, group: Shown
) -> None:
    asked = {"id_list": [group["id"]]}
    text = {"content": "ahoy"}

    def count() -> tuple[int, int, int]:
        return (
            _count(server, client, owner, "POST", "/stash/request", asked),
            _count(server, client, owner, "POST", f"{_path(group)}/messages", text),
            _count(server, client, owner, "PATCH", _path(group), group | {"members": now["members"]}),
        )

    now = group
    count()  # The first message of a conversation is another matter.
    few = count()
    people = [server.sign_up(f"person{number}") for number in range(5)]
    now = client.patch(_path(group), owner, members=_with(group, *people))
    group = now
    assert count() == few
