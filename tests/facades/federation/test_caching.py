"""Public documents may be kept and cost no proof; private ones are for one asker."""

from __future__ import annotations

import pytest

from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor

GARBAGE = 'keyId="https://nowhere.example/actor#main-key",headers="(request-target) host date",signature="AAAA"'


@pytest.fixture
def public_paths(world: World) -> list[str]:
    channel = world.channel("general")
    said = world.say(world.alice, channel, "hello")
    return [
        "/ap/instance",
        f"/ap/users/{world.alice.id}",
        f"/ap/users/{world.alice.id}/outbox",
        f"/ap/users/{world.alice.id}/followers?page=true",
        f"/ap/channels/{channel}",
        f"/ap/channels/{channel}/messages",
        f"/ap/channels/{channel}/messages?page=true",
        f"/ap/messages/{said.found['message_id']}",
        said.uri.removeprefix(ORIGIN),
    ]


def test_a_public_document_is_known_again_by_its_etag(world: World, public_paths: list[str]) -> None:
    for path in public_paths:
        first = world.get(path)
        assert (first.status_code, first.headers["Cache-Control"]) == (200, "public, max-age=60")

        again = world.get(path, If_None_Match=first.headers["ETag"])

        assert (again.status_code, again.data) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == first.headers[name]
        assert world.get(path, If_None_Match='"another"').status_code == 200


def test_each_form_of_a_document_has_its_own_etag(world: World) -> None:
    etags = {world.get("/ap/instance", accept=accept).headers["ETag"] for accept in ("*/*", "text/html")}

    assert len(etags) == 2


def test_a_changed_document_has_another_etag(world: World) -> None:
    said = world.say(world.alice, world.channel("general"), "hello")
    path = f"/ap/messages/{said.found['message_id']}"
    etag = world.get(path).headers["ETag"]

    world.edit(world.alice, said, "hello, all")

    assert world.get(path, If_None_Match=etag).status_code == 200


def test_a_public_document_is_had_with_any_signature_and_nothing_is_asked_for_it(
    world: World, public_paths: list[str]
) -> None:
    """Two servers that verified each other's requests for their keys would wait for each other."""
    stranger = RemoteActor("https://nowhere.example/actor", "Application")

    for path in public_paths:
        if "messages?" in path:
            continue  # A page may hold more for a member, so it matters who asks.
        assert world.get(path, Signature=GARBAGE).status_code == 200
        assert world.get(path, stranger).status_code == 200
        answer = world.get(path, Signature="nonsense")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=60")
    assert world.wire.asked == []


def test_a_private_document_wants_a_signature_that_holds(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    said = world.say(world.alice, channel, "secret")
    paths = [f"/ap/channels/{channel}", f"/ap/messages/{said.found['message_id']}", said.uri.removeprefix(ORIGIN)]

    for path in paths:
        unknown = path.rpartition("_")[0] + "_" + "0" * 26
        for where in (path, unknown):
            assert world.get(where).status_code == 404
            assert world.get(where, Signature="nonsense").status_code == 401
            assert world.send(world.zoe.get(where, signer=world.mallory.sign)).status_code == 401
            assert world.get(where, world.mallory).status_code == 404
        seen = world.get(path, world.zoe)
        assert (seen.status_code, seen.headers["Cache-Control"]) == (200, "private, no-store")
        assert "ETag" not in seen.headers


def test_a_refusal_says_the_same_of_what_is_hidden_and_of_what_never_was(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    said = world.say(world.alice, channel, "secret")

    for path in (f"/ap/channels/{channel}", f"/ap/messages/{said.found['message_id']}", said.uri.removeprefix(ORIGIN)):
        unknown = path.rpartition("_")[0] + "_" + "0" * 26
        for asker in (None, world.mallory, world.evil):
            hidden, nothing = world.get(path, asker), world.get(unknown, asker)
            assert (hidden.status_code, hidden.data) == (nothing.status_code, nothing.data)
            assert {name for name, _ in set(hidden.headers) ^ set(nothing.headers)} <= {"X-Request-ID"}


def test_a_key_that_cannot_be_had_now_makes_an_asker_wait(world: World) -> None:
    world.channel("staff", is_private=True)
    world.wire.serve(world.mallory.uri, 500)

    answer = world.get("/ap/messages/msg_00000000000000000000000000", world.mallory)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
