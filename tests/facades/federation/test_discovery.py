"""How other servers find us."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from activitypub.webfinger import parse_handle, parse_jrd
from tests.answers import refusal
from tests.corpus import corpus
from tests.facades.conftest import ORIGIN, Server
from tests.facades.federation.conftest import World

jsonschema = pytest.importorskip("jsonschema")

WEBFINGER = "/.well-known/webfinger"


def finger(world: World, resource: str, **headers: str) -> Any:
    return world.server.call("GET", WEBFINGER, query_string={"resource": resource}, headers=headers)


def test_a_person_is_found_by_handle_in_any_case_and_by_uri(world: World) -> None:
    uri = world.actor(world.alice.id).uri
    handles = ["acct:alice@chat.example", "acct:ALICE@Chat.Example", "ACCT:alice@chat.example"]

    for resource in (*handles, "acct:@alice@chat.example", uri):
        answer = finger(world, resource)
        assert (answer.status_code, answer.mimetype) == (200, "application/jrd+json")
        assert answer.json == {
            "subject": "acct:alice@chat.example",
            "aliases": [uri],
            "links": [{"rel": "self", "type": "application/activity+json", "href": uri}],
        }
        # As one of us reads the answer of another.
        assert parse_jrd(answer.json, handle=parse_handle("alice@chat.example")) == uri


def test_channels_spaces_and_the_instance_are_found_too(world: World) -> None:
    channel = world.channel("The Lobby!")

    found = {name: finger(world, f"acct:{name}@chat.example").json for name in ("the-lobby", "home", "instance")}

    assert [answer["links"][0]["href"] for answer in found.values()] == [
        f"{ORIGIN}/ap/channels/{channel}",
        world.home,
        f"{ORIGIN}/ap/instance",
    ]
    assert found["the-lobby"]["subject"] == "acct:the-lobby@chat.example"
    assert finger(world, f"{ORIGIN}/ap/instance").json == found["instance"]


def test_anybody_else_is_not_here(world: World) -> None:
    for resource in (
        "acct:nobody@chat.example",
        "acct:alice@other.example",
        "acct:alice@chat.example:443",
        "acct:alice@chat.example.",
        "acct:alice@sub.chat.example",
        "acct:alice@xchat.example",
        "acct:al%69ce@chat.example",
        "acct:alice\0@chat.example",
        "acct:" + "a" * 1000 + "@chat.example",
        "https://chat.example",
        "https://chat.example/ap/users/user_00000000000000000000000000",
        "https://chat.example/ap/users/\0",
    ):
        answer = finger(world, resource)
        assert (resource, answer.status_code, answer.json) == (resource, *refusal(404, "Local actor not found"))


def test_a_question_that_names_nobody_is_a_mistake(server: Server) -> None:
    no_resource = ["", "resource=", "resource=" + "a" * 100_000]
    no_resource.append("resource=acct:home@chat.example&resource=acct:home@chat.example")
    other_schemes = ["https://evil.test/", "https://chat.example.evil.test/ap/instance", "mailto:home@chat.example"]
    other_schemes.append("home@chat.example")
    no_handles = ["acct:", "acct:home", "acct:@chat.example", "acct:a@b@chat.example"]
    unsupported = [*no_resource, *(f"resource={resource}" for resource in other_schemes)]
    mistakes = dict.fromkeys(unsupported, "Unsupported resource format")
    mistakes |= dict.fromkeys([f"resource={handle}" for handle in no_handles], "Invalid acct resource")

    for query, detail in mistakes.items():
        answer = server.call("GET", f"{WEBFINGER}?{query}")
        assert (query, answer.status_code, answer.json) == (query, *refusal(400, detail))


def test_a_private_channel_is_as_unknown_as_one_that_never_was(world: World) -> None:
    private = world.channel("staff", is_private=True)

    by_handle = finger(world, f"acct:{world.actor(private).local_name}@chat.example")
    by_uri = finger(world, f"{ORIGIN}/ap/channels/{private}")
    unknown = finger(world, "acct:stuff@chat.example")

    assert (by_handle.status_code, by_handle.data) == (404, unknown.data)
    assert (by_uri.status_code, by_uri.data) == (404, unknown.data)


def test_a_deleted_channel_is_not_found(world: World) -> None:
    channel = world.channel("lobby")
    world.delete_channel(channel)

    assert finger(world, "acct:lobby@chat.example").status_code == 404
    assert finger(world, f"{ORIGIN}/ap/channels/{channel}").status_code == 404


def test_people_of_other_servers_are_not_ours_to_name(world: World) -> None:
    world.follow(world.zoe, world.actor(world.alice.id).uri)

    assert finger(world, "acct:zoe@chat.example").status_code == 404
    assert finger(world, world.zoe.uri).status_code == 400


@pytest.mark.parametrize(
    "path", [f"{WEBFINGER}?resource=acct:home@chat.example", "/nodeinfo/2.1", "/.well-known/nodeinfo"]
)
def test_any_site_may_ask_and_keep_the_answer_for_minutes(server: Server, path: str) -> None:
    answer = server.call("GET", path)

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert server.call("HEAD", path).headers["Content-Length"] == answer.headers["Content-Length"]


def test_host_meta_leads_to_webfinger(server: Server) -> None:
    answer = server.call("GET", "/.well-known/host-meta")

    assert (answer.status_code, answer.mimetype) == (200, "application/xrd+xml")
    link = ET.fromstring(answer.data)[0]
    assert link.get("template") == f"{ORIGIN}/.well-known/webfinger?resource={{uri}}"


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_nodeinfo_is_what_its_schema_says(world: World, version: str) -> None:
    lobby = world.channel("lobby")
    world.say(world.bob, lobby, "hello")
    schema = json.loads((corpus("nodeinfo") / version / "schema.json").read_text())

    links = {link["rel"]: link["href"] for link in world.server.call("GET", "/.well-known/nodeinfo").json["links"]}
    href = links[f"http://nodeinfo.diaspora.software/ns/schema/{version}"]
    answer = world.server.call("GET", href.removeprefix(ORIGIN))

    jsonschema.Draft4Validator(schema).validate(answer.json)
    assert answer.headers["Content-Type"] == (
        f'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/{version}#"'
    )
    assert answer.json["version"] == version
    assert answer.json["software"]["name"] == "shoal"
    assert answer.json["usage"] == {
        "users": {"total": 2, "activeHalfyear": 2, "activeMonth": 2},
        "localPosts": 1,
        "localComments": 0,
    }
    assert answer.json["metadata"]["nodeName"] == "chat.example"


def test_nodeinfo_counts_neither_banned_people_nor_private_channels(world: World) -> None:
    world.say(world.alice, world.channel("staff", is_private=True), "secret")
    world.server.ban(world.bob)

    usage = world.server.call("GET", "/nodeinfo/2.1").json["usage"]

    assert (usage["users"]["total"], usage["localPosts"]) == (1, 0)
