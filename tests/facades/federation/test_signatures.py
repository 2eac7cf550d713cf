"""Requests that do not prove who sent them (the signature cases of shared/checks/hostile-cases.jsonl).

Each is set up like one that is accepted, wrong in one way, refused, and leaves no row anywhere.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from activitypub.keys import public_key_to_pem
from activitypub.signatures import HttpRequest
from tests.activitypub.signed import digest, with_header
from tests.answers import refusal
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor, rsa_key

BODY_OF_ANOTHER = b'{"type": "Delete"}'


@pytest.fixture(autouse=True)
def known_senders(world: World) -> None:
    def meet() -> None:
        for actor in (world.zoe, world.mallory):
            world.known(actor)

    world.server.once("zoe and mallory", meet)
    world.forget()


def create(world: World, actor: RemoteActor, number: int = 1) -> dict[str, Any]:
    note = actor.note(number=number, to=[world.actor(world.alice.id).uri])
    return actor.activity("Create", note, number=number)


def refused(world: World, request: HttpRequest) -> None:
    with world.server.stores_nothing():
        answer = world.send(request)
    assert (answer.status_code, answer.json) == refusal(401, answer.json["detail"])
    assert world.server.stored()["inbox_items"] == 0


def cases(world: World) -> Iterator[tuple[str, HttpRequest]]:
    """Each by its number in reliability.md, group A."""
    zoe, mallory = world.zoe, world.mallory
    activity = create(world, zoe)
    good = zoe.post(activity)
    yield "SIG-01 no signature", with_header(good, "Signature", None)
    yield "SIG-03 another body", HttpRequest(good.method, good.target, good.headers, BODY_OF_ANOTHER)
    yield (
        "SIG-03 another body and its digest",
        with_header(
            HttpRequest(good.method, good.target, good.headers, BODY_OF_ANOTHER), "digest", digest(BODY_OF_ANOTHER)
        ),
    )
    yield "SIG-05 target not covered", zoe.post(activity, covered="host date digest")
    yield "SIG-05 for another inbox", zoe.post(activity, signed_target="/ap/users/other/inbox")
    yield "SIG-05 digest not covered", zoe.post(activity, covered="(request-target) host date")
    yield "SIG-06 host not covered", zoe.post(activity, covered="(request-target) date digest")
    yield "SIG-06 for another host", zoe.post(activity, headers={"host": "other.test"})
    for date in ("Wed, 01 Jan 2025 00:00:00 -0000", "Wed, 01 Jan 99999 00:00:00 GMT", "yesterday", "", "9" * 10_000):
        yield f"SIG-08 dated {date[:40]}", zoe.post(activity, headers={"date": date})
    yield "SIG-08 long ago", zoe.post(activity, headers={"date": "Wed, 01 Jan 2025 00:00:00 GMT"})
    yield "SIG-08 time not covered", zoe.post(activity, covered="(request-target) host digest")
    yield (
        "SIG-11 HMAC with the public key",
        zoe.post(activity, parameters='algorithm="hmac-sha256"', signer=hmac_with_public_key(zoe)),
    )
    yield (
        "SIG-11 HMAC under a name we know",
        zoe.post(activity, parameters='algorithm="rsa-sha256"', signer=hmac_with_public_key(zoe)),
    )
    yield "SIG-11 another's key", zoe.post(activity, signer=mallory.sign)
    broken = good.get("signature").replace('signature="', 'signature="eA==')
    yield "SIG-13 no base64", with_header(good, "Signature", broken)
    yield from duplicates(good, mallory)
    for key_id in (
        "acct:mallory@evil.test",
        "urn:uuid:0",
        "/u/mallory#k",
        "",
        "#k",
        f"https://evil.test/{'a' * 65_000}",
        "http://evil.test/u/m#k",
        "https://a:b@evil.test/u/m#k",
        "https://127.0.0.1/u/m#k",
        "https://[::1]/u/m#k",
        "https://evil.test:0/u/m#k",
        f"{ORIGIN}/ap/users/{world.alice.id}#main-key",
        f"{ORIGIN}/ap/users/{world.alice.id}#no-key",
    ):
        yield f"SIG-18 key {key_id[:50]}", zoe.post(activity, key_id=key_id)
    yield from rfc9421_cases(world, activity)
    yield from spoofs(world)


def duplicates(good: HttpRequest, mallory: RemoteActor) -> Iterator[tuple[str, HttpRequest]]:
    signature = good.get("signature")
    for extra in (f'keyId="{mallory.key_id}"', 'headers="date"', 'signature="AAAA"', 'algorithm="rsa-sha256"'):
        yield f"SIG-13 {extra} before", with_header(good, "Signature", f"{extra},{signature}")
        yield f"SIG-13 {extra} after", with_header(good, "Signature", f"{signature},{extra}")
    # Two lines of one name reach us as one.
    yield (
        "SIG-13 two signatures",
        HttpRequest(good.method, good.target, (*good.headers, ("Signature", signature)), good.body),
    )


def rfc9421_cases(world: World, activity: dict[str, Any]) -> Iterator[tuple[str, HttpRequest]]:
    zoe, mallory = world.zoe, world.mallory
    good = zoe.post_rfc9421(activity)
    inputs, signature = good.get("signature-input"), good.get("signature")
    other = f'sig2=("@method" "@target-uri");created=1;keyid="{mallory.key_id}"'
    for swap in (False, True):
        two_inputs = with_header(good, "Signature-Input", ", ".join([other, inputs] if swap else [inputs, other]))
        signatures = [signature, "sig2=:AAAA:"]
        yield (
            "SIG-25 two labels",
            with_header(two_inputs, "Signature", ", ".join(signatures[::-1] if swap else signatures)),
        )
    yield "SIG-25 other labels", with_header(good, "Signature", signature.replace("sig1", "sig2"))
    yield "SIG-26 both schemes", with_header(zoe.post(activity), "Signature-Input", other.replace("sig2", "sig1"))
    yield "SIG-26 a cavage signature and our input", with_header(good, "Signature", zoe.post(activity).get("signature"))
    yield "SIG-25 nothing but the method", zoe.post_rfc9421(activity, covered='"@method" "content-digest"')
    yield "SIG-25 no digest", zoe.post_rfc9421(activity, covered='"@method" "@target-uri"')


def spoofs(world: World) -> Iterator[tuple[str, HttpRequest]]:
    """Other spellings of peer.example, each with a key that its sender really has."""
    for uri in (
        "https://PEER.example/users/zoe",
        "https://peer.example./users/zoe",
        "https://peer.example:443/users/zoe",
        "https://peer.example%2f@evil.example/users/zoe",
        "https://peer.example@evil.example/users/zoe",
        "https://peer.example\\@evil.example/users/zoe",
        "https://xn--peer-.example/users/zoe",
        "https://peer.example/users/../users/zoe",
    ):
        spoof = world.mallory
        yield f"SIG-35 {uri}", spoof.post(create(world, spoof) | {"actor": uri}, key_id=f"{uri}#main-key")


def hmac_with_public_key(actor: RemoteActor) -> Callable[[bytes], bytes]:
    secret = public_key_to_pem(actor.key.public_key()).encode()
    return lambda message: hmac.digest(secret, message, "sha256")


def test_what_does_not_prove_its_sender_is_refused_and_leaves_nothing(world: World) -> None:
    for what, request in cases(world):
        with world.server.stores_nothing():
            answer = world.send(request)
        assert (what, answer.status_code, answer.json) == (what, *refusal(401, answer.json["detail"]))
    # Once for all of them: her key may have changed.
    assert world.wire.asked == [world.zoe.uri]
    # As it is refused only for what is wrong with it.
    assert world.send(world.zoe.post(create(world, world.zoe))).status_code == 202
    assert world.send(world.zoe.post_rfc9421(create(world, world.zoe, 2))).status_code == 202


def test_what_no_key_could_mend_makes_us_ask_for_none(world: World) -> None:
    """Or whoever can reach us could make us reach others."""
    stranger = world.meet(RemoteActor("https://far.example/users/yan"))
    odd_ones: list[dict[str, Any]] = [
        {"covered": "date"},
        {"covered": "(request-target) host date"},
        {"headers": {"date": "Wed, 01 Jan 2025 00:00:00 GMT"}},
        {"headers": {"host": "other.test"}},
        {"headers": {"digest": digest(BODY_OF_ANOTHER)}},
    ]
    for number, odd in enumerate(odd_ones):
        refused(world, stranger.post(create(world, stranger, number), **odd))

    assert world.wire.asked == []
    assert world.send(stranger.post(create(world, stranger))).status_code == 202
    assert world.wire.asked == [stranger.uri]


def test_a_fullwidth_host_is_no_second_peer(world: World) -> None:
    """SIG-35: a header is Latin-1, so these are letters of another spelling to us, and no host at all."""
    uri = "https://\uff50eer.example/users/zoe"
    sent = world.mallory.post(create(world, world.mallory) | {"actor": uri}, key_id=uri.encode().decode("latin-1"))

    refused(world, sent)
    # And in the body it is an actor that the signer is not.
    spoofed = world.mallory.post(json.dumps(create(world, world.mallory) | {"actor": uri}).encode())
    with world.server.stores_nothing():
        assert world.send(spoofed).json["result"]["action"] == "ignored"


def test_a_key_that_names_a_foreign_owner_is_not_that_owner_s(world: World) -> None:
    """SIG-15: the owner does not list it, and is of another origin anyway."""
    pem = public_key_to_pem(world.mallory.key.public_key())
    neighbour = world.meet(RemoteActor("https://evil.example/users/other"))
    world.known(neighbour)

    for number, owner in enumerate((world.zoe.uri, neighbour.uri)):
        key_id = f"https://evil.example/keys/{number}"
        world.wire.serve(key_id, {"id": key_id, "owner": owner, "publicKeyPem": pem})
        refused(world, world.mallory.post(create(world, world.zoe), key_id=key_id))

    assert world.send(world.zoe.post(create(world, world.zoe))).status_code == 202


def test_a_key_document_that_is_of_another_key_is_refused(world: World) -> None:
    """SIG-16: what is known of the other key stays as it is."""
    key_id = "https://evil.example/keys/2"
    pem = public_key_to_pem(rsa_key("evil.example").public_key())
    for document in (
        {"id": world.zoe.key_id, "owner": world.mallory.uri, "publicKeyPem": pem},
        {"id": key_id, "publicKey": {"id": world.zoe.key_id, "owner": world.zoe.uri, "publicKeyPem": pem}},
        world.mallory.document,
    ):
        world.wire.serve(key_id, document)
        refused(world, world.mallory.post(create(world, world.zoe), key_id=key_id))

    assert world.send(world.zoe.post(create(world, world.zoe))).status_code == 202


@pytest.mark.parametrize("media_type", ["application/ld+json", 'application/ld+json; profile="https://x.example/"'])
def test_what_somebody_has_uploaded_is_no_actor_of_its_server(world: World, media_type: str) -> None:
    """As CVE-2024-25623; what a server says itself has ActivityStreams' profile."""
    uploaded = world.meet(RemoteActor("https://peer.example/media/actor.jsonld"))
    world.wire.types[uploaded.uri] = media_type

    refused(world, uploaded.post(create(world, uploaded)))

    assert world.wire.asked == [uploaded.uri]
    said = world.meet(RemoteActor("https://peer.example/users/yann"))
    world.wire.types[said.uri] = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
    assert world.send(said.post(create(world, said))).status_code == 202


def test_the_target_that_was_asked_for_is_the_one_that_counts(world: World) -> None:
    """SIG-28; on the wire of a real server in test_wire.py."""
    for number, (path, signed_target, status) in enumerate(
        [
            ("/ap/inbox?x=1", "/ap/inbox", 401),
            ("/ap/inbox?x=1", "/ap/inbox?x=2", 401),
            ("/ap/%69nbox", "/ap/inbox", 401),
            ("/ap/inbox/", "/ap/inbox", 401),
            ("/ap//inbox", "/ap/inbox", 404),
            ("/ap/inbox%0aDate:%20x", "/ap/inbox", 404),
            ("/ap/./inbox", "/ap/inbox", 404),
            ("/AP/inbox", "/ap/inbox", 404),
        ]
    ):
        activity = create(world, world.zoe, number)
        with world.server.stores_nothing():
            answer = world.send(world.zoe.post(activity, path, signed_target=signed_target))
        assert (path, answer.status_code) == (path, status)
        if status == 401:
            assert world.send(world.zoe.post(activity, path)).status_code == 202


def test_a_signed_request_for_one_thing_does_not_open_another(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    said = world.say(world.alice, channel, "secret")
    path = f"/ap/messages/{said.found['message_id']}"
    replayed = world.zoe.get("/ap/instance").headers

    assert world.send(HttpRequest("GET", path, replayed, b"")).status_code == 401
    assert world.send(world.zoe.get(path)).status_code == 200
    for odd in (
        {"headers": {"date": "Wed, 01 Jan 2025 00:00:00 GMT"}},
        {"headers": {"host": "other.test"}},
        {"signer": world.mallory.sign},
    ):
        assert world.send(world.zoe.get(path, **odd)).status_code == 401


def test_a_read_may_be_signed_without_its_query(world: World) -> None:
    """As older GoToSocial does; a POST may not."""
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    path = f"/ap/channels/{channel}/outbox"

    assert world.send(world.zoe.get(f"{path}?page=1", signed_target=path)).status_code == 200


def test_a_head_request_is_signed_as_one(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)

    answer = world.send(world.zoe.bare("HEAD", f"/ap/channels/{channel}"))

    assert (answer.status_code, answer.data) == (200, b"")
