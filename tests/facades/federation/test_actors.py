"""Actor documents: every field that some server will not do without (contracts/peers.md)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from activitypub.documents import parse_actor
from activitypub.keys import public_key_from_multikey, public_key_from_pem
from tests.answers import refusal
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import ACTIVITY_JSON, World

COLLECTIONS = ("followers", "following", "featured")


def check_actor(document: dict[str, Any], uri: str, type: str) -> None:
    context = document["@context"]
    assert context[:2] == ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]
    assert not any(isinstance(item, str) and item.startswith(ORIGIN) for item in context)
    assert (document["id"], document["type"], uri) == (uri, type, uri.lower())
    assert re.fullmatch(r"[a-z0-9_.-]+", document["preferredUsername"])
    assert {"name", "summary", "url", "discoverable", "manuallyApprovesFollowers"} <= document.keys()
    assert datetime.fromisoformat(document["published"]).utcoffset() is not None
    assert document["published"].endswith("Z")
    assert document["inbox"] == f"{uri}/inbox"
    assert document["outbox"] == f"{uri}/outbox"
    assert document["endpoints"] == {"sharedInbox": f"{ORIGIN}/ap/inbox"}
    key = document["publicKey"]
    assert (key["id"], key["owner"], key.keys()) == (f"{uri}#main-key", uri, {"id", "owner", "publicKeyPem"})
    public_key_from_pem(key["publicKeyPem"])
    [method] = document["assertionMethod"]
    assert (method["type"], method["controller"]) == ("Multikey", uri)
    public_key_from_multikey(method["publicKeyMultibase"])
    assert parse_actor(document).announces_rfc9421


def test_a_person_has_every_field_that_peers_ask_for(world: World) -> None:
    uri = f"{ORIGIN}/ap/users/{world.alice.id}"

    answer = world.get(f"/ap/users/{world.alice.id}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, ACTIVITY_JSON)
    check_actor(answer.json, uri, "Person")
    assert answer.json["preferredUsername"] == "alice"
    assert answer.json["manuallyApprovesFollowers"] is False
    assert [answer.json[name] for name in COLLECTIONS] == [f"{uri}/{name}" for name in COLLECTIONS]


def test_a_channel_is_a_group_of_its_space(world: World) -> None:
    channel = world.channel("General Talk")
    uri = f"{ORIGIN}/ap/channels/{channel}"

    document = world.get(f"/ap/channels/{channel}").json

    check_actor(document, uri, "Group")
    assert (document["preferredUsername"], document["name"]) == ("general-talk", "General Talk")
    assert (document["attributedTo"], document["channelType"]) == (world.home, "text")
    assert [document[name] for name in COLLECTIONS] == [f"{uri}/{name}" for name in COLLECTIONS]


def test_a_space_is_a_group(world: World) -> None:
    check_actor(world.get(world.home.removeprefix(ORIGIN)).json, world.home, "Group")


def test_the_instance_is_an_application_without_followers(world: World) -> None:
    document = world.get("/ap/instance").json

    check_actor(document, f"{ORIGIN}/ap/instance", "Application")
    assert document.keys().isdisjoint(COLLECTIONS)
    assert world.get("/ap/instance/outbox").json["totalItems"] == 0
    assert world.get("/ap/instance/followers").status_code == 404


def test_a_key_is_made_once_and_stays(world: World) -> None:
    path = f"/ap/users/{world.alice.id}"

    first, second = world.get(path).json, world.get(path).json

    assert first["publicKey"] == second["publicKey"]


def test_who_is_not_ours_or_not_for_strangers_is_not_there(world: World) -> None:
    world.follow(world.zoe, world.actor(world.alice.id).uri)
    paths = ["users/user_" + "0" * 26, "users/0", "users/user_%00", "users/user_" + "a" * 5000]
    paths += [f"users/{world.alice.id.upper()}", f"channels/{world.alice.id}", f"users/{world.known(world.zoe).id}"]
    paths += [f"users/{world.channel('general')}", f"channels/{world.channel('staff', is_private=True)}"]

    for path in paths:
        for rest in ("", "/outbox", "/outbox?page=1", "/followers", "/following", "/featured"):
            answer = world.get(f"/ap/{path}{rest}")
            assert (path, answer.status_code, answer.json) == (path, *refusal(404, "Local actor not found"))
            assert "no-store" in answer.headers["Cache-Control"]
            assert {"Accept", "Signature"} <= answer.vary.as_set(preserve_casing=True)


def test_a_private_channel_is_there_for_its_members_and_their_server_alone(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    path = f"/ap/channels/{channel}"

    for asker in (world.zoe, world.peer):
        answer = world.get(path, asker)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
        assert "ETag" not in answer.headers
        assert answer.json["manuallyApprovesFollowers"] is True
    unknown = world.get("/ap/channels/channel_00000000000000000000000000", world.mallory)
    for stranger in (world.mallory, world.evil):
        answer = world.get(path, stranger)
        assert (answer.status_code, answer.data) == (404, unknown.data)


def test_who_was_put_out_of_a_private_channel_no_longer_finds_it(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    world.ban(world.zoe)

    answers = [world.get(f"/ap/channels/{channel}", asker).status_code for asker in (world.zoe, world.peer)]

    assert answers == [404, 404]


def test_a_deleted_channel_leaves_a_tombstone(world: World) -> None:
    channel = world.channel("general")
    world.delete_channel(channel)

    answer = world.get(f"/ap/channels/{channel}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (410, ACTIVITY_JSON)
    assert (answer.json["type"], answer.json["formerType"]) == ("Tombstone", "Group")
    assert answer.json["id"] == f"{ORIGIN}/ap/channels/{channel}"
    assert "deleted" in answer.json
    assert world.get(f"/ap/channels/{channel}/outbox").status_code == 404


def test_a_deleted_private_channel_is_not_there_either(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    world.delete_channel(channel)

    assert [world.get(f"/ap/channels/{channel}", asker).status_code for asker in (None, world.zoe)] == [404, 404]


def test_an_actor_costs_few_queries(world: World) -> None:
    channel = world.channel("general")
    for path in (f"/ap/users/{world.alice.id}", f"/ap/channels/{channel}", "/ap/instance"):
        world.get(path)
        with world.counted_queries() as queries:
            assert world.get(path).status_code == 200
        assert len(queries) <= 2, queries
