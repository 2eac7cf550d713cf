"""People of other servers, as our own people are shown them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Person
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor


def test_people_elsewhere_are_listed_for_whom_they_meet(world: World) -> None:
    """Dan was let into a private channel and talks with bob; pat is in a public channel; nobody here meets sam."""
    owner, bob, carol = world.alice, world.bob, world.server.sign_up("carol")
    dan, pat, sam = (world.meet(RemoteActor(f"https://peer.example/users/{name}")) for name in ("dan", "pat", "sam"))
    staff, general = world.channel("staff", is_private=True), world.channel("general")
    gone = world.channel("gone")
    for channel, person in ((staff, dan), (general, pat), (gone, sam)):
        world.admit(channel, person)
    world.delete_channel(gone)

    def elsewhere(person: Person) -> set[str]:
        users = world.server.call("GET", "/api/v1/users/list", person=person).json["users"]
        assert {"alice", "bob", "carol"} <= {user["username"] for user in users}
        return {user["username"].partition("@")[0] for user in users if "@" in user["username"]}

    assert [elsewhere(person) for person in (owner, bob, carol)] == [{"dan", "pat"}, {"pat"}, {"pat"}]
    world.tell(bob, dan, "hello")
    assert [elsewhere(person) for person in (owner, bob, carol)] == [{"dan", "pat"}, {"dan", "pat"}, {"pat"}]


def test_somebody_elsewhere_is_let_into_a_private_channel_and_put_out(world: World) -> None:
    staff = world.channel("staff", is_private=True)
    said = world.say(world.alice, staff, "secret")
    world.known(world.zoe)
    path = f"/api/v1/channels/{staff}"
    seen = []

    for method, way in (("PUT", "add"), ("DELETE", "remove")):
        given = {f"to_{way}_user_id": "@zoe@peer.example"}
        answer = world.server.call(method, f"{path}/{way}_user", person=world.alice, json=given)
        assert answer.status_code == 200
        seen.append(world.get(f"/ap/messages/{said.found['message_id']}", world.zoe).status_code)

    assert seen == [200, 404]


@pytest.mark.parametrize(
    ("odd", "username", "name"),
    [
        ({"name": "\u202enimda\n\u2066x\u2069"}, "odd@evil.example", "nimda x"),
        ({"name": "\u200b\n"}, "odd@evil.example", "odd"),
        ({"preferredUsername": "ad\u200bmin"}, "admin@evil.example", "Odd"),
        ({"preferredUsername": "@admin@chat.example\n"}, "adminchat.example@evil.example", "Odd"),
        ({"preferredUsername": "\N{FISH}"}, "odd@evil.example", "Odd"),
    ],
)
def test_no_name_from_elsewhere_hides_or_turns_around_anything(
    world: World, odd: dict[str, Any], username: str, name: str
) -> None:
    actor = RemoteActor("https://evil.example/users/odd")
    world.wire.serve(actor.uri, actor.document | {"name": "Odd"} | odd)

    known = world.known(actor)

    assert (f"{known.preferred_username}@{known.host}", known.name) == (username, name)


def test_somebody_whose_uri_is_in_another_script_is_followed(world: World) -> None:
    jose = world.meet(RemoteActor("https://peer.example/users/josé"))

    answer = world.server.call("POST", "/api/v1/federation/follow", person=world.bob, json={"remote_handle": jose.uri})

    assert answer.status_code == 200, answer.text
    assert jose.uri in world.wire.asked
    assert world.last_activity("Follow", world.actor(world.bob.id).uri)["object"] == jose.uri


@pytest.mark.parametrize("named", [{}, {"inbox": "x"}, {"preferredUsername": "alice"}, {"inbox": 5, "name": None}])
def test_somebody_who_is_named_with_more_than_an_id_is_who_the_id_says(world: World, named: dict[str, Any]) -> None:
    alice = {"id": world.actor(world.alice.id).uri, "type": "Person", **named}
    follow, before = world.zoe.activity("Follow", alice), world.server.stored()["follows"]

    world.receive(world.zoe, follow)
    assert outcome() == ("done", None)
    world.receive(world.zoe, world.zoe.activity("Undo", follow | {"actor": {"id": world.zoe.uri, **named}}))

    assert outcome() == ("done", None)
    assert world.server.stored()["follows"] == before
