"""The forms in which servers publish the keys of their actors, and what is no key in any of them."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub.fetch import Reason, UnreachableError
from activitypub.keys import generate_ed25519, public_key_to_multikey, public_key_to_pem, sign
from app.actions import remote_actors
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor, rsa_key

ED25519 = generate_ed25519()
NEIGHBOUR = "https://peer.example/users/yann"


def follow(world: World, actor: RemoteActor, number: int = 1, **odd: Any) -> int:
    activity = actor.activity("Follow", world.actor(world.alice.id).uri, number=number)
    return int(world.send(actor.post(activity, **odd)).status_code)


def key_of(actor: RemoteActor, **fields: Any) -> dict[str, Any]:
    """The actor's key at a place of its own."""
    return {
        "id": f"{actor.uri}/main-key",
        "type": "Key",
        "publicKeyPem": public_key_to_pem(actor.key.public_key()),
        **fields,
    }


def multikey_of(actor: RemoteActor, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{actor.uri}/main-key",
        "type": "Multikey",
        "publicKeyMultibase": public_key_to_multikey(ED25519.public_key()),
        **fields,
    }


def publish(world: World, key: dict[str, Any], **listed: Any) -> None:
    """At its own place, and whatever the actor says of it."""
    world.wire.serve(key["id"], key)
    bare = {name: value for name, value in world.zoe.document.items() if name != "publicKey"}
    world.wire.serve(world.zoe.uri, bare | listed)


@pytest.mark.parametrize("term", ["owner", "controller"])
@pytest.mark.parametrize("listing", ["whole", "by its id", "by its id, in a list"])
def test_a_key_has_a_place_of_its_own(world: World, term: str, listing: str) -> None:
    key = key_of(world.zoe, **{term: world.zoe.uri})
    publish(world, key, publicKey={"whole": key, "by its id": key["id"]}.get(listing, [key["id"]]))

    assert [follow(world, world.zoe, number, key_id=key["id"]) for number in (1, 2)] == [202, 202]

    assert world.wire.asked == [key["id"], world.zoe.uri]


@pytest.mark.parametrize("listing", ["whole", "by its id"])
def test_so_has_a_multikey(world: World, listing: str) -> None:
    key = multikey_of(world.zoe, controller=world.zoe.uri)
    publish(world, key, assertionMethod=[key if listing == "whole" else key["id"]])
    signed: dict[str, Any] = {"key_id": key["id"], "signer": lambda message: sign(ED25519, message)}

    assert follow(world, world.zoe, parameters='algorithm="hs2019"', **signed) == 202


@pytest.mark.parametrize(
    "odd",
    [
        "the owner lists another",
        "the owner lists nothing",
        "the key is a neighbour's",
        "the key is a stranger's",
        "the key is under another id",
    ],
)
def test_a_key_that_is_named_by_one_side_alone_is_nobodys(world: World, odd: str) -> None:
    key = key_of(world.zoe, owner=world.zoe.uri)
    listed: Any = key["id"]
    if odd == "the owner lists another":
        listed = f"{key['id']}s"
    elif odd == "the owner lists nothing":
        listed = []
    elif odd == "the key is under another id":
        world.wire.serve(f"{key['id']}s", key | {"id": f"{key['id']}s"})
        key["publicKeyPem"] = "none"
    else:
        key["owner"] = NEIGHBOUR if odd == "the key is a neighbour's" else world.mallory.uri
    publish(world, key, publicKey=listed)
    world.wire.serve(NEIGHBOUR, RemoteActor(NEIGHBOUR).document)

    with world.server.stores_nothing():
        assert follow(world, world.zoe, key_id=key["id"]) == 401

    assert world.mallory.uri not in world.wire.asked


def neighbour(world: World, listed: str) -> RemoteActor:
    """Of zoe's server, with a key of its own, which it lists under another id, too."""
    nell = RemoteActor("https://peer.example/users/nell")
    nell.key = rsa_key("nell")
    own = nell.document["publicKey"]
    world.wire.serve(nell.uri, nell.document | {"publicKey": [own, own | {"id": listed}]})
    return nell


@pytest.mark.parametrize("first", ["nell", "zoe"])
def test_who_lists_a_neighbour_s_key_has_it_not_and_keeps_nobody_from_being_known(world: World, first: str) -> None:
    nell = neighbour(world, world.zoe.key_id)
    senders = [nell, world.zoe] if first == "nell" else [world.zoe, nell]

    assert [follow(world, sender) for sender in senders] == [202, 202]
    world.forget()
    with world.server.stores_nothing():
        assert follow(world, nell, 2, key_id=world.zoe.key_id) == 401
    assert follow(world, world.zoe, 2) == 202


def test_a_neighbour_who_lists_another_as_a_key_is_not_taken_for_them(world: World) -> None:
    """PeerTube signs so: its keys are named by their owners."""
    nell = neighbour(world, world.zoe.uri)
    by_name: dict[str, Any] = {"key_id": world.zoe.uri}

    assert [follow(world, nell), follow(world, world.zoe, **by_name)] == [202, 202]
    world.forget()
    assert follow(world, world.zoe, 2, **by_name) == 202
    assert world.wire.asked == []
    with world.server.stores_nothing():
        assert follow(world, nell, 2, **by_name) == 401


def test_a_key_that_leads_to_another_actor_now_is_theirs(world: World) -> None:
    key = key_of(world.zoe, owner=world.zoe.uri)
    publish(world, key, publicKey=key["id"])
    assert follow(world, world.zoe, key_id=key["id"]) == 202
    yann = world.meet(RemoteActor(NEIGHBOUR))
    moved = key | {"owner": NEIGHBOUR}
    world.wire.serve(key["id"], moved)
    world.wire.serve(NEIGHBOUR, yann.document | {"publicKey": [yann.document["publicKey"], moved]})
    assert follow(world, yann) == 202  # Under a key that stands in its own document.
    world.wire.serve(world.zoe.uri, world.zoe.document)
    remote_actors.fetch_actor(world.zoe.uri)

    assert follow(world, yann, 2, key_id=key["id"]) == 202
    assert follow(world, world.zoe, 2) == 202


def check_stays_known(world: World, key_id: str) -> None:
    """It is found, and nobody is asked for it again after its owner was described anew."""
    assert follow(world, world.zoe, key_id=key_id) == 202
    remote_actors.fetch_actor(world.zoe.uri)
    world.forget()
    assert follow(world, world.zoe, 2, key_id=key_id) == 202
    assert world.wire.asked == []


def test_a_key_s_page_may_be_another_spelling_of_its_owner_s(world: World) -> None:
    """BookWyrm's actors end without the slash that is in the ids of their keys."""
    key = world.zoe.document["publicKey"] | {"id": f"{world.zoe.uri}/#main-key"}
    for page in (world.zoe.uri, f"{world.zoe.uri}/"):
        world.wire.serve(page, world.zoe.document | {"publicKey": key})
    world.known(world.zoe)  # Before she says anything.

    check_stays_known(world, key["id"])


def test_a_key_at_a_place_of_its_own_stays_known_when_its_owner_is_described_anew(world: World) -> None:
    key = key_of(world.zoe, owner=world.zoe.uri)
    publish(world, key, publicKey=key)

    check_stays_known(world, key["id"])


def test_bots_that_share_one_key_are_all_known_and_speak_as_its_owner(world: World) -> None:
    shared = "https://peer.example/key"
    bots = [RemoteActor(f"https://peer.example/users/bot{number}") for number in range(2)]
    for bot in bots:
        world.wire.serve(bot.uri, bot.document | {"publicKey": bot.document["publicKey"] | {"id": shared}})
    world.wire.serve(shared, key_of(bots[0], id=shared, owner=bots[0].uri))

    assert follow(world, bots[0], key_id=shared) == 202
    assert {world.known(bot).uri for bot in bots} == {bot.uri for bot in bots}
    assert remote_actors.key_for(shared).owner == bots[0].uri


@pytest.mark.parametrize(
    "over",
    [
        {"revoked": "2020-01-01T00:00:00Z"},
        {"expires": "2020-01-01T00:00:00Z"},
        {"expires": "1970-01-01T00:00:00Z"},
        {"expires": "some day"},
        {"revoked": True},
    ],
)
def test_a_key_that_is_over_is_no_key(world: World, over: dict[str, Any]) -> None:
    world.wire.serve(world.zoe.uri, world.zoe.document | {"publicKey": world.zoe.document["publicKey"] | over})

    with world.server.stores_nothing():
        assert follow(world, world.zoe) == 401


@pytest.mark.parametrize("expires", ["2090-01-01T00:00:00Z", "9999-12-31T23:59:59Z", None])
def test_a_key_is_good_until_it_expires(world: World, expires: str | None) -> None:
    key = world.zoe.document["publicKey"] | {"expires": expires}
    world.wire.serve(world.zoe.uri, world.zoe.document | {"publicKey": key})

    assert follow(world, world.zoe) == 202


def test_a_key_that_is_revoked_later_is_no_key_from_the_next_time_it_is_read(world: World) -> None:
    good = world.zoe.document["publicKey"]
    still = {"expires": "2090-01-01T00:00:00Z", "revoked": False}
    world.wire.serve(world.zoe.uri, world.zoe.document | {"publicKey": good | still})
    assert follow(world, world.zoe) == 202
    over = good | {"revoked": "2026-01-01T00:00:00Z"}
    world.wire.serve(world.zoe.uri, world.zoe.document | {"publicKey": over})

    remote_actors.fetch_actor(world.zoe.uri)

    assert follow(world, world.zoe, 2) == 401


def test_a_server_that_has_no_name_is_known_by_its_host(world: World) -> None:
    """Lemmy's have none, and sign what their server asks for."""
    nameless = {name: value for name, value in world.peer.document.items() if name != "preferredUsername"}
    world.wire.serve(world.peer.uri, nameless)

    assert world.get(f"/ap/users/{world.alice.id}/outbox", by=world.peer).status_code == 200
    assert follow(world, world.peer) == 202
    assert world.known(world.peer).preferred_username == "peer.example"


@pytest.mark.parametrize("leads_by", ["a redirect", "what it says", "its owner's page"])
def test_a_page_that_leads_to_another_server_has_that_not_be_asked_and_not_held_against_its_own(
    world: World, leads_by: str
) -> None:
    """Or an open redirect would do to keep everybody new of its server unheard."""
    page, away = "https://peer.example/go?to=evil", world.mallory.uri
    world.wire.serve(away, UnreachableError("nobody", reason=Reason.CONNECT))
    if leads_by == "a redirect":
        world.wire.moved[page] = away
    elif leads_by == "what it says":
        world.wire.serve(page, {"id": away, "type": "Person"})
    else:
        world.wire.serve(page, key_of(world.zoe, id=page, owner=NEIGHBOUR))
        world.wire.moved[NEIGHBOUR] = away

    with world.server.stores_nothing():
        assert follow(world, world.mallory, key_id=page) == 401

    assert away not in world.wire.asked
    assert follow(world, world.zoe) == 202
