"""Other servers' actors: found by their handles, believed from their homes. Their keys: tests/facades/federation."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import NoResultFound

from activitypub import build
from activitypub.errors import (
    FetchError,
    GoneError,
    KeyMismatchError,
    KeyUnavailableError,
    MalformedDocumentError,
    SignatureError,
)
from activitypub.fetch import Document, Reason, UnreachableError
from activitypub.keys import generate_ed25519, public_key_to_multikey
from app.actions.handles import resolve_handle
from app.actions.remote_actors import fetch_actor, fetch_document, key_for, save_actor
from app.errors import InvalidInputError, NotFoundError
from app.models import Actor
from tests.actions.wire import Wire, wire
from tests.founding import ORIGIN, person
from tests.world import World, moment, world

__all__ = ["wire", "world"]

YAN = "https://lake.example/users/yan"


def yan(uri: str = YAN, **described: Any) -> dict[str, Any]:
    return person(uri, "yan", **({"shared_inbox": "https://lake.example/inbox"} | described))


def saved(document: dict[str, Any]) -> Actor:
    return save_actor(Document(document, document["id"], document["id"]))


# Handles.


def serve_yan(wire: Wire, *, self_link: str = YAN, subject: str = "acct:yan@lake.example") -> None:
    links = [{"rel": "self", "type": "application/activity+json", "href": self_link}]
    wire.serve(
        "https://lake.example/.well-known/webfinger?resource=acct:yan@lake.example",
        {"subject": subject, "links": links},
    )
    wire.serve(self_link, yan(self_link))


@pytest.mark.parametrize("handle", ["yan@lake.example", "@yan@lake.example", "acct:yan@lake.example"])
def test_handle_leads_to_its_actor(world: World, wire: Wire, handle: str) -> None:
    serve_yan(wire)

    actor = resolve_handle(handle)

    assert (actor.uri, actor.host, actor.preferred_username) == (YAN, "lake.example", "yan")
    assert resolve_handle(handle).id == actor.id
    assert wire.asked.count(YAN) == 1


def test_actor_must_answer_to_the_handle_it_was_found_by(world: World, wire: Wire) -> None:
    serve_yan(wire)
    wire.serve(YAN, yan() | {"preferredUsername": "somebody-else"})

    with pytest.raises(NotFoundError):
        resolve_handle("@yan@lake.example")


def test_handle_of_ours_asks_nobody(world: World, wire: Wire) -> None:
    assert resolve_handle("@Bob@chat.example").uri == world.bob.uri
    with pytest.raises(NotFoundError):
        resolve_handle("@nobody@chat.example")

    assert wire.asked == []


def test_uri_is_a_name_too(world: World, wire: Wire) -> None:
    wire.serve(YAN, yan())

    assert resolve_handle(YAN).uri == YAN
    assert resolve_handle(world.bob.uri).id == world.bob.id
    assert wire.asked == [YAN]


@pytest.mark.parametrize("handle", ["", "yan", "@yan", "yan@", "@yan@127.0.0.1", "yan@x.example@x", "yan@ x.example"])
def test_what_is_no_handle_is_said_to_be_none(world: World, wire: Wire, handle: str) -> None:
    with pytest.raises(InvalidInputError):
        resolve_handle(handle)

    assert wire.asked == []


# What an actor's home says of it.


def test_actor_is_known_again_by_its_uri(world: World, wire: Wire) -> None:
    first = saved(yan())

    second = saved(yan(summary="<p>new</p>", manually_approves=True) | {"name": "Yan"})

    assert (second.id, second.name, second.summary, second.manually_approves) == (first.id, "Yan", "<p>new</p>", True)
    assert second.local_name is None


def test_group_is_a_channel_by_its_id(world: World) -> None:
    assert saved(yan(type="Group")).id.startswith("channel_")
    assert saved(yan(f"{YAN}2")).id.startswith("user_")


@pytest.mark.parametrize("field", ["sharedInbox", "followers"])
def test_collections_on_another_server_are_not_believed(world: World, field: str) -> None:
    """Hostile case FED-05."""
    elsewhere = "https://victim.example/x"
    odd = {"endpoints": {"sharedInbox": elsewhere}} if field == "sharedInbox" else {"followers": elsewhere}

    actor = saved(yan() | odd)

    assert elsewhere not in (actor.shared_inbox, actor.followers)


@pytest.mark.parametrize(
    "inbox", ["https://victim.example/inbox", "http://lake.example/inbox", "https://lake.example:8443/inbox", "urn:x"]
)
def test_actor_whose_inbox_is_elsewhere_is_nobody(world: World, inbox: str) -> None:
    before = world.stored()

    with pytest.raises(MalformedDocumentError):
        saved(yan() | {"inbox": inbox})

    assert world.stored() == before


def test_document_found_under_another_id_is_not_believed(world: World) -> None:
    with pytest.raises(MalformedDocumentError):
        save_actor(Document(yan(), f"{YAN}2", f"{YAN}2"))


def test_nobody_is_told_who_ours_are(world: World, wire: Wire) -> None:
    """Neither fetched nor believed, whoever says so."""
    with pytest.raises(MalformedDocumentError):
        fetch_document(world.bob.uri)
    with pytest.raises(MalformedDocumentError):
        saved(person(world.bob.uri, "bob", summary="fooled"))

    assert world.reload(world.bob.uri).summary == ""
    assert wire.asked == []


def test_deleted_actor_stays_deleted(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")
    tombstone = build.tombstone(id=zoe.uri, former_type="Person", deleted=moment())
    world.perform(build.delete(actor=zoe.uri, object=tombstone, to=[]))
    wire.serve(zoe.uri, person(zoe.uri, "zoe", shared_inbox="https://pond.example/inbox"))

    with pytest.raises(GoneError):
        fetch_actor(zoe.uri)


def test_keys_an_actor_no_longer_lists_are_forgotten(world: World, wire: Wire) -> None:
    wire.serve(YAN, 404)
    old, new = (public_key_to_multikey(generate_ed25519().public_key()) for _ in range(2))
    saved(yan(ed25519_key=(f"{YAN}#old", old)))
    assert key_for(f"{YAN}#old").owner == YAN

    saved(yan(ed25519_key=(f"{YAN}#new", new)))

    assert key_for(f"{YAN}#new").owner == YAN
    with pytest.raises(SignatureError):
        key_for(f"{YAN}#old")


# Keys, where the door of the inbox does not reach.


@pytest.mark.parametrize("type_", ["Person", ["Person"], ["Odd", "Person"]])
def test_key_is_found_whatever_form_the_type_has(world: World, wire: Wire, type_: object) -> None:
    multikey = public_key_to_multikey(generate_ed25519().public_key())
    wire.serve(YAN, yan(ed25519_key=(f"{YAN}#key", multikey)) | {"type": type_})

    assert key_for(f"{YAN}#key").owner == YAN


def test_key_of_gotosocial_leads_by_its_stub_to_its_owner(world: World, wire: Wire) -> None:
    key_id, multikey = f"{YAN}/main-key", public_key_to_multikey(generate_ed25519().public_key())
    method = {"id": key_id, "type": "Multikey", "controller": YAN, "publicKeyMultibase": multikey}
    wire.serve(key_id, {"id": key_id, "type": "Person", "preferredUsername": "yan", "assertionMethod": [method]})
    wire.serve(YAN, yan() | {"assertionMethod": [method]})

    assert key_for(key_id).owner == YAN
    assert wire.asked == [key_id, YAN]


@pytest.mark.parametrize("owner", ["https://victim.example/users/v", YAN])
def test_key_that_its_owner_does_not_list_is_nobodys(world: World, wire: Wire, owner: str) -> None:
    key_id, multikey = "https://lake.example/keys/1", public_key_to_multikey(generate_ed25519().public_key())
    method = {"id": key_id, "type": "Multikey", "controller": owner, "publicKeyMultibase": multikey}
    wire.serve(key_id, {"id": key_id, "type": "Key", "assertionMethod": method})
    wire.serve(owner, person(owner, "v", shared_inbox=""))

    with pytest.raises(KeyMismatchError):
        key_for(key_id)

    assert ("https://victim.example/users/v" in wire.asked) is False


def test_actor_who_does_not_list_the_key_is_not_met_by_it(world: World, wire: Wire) -> None:
    wire.serve(YAN, yan() | {"publicKey": {"id": f"{YAN}#weak", "owner": YAN, "publicKeyPem": "no key"}})

    with pytest.raises(KeyMismatchError):
        key_for(f"{YAN}#weak")

    with pytest.raises(NoResultFound):
        world.reload(YAN)


@pytest.mark.parametrize(
    ("host", "error"), [("pond.local", SignatureError), ("pond.lake.example", KeyUnavailableError)]
)
def test_host_of_a_private_name_that_leads_nowhere_is_not_waited_for(
    world: World, wire: Wire, host: str, error: type[Exception]
) -> None:
    wire.serve(f"https://{host}/users/yan", UnreachableError("no such host", reason=Reason.NO_SUCH_HOST))

    with pytest.raises(error):
        key_for(f"https://{host}/users/yan#main-key")


def test_key_of_ours_is_nobodys_outside(world: World, wire: Wire) -> None:
    with pytest.raises(SignatureError):
        key_for(f"{world.bob.uri}#ed25519-key")
    with pytest.raises((SignatureError, MalformedDocumentError)):
        key_for(f"{ORIGIN}/ap/users/user_nobody#main-key")

    assert wire.asked == []


@pytest.mark.parametrize("origin", [ORIGIN, ORIGIN.replace("chat", "CHAT"), f"{ORIGIN}:443"])
def test_nothing_of_ours_is_fetched_however_its_address_is_spelt(world: World, wire: Wire, origin: str) -> None:
    with pytest.raises((MalformedDocumentError, NotFoundError)):
        resolve_handle(f"{origin}/ap/users/user_nobody")

    assert wire.asked == []


def test_dead_host_is_left_alone_for_a_while(world: World, wire: Wire) -> None:
    wire.serve(YAN, UnreachableError("refused", reason=Reason.CONNECT))

    for number in range(5):
        with pytest.raises(KeyUnavailableError):
            key_for(f"{YAN}#key-{number}")

    assert wire.asked == [YAN]


def test_home_that_does_not_answer_is_said_so(world: World, wire: Wire) -> None:
    wire.serve(YAN, UnreachableError("no answer", reason=Reason.TIMEOUT))

    with pytest.raises(FetchError) as caught:
        fetch_actor(YAN)

    assert not caught.value.permanent
