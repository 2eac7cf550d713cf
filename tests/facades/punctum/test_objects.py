"""The keys of each type of object: what they are by default, who reads them, who writes them and what they hold
(contracts/punctum.md, 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused, without

PLACEHOLDER = f"{ORIGIN}/static/placeholder.svg"
URL = "https://cdn.example/a.png"
JUNK = {"id": "mine", "type": "object", "...": "a comment", "colour_of_the_sky": "blue", "remote_id": "7"}


@dataclass(frozen=True)
class Made:
    """An object, where it is, and who may change it."""

    path: str
    shown: Shown
    by: Person


Maker = Callable[[Client, Person, dict[str, Any]], Made]


def _account(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.make("/accounts", person, **({"username": "Beacon"} | given))
    return Made(f"/accounts/{shown['id']}", shown, person)


def _conference(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.conference(person, **given)
    return Made(f"/conferences/{shown['id']}", shown, person)


def _channel(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.channel(person, client.conference(person), **given)
    return Made(f"/channels/{shown['id']}", shown, person)


def _message(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.send(person, client.channel(person, client.conference(person)), **given)
    return Made(f"/messages/{shown['id']}", shown, person)


def _invite(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.make("/invites", person, conference_id=client.conference(person)["id"], **given)
    return Made(f"/invites/{shown['id']}", shown, person)


def _role(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.role(person, client.conference(person), **given)
    return Made(f"/roles/{shown['id']}", shown, person)


def _emoji(client: Client, person: Person, given: dict[str, Any]) -> Made:
    space = client.conference(person)["id"]
    shown = client.make("/emoji", person, **({"shortcode": "anchor", "image": URL, "parent_conference": space} | given))
    return Made(f"/emoji/{shown['id']}", shown, person)


def _report(client: Client, person: Person, given: dict[str, Any]) -> Made:
    shown = client.make("/reports", person, target=person.id, **given)
    return Made(f"/reports/{shown['id']}", shown, person)


def _member(client: Client, person: Person, _given: dict[str, Any]) -> Made:
    conference = client.conference(person)
    shown = client.get(f"/conferences/{conference['id']}/members/{person.id}", person)
    return Made(f"/conferences/{conference['id']}/members/{shown['id']}", shown, person)


def _instance(client: Client, person: Person, _given: dict[str, Any]) -> Made:
    return Made("/id/0", client.get("/instance", person), person)


MAKERS: Mapping[str, Maker] = {
    "account": _account,
    "conference": _conference,
    "conference_member": _member,
    "channel": _channel,
    "message": _message,
    "invite": _invite,
    "role": _role,
    "emoji": _emoji,
    "report": _report,
    "instance": _instance,
}
# What is shown where nothing was given, besides the ids of others and times.
DEFAULTS: Mapping[str, Shown] = {
    "account": {
        "username": "Beacon",
        "display_name": "Beacon",
        "short_status": 0,
        "index_user": False,
        "bot": True,
        "friends": [],
        "blocklist": [],
    },
    "conference": {
        "name": "Harbour",
        "icon": PLACEHOLDER,
        "index_conference": False,
        "permissions": 143,
        "channels": [],
        "roles": [],
    },
    "conference_member": {"permissions": 16383, "banned": False},
    "channel": {"name": "quay", "channel_type": "text", "permissions": 143},
    "message": {"content": "ahoy", "edited": False},
    "invite": {},
    "role": {"name": "crew", "members": []},
    "emoji": {"shortcode": "anchor", "image": URL},
    "report": {},
    "instance": {"address": "chat.example", "protocol_version": 1},
}
# What names others, or says when or what by chance.
ELSEWHERE: Mapping[str, set[str]] = {
    "account": {"bot_owner", "joined_conferences"},
    "conference": {"owner", "creation_date", "members"},
    "conference_member": {"user_id", "parent_conference"},
    "channel": {"parent_conference"},
    "message": {"parent_channel", "author", "post_date"},
    "invite": {"name", "conference_id", "creator"},
    "role": {"parent_conference"},
    "emoji": {"parent_conference"},
    "report": {"target", "creator", "submission_date"},
    "instance": {"server_software", "name"},
}
EMBED = {"embed_title": "Tide", "embed_type": 1, "embed_color": "1, 2, 3", "embed": True, "embed_image": URL}
# What may be given, as it is given and as it is shown.
GIVEN: Mapping[str, Mapping[str, tuple[Any, Any]]] = {
    "account": {
        "username": ("Light_house-2", "Light_house-2"),
        "display_name": ("Light House", "Light House"),
        "short_status": (3, 3),
        "status": ("lit", "lit"),
        "bio": ("I blink.", "I blink."),
        "index_user": (True, True),
    },
    "conference": {
        "name": ("Port", "Port"),
        "description": ("Ships", "Ships"),
        "icon": (URL, URL),
        "index_conference": (True, True),
        "permissions": ("3", 3),
    },
    "conference_member": {"nickname": ("Skipper", "Skipper")},
    "channel": {"name": ("dock", "dock"), "description": ("Cranes", "Cranes"), "permissions": (7, 7)},
    "message": {
        "content": ("<b>hi</b> <@x>  ", "<b>hi</b> <@x>  "),
        "attached_files": ([URL], [URL]),
        "embeds": ([EMBED], [EMBED]),
        "pinned": (True, True),
    },
    "invite": {"name": ("Come-in_1", "Come-in_1")},
    "role": {
        "name": ("mate", "mate"),
        "description": ("Second", "Second"),
        "color": ("10, 20, 30", [10, 20, 30]),
        "permissions": ("143", 143),
    },
    "emoji": {"shortcode": ("buoy", "buoy"), "note": ("It floats.", "It floats."), "image": (URL + "2", URL + "2")},
    "report": {},
    "instance": {"name": ("Sea", "Sea"), "description": ("Salt", "Salt")},
}
UNSET: Mapping[str, set[str]] = {
    "account": {"status", "bio"},
    "conference": {"description"},
    "conference_member": {"nickname"},
    "channel": {"description"},
    "message": {"attached_files", "embeds", "pinned"},
    "invite": set(),
    "role": {"description", "color", "permissions"},
    "emoji": {"note"},
    "report": set(),
    "instance": {"description"},
}
READ_ONLY: Mapping[str, Shown] = {
    "account": {"bot": False, "friends": ["user_x"], "joined_conferences": {"space_x": "member_x"}},
    "conference": {"creation_date": "2001", "channels": ["x"], "members": [], "roles": ["x"]},
    "conference_member": {"user_id": "x", "parent_conference": "x"},
    "channel": {"channel_type": "media"},
    "message": {
        "parent_channel": "x",
        "author": "x",
        "post_date": "x",
        "edit_date": "x",
        "edited": True,
        "replies": ["x"],
    },
    "invite": {"conference_id": "x", "creator": "x"},
    "role": {"parent_conference": "x", "members": ["x"]},
    "emoji": {"parent_conference": "x"},
    "report": {"target": "x", "creator": "x", "submission_date": "x", "note": "other"},
    "instance": {"address": "x.example", "server_software": "x", "protocol_version": 2},
}
IDENTITY = {"id": "x", "type": "ping", "object_type": "nothing", "known_ids": {"a.example": "1"}, "remote_id": "1"}
WRONG: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "account": {
        "username": ("a b", "a@b", "a.b", "", "x" * 129, 7, None),
        "display_name": (7, "x" * 256),
        "short_status": (4, -1, "x", True, None),
        "status": (7, "x" * 501),
        "bio": (7, "x" * 2001),
        "index_user": ("true", 1, None),
        "blocklist": ("x", [7]),
        "joined_conferences": ([], "x"),
    },
    "conference": {
        "name": ("", " ", 7, None, "x" * 101, "a\nb"),
        "description": (7, "x" * 4097),
        "icon": ("x", 7, "javascript:alert(1)"),
        "owner": (7, None),
        "index_conference": (1, None),
        "permissions": (16384, -1, "x", 1.5, None, True),
    },
    "conference_member": {"nickname": (7, "", "x" * 101), "roles": ("x", [7]), "permissions": (16384, "x")},
    "channel": {
        "name": ("", " ", 7, None, "x" * 101),
        "description": (7,),
        "permissions": (16384, -1, "x"),
        "category": (7,),
        "parent_conference": (7, None),
    },
    "message": {
        "content": (7, None),
        "attached_files": ("x", [7], ["javascript:x"]),
        "embeds": ("x", ["x"], [{"embed_title": "x"}], [{"embed_type": 1}], [{"embed_title": "x", "embed_type": 3}]),
        "pinned": (1,),
        "reactions": ("x", [7]),
        "reply_to": (7,),
    },
    "invite": {"name": ("a b", "", 7, "x" * 129, None)},
    "role": {
        "name": ("", 7, None),
        "color": ([1, 2], [1, 2, 256], "red", [1, 2, "x"]),
        "permissions": (16384, "x"),
        "description": (7,),
    },
    "emoji": {"shortcode": ("a", "a-b", 7, None), "image": ("x", None), "note": (7,)},
    "report": {},
    "instance": {"name": ("", 7, None), "description": (7,)},
}
TYPES = pytest.mark.parametrize("kind", MAKERS)


@TYPES
def test_defaults_and_what_is_not_set_is_not_shown(client: Client, owner: Person, kind: str) -> None:
    shown = MAKERS[kind](client, owner, {}).shown

    assert shown["object_type"] == kind
    assert shown["type"] == "object"
    assert without(shown, "id", "type", "object_type", *ELSEWHERE[kind]) == DEFAULTS[kind]
    assert ELSEWHERE[kind] <= shown.keys()
    assert client.get(f"/id/{shown['id']}", owner) == shown
    assert client.get(f"/ids/{shown['id']}", owner) == shown


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind not in ("conference_member", "instance")])
def test_what_is_given_is_kept_and_what_the_server_decides_is_passed_over(
    client: Client, owner: Person, kind: str
) -> None:
    given = {key: sent for key, (sent, _) in GIVEN[kind].items()}
    decided = {key: value for key, value in READ_ONLY[kind].items() if key in ELSEWHERE[kind] - {"target"}}
    if kind == "invite":
        decided.pop("conference_id")
    if kind == "emoji":
        decided.pop("parent_conference")

    shown = MAKERS[kind](client, owner, without(given | JUNK | decided, "content")).shown

    expected = {key: shown_as for key, (_, shown_as) in GIVEN[kind].items() if key != "content"}
    assert {key: shown.get(key) for key in expected} == expected
    assert shown["id"] != JUNK["id"]
    assert not shown.keys() & {"...", "colour_of_the_sky", "remote_id", "known_ids"}
    assert all(shown[key] != value for key, value in decided.items())


@pytest.mark.parametrize("kind", [kind for kind, given in GIVEN.items() if given])
def test_every_key_that_may_be_written_and_null_that_unsets_it(client: Client, owner: Person, kind: str) -> None:
    made = MAKERS[kind](client, owner, {})
    before = client.get(made.path, owner)
    for key, (sent, shown_as) in GIVEN[kind].items():
        changed = client.patch(made.path, owner, **{key: sent, "colour_of_the_sky": "blue", "...": "because"})

        assert changed[key] == shown_as
        assert client.get(made.path, owner) == changed
    for key in UNSET[kind]:
        assert key not in client.patch(made.path, owner, **{key: None})
    after = client.get(made.path, owner)
    times = {"edit_date", "edited"}
    assert without(after, *GIVEN[kind], *times) == without(before, *GIVEN[kind], *times)


@TYPES
def test_read_only_keys_are_refused_when_they_differ_and_accepted_when_not(
    client: Client, owner: Person, kind: str
) -> None:
    made = MAKERS[kind](client, owner, {})
    before = client.get(made.path, owner)

    for key, value in (READ_ONLY[kind] | IDENTITY).items():
        answer = client.call("PATCH", made.path, owner, json={key: value})
        assert is_refused(answer, 400, 6), key
    assert client.patch(made.path, owner, **before) == before
    assert client.get(made.path, owner) == before


@TYPES
def test_values_that_are_none_for_the_key(client: Client, server: Server, owner: Person, kind: str) -> None:
    made = MAKERS[kind](client, owner, {})
    before = client.get(made.path, owner)

    with server.stores_nothing():
        for key, values in WRONG[kind].items():
            for value in values:
                answer = client.call("PATCH", made.path, owner, json={key: value})
                assert is_refused(answer, 400, 7), (key, value)
    assert client.get(made.path, owner) == before


def test_who_reads_which_key_of_an_account(client: Client, owner: Person, member: Person) -> None:
    public = {"id", "type", "object_type", "username", "display_name", "short_status", "index_user", "bot"}
    own = public | {"friends", "blocklist", "joined_conferences"}

    assert client.get("/accounts", member).keys() == own
    assert client.get(f"/accounts/{member.id}", member).keys() == own
    assert client.get(f"/accounts/{member.id}", owner).keys() == public
    assert client.get(f"/accounts/{member.id}", None).keys() == public


def test_who_reads_which_key_of_a_conference(client: Client, owner: Person, member: Person) -> None:
    conference = client.conference(owner)
    path = f"/conferences/{conference['id']}"
    hidden = client.channel(owner, conference, permissions=0)
    seen = client.channel(owner, conference, name="pier")
    public = {
        "id",
        "type",
        "object_type",
        "name",
        "icon",
        "owner",
        "index_conference",
        "permissions",
        "creation_date",
        "channels",
    }

    assert client.get(path, None).keys() == public
    assert client.get(path, member).keys() == public
    assert client.get(path, member)["channels"] == []
    mine = client.join(owner, conference, member)
    shown = client.get(path, member)
    assert shown.keys() == public | {"members"}
    assert mine["id"] in shown["members"]
    assert shown["channels"] == [seen["id"]]
    assert client.get(path, owner).keys() == public | {"members", "roles"}
    assert client.get(path, owner)["channels"] == [hidden["id"], seen["id"]]


def test_what_strangers_may_read(client: Client, owner: Person) -> None:
    is_open = {"instance", "account", "conference", "role", "invite", "emoji"}
    for kind, make in MAKERS.items():
        shown = make(client, owner, {"username": "Other"} if kind == "account" else {}).shown
        answer = client.call("GET", f"/id/{shown['id']}")
        if kind in is_open:
            assert answer.status_code == 200, kind
        else:
            assert is_refused(answer, 401, 3, "Authentication required"), kind


def test_ids_are_words_and_times_have_an_offset(client: Client, owner: Person) -> None:
    message = _message(client, owner, {}).shown

    assert message["id"].replace("-", "").replace("_", "").isalnum()
    assert message["post_date"].endswith("+00:00")
