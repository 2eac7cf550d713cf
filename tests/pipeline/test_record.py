"""Record: the log says who did what, proves it, and keeps it sealed."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
from sqlalchemy import LargeBinary, select, update

from activitypub import build
from activitypub.errors import ProofError
from activitypub.keys import PublicKey, public_key_from_multikey
from activitypub.proofs import proof_key_id, verify_proof
from app.db import reading, transaction
from app.keyring import WrongKeyError
from app.models import ActivityDocument, Actor, ActorKey, MessageContent
from app.queries.actors import list_keys
from app.queries.documents import actor_document
from app.sealing import KEY_SCOPE, LOG_SCOPE, unseal_row
from tests.founding import URIS
from tests.outcomes import open_document
from tests.world import World, moment


def published_key(actor: Actor) -> PublicKey:
    """The Ed25519 key of one of ours, as other servers read it in the actor's document."""
    with reading() as session:
        document = actor_document(URIS, actor, list_keys(session, actor.id), None)
    (method,) = document["assertionMethod"]
    assert method["controller"] == actor.uri
    return PublicKey(method["id"], actor.uri, public_key_from_multikey(method["publicKeyMultibase"]))


def test_what_ours_do_is_proved_with_their_published_key(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")

    (create,) = [row for row in world.log() if row.object_uri == uri]
    document = world.json(create.uri)
    assert proof_key_id(document) == published_key(world.bob).id
    verify_proof(document, published_key(world.bob), now=moment())


def test_every_activity_of_ours_is_proved_by_who_did_it(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(world.bob, lobby, "frist")
    world.perform(world.edited(world.bob, uri, "first"))
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))

    with reading() as session:
        actors = {actor.uri: actor for actor in session.scalars(select(Actor))}
    documents = [world.json(row.uri) for row in world.log() if URIS.is_local(row.uri)]
    for document in documents:
        verify_proof(document, published_key(actors[document["actor"]]), now=moment())
    assert {document["type"] for document in documents} >= {"Create", "Update", "Announce", "Accept", "Join"}


def test_proof_does_not_hold_for_changed_words(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    (create,) = [row for row in world.log() if row.object_uri == uri]
    document = world.json(create.uri)
    document["object"]["content"] = "<p>goodbye</p>"

    with pytest.raises(ProofError):
        verify_proof(document, published_key(world.bob), now=moment())


def test_activity_inside_an_announce_keeps_a_proof_that_holds(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])
    world.say(world.bob, lobby, "hello")

    inner = world.announced()[0]["object"]

    verify_proof(inner, published_key(world.bob), now=moment())


@pytest.mark.parametrize("origin", ["local", "remote"])
def test_digest_is_that_of_the_document_with_its_proof(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(zoe, world.channel("lobby"), "hello")

    (create,) = [row for row in world.log() if row.object_uri == uri]
    with reading() as session:
        recorded = open_document(session, create.id) or b""
    assert create.digest == hashlib.sha256(recorded).hexdigest()
    assert msgspec.json.decode(recorded) == world.json(create.uri)


def test_envelope_says_who_did_what_to_whom(world: World) -> None:
    den = world.channel("den", is_private=True)
    target = f"{den.uri}/followers"

    outcome = world.perform(build.add(actor=world.alice.uri, object=world.bob.uri, target=target, to=[den.uri]))

    row = world.logged(outcome.uri)
    assert (row.type, row.actor_id, row.object_uri, row.target_uri, row.audience) == (
        "Add",
        world.alice.id,
        world.bob.uri,
        target,
        "members",
    )


@pytest.mark.parametrize(
    ("what", "audience"), [("message", "public"), ("direct", "direct"), ("follow", "private"), ("announce", "public")]
)
def test_document_is_sealed_for_the_place_it_belongs_to(world: World, what: str, audience: str) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    world.say(world.bob, lobby, "hello")
    direct = world.tell(zoe, [world.bob], "psst")
    follow = world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))
    rows = {
        "message": [row for row in world.log() if row.type == "Create" and row.audience == "public"][-1],
        "direct": [row for row in world.log() if row.object_uri == direct][-1],
        "follow": world.logged(follow.uri),
        "announce": [row for row in world.log() if row.type == "Announce"][-1],
    }
    scopes = {
        "message": lobby.id,
        "direct": world.message(direct).conversation_id,
        "follow": LOG_SCOPE,
        "announce": lobby.id,
    }

    with reading() as session:
        scope = session.scalar(select(ActivityDocument.scope).where(ActivityDocument.activity_id == rows[what].id))
    assert (scope, rows[what].audience) == (scopes[what], audience)


# What is sealed for one row opens in no other.


def _swap(model: Any, key: Any) -> tuple[Any, Any]:
    """Put the sealed bytes of two rows in each other's place; the keys of the two."""
    name = next(column.name for column in model.__table__.columns if isinstance(column.type, LargeBinary))
    with transaction() as session:
        sealed = getattr(model, name)
        rows = session.execute(select(key, sealed).where(sealed.is_not(None)).order_by(key).limit(2)).all()
        (first, first_bytes), (second, second_bytes) = rows
        session.execute(update(model).where(key == first).values({name: second_bytes}))
        session.execute(update(model).where(key == second).values({name: first_bytes}))
    return first, second


def test_swapped_messages_do_not_open(world: World) -> None:
    lobby = world.channel("lobby")
    uris = [world.say(world.bob, lobby, text) for text in ("one", "two")]

    _swap(MessageContent, MessageContent.message_id)

    assert [world.text(uri) for uri in uris] == [None, None]


def test_swapped_documents_do_not_open(world: World) -> None:
    swapped = _swap(ActivityDocument, ActivityDocument.activity_id)

    for row in world.log():
        if row.id in swapped:
            with pytest.raises(WrongKeyError):
                world.document(row.uri)


def test_swapped_keys_do_not_open(world: World) -> None:
    swapped = _swap(ActorKey, ActorKey.id)

    with reading() as session:
        for key in session.scalars(select(ActorKey).where(ActorKey.id.in_(swapped))):
            with pytest.raises(WrongKeyError):
                unseal_row(session, KEY_SCOPE, key.id, key.private or b"")


def test_document_moved_to_another_place_does_not_open(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    (create,) = [row for row in world.log() if row.object_uri == uri]
    with transaction() as session:
        moved = update(ActivityDocument).where(ActivityDocument.activity_id == create.id)
        session.execute(moved.values(scope=LOG_SCOPE))

    with pytest.raises(WrongKeyError):
        world.document(create.uri)
