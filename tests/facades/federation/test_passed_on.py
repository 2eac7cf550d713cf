"""What somebody else passes on may be old, whatever the date of the request that brings it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import select

from activitypub.keys import generate_ed25519, public_key_to_multikey
from activitypub.proofs import add_proof
from activitypub.vocabulary import PUBLIC
from app.actions.inbox import process
from app.db import reading
from app.models import Activity as Logged
from app.models import Actor, Event, Follow
from app.queries.messages import find_by_uri, open_content
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor
from tests.outcomes import open_document

ED25519 = generate_ed25519()


def receive_at(world: World, sender: RemoteActor, activity: dict[str, Any], **after: float) -> None:
    """As `world.receive`, by a clock that differs from ours."""
    date = format_datetime(datetime.now(UTC) + timedelta(**after), usegmt=True)
    answer = world.send(sender.post(activity, headers={"date": date}))
    assert answer.status_code == 202, answer.text
    process(sender.host)


def proved(world: World, actor: RemoteActor, activity: dict[str, Any], **after: float) -> dict[str, Any]:
    """The activity with a proof of its actor, who lists the key for it."""
    world.wire.serve(actor.uri, described(actor))
    created = datetime.now(UTC) + timedelta(**after)
    return add_proof(activity, verification_method=proof_key_id(actor), private_key=ED25519, created=created)


def described(actor: RemoteActor, **fields: Any) -> dict[str, Any]:
    """The actor's document, with the key for its proofs."""
    multikey = public_key_to_multikey(ED25519.public_key())
    key = {"id": proof_key_id(actor), "type": "Multikey", "controller": actor.uri, "publicKeyMultibase": multikey}
    return actor.document | {"assertionMethod": [key], **fields}


def proof_key_id(actor: RemoteActor) -> str:
    return f"{actor.uri}#ed25519-key"


def follows_of(actor: RemoteActor) -> list[str]:
    with reading() as session:
        made = select(Follow.state).join(Actor, Actor.id == Follow.actor_id).where(Actor.uri == actor.uri)
        return list(session.scalars(made))


def events() -> list[int]:
    with reading() as session:
        return list(session.scalars(select(Event.position)))


def text_of(uri: str) -> str | None:
    with reading() as session:
        message = find_by_uri(session, uri)
        content = open_content(session, message) if message else None
        return content.text if content else None


@pytest.mark.parametrize("way", ["by its proof", "as its home has it", "inside an Announce"])
def test_an_undone_follow_is_not_brought_back_by_who_passes_it_on(world: World, way: str) -> None:
    alice = world.actor(world.alice.id).uri
    follow = world.zoe.activity("Follow", alice)
    passed_on, by = follow, world.mallory
    if way == "by its proof":
        follow = passed_on = proved(world, world.zoe, follow, minutes=-30)
    else:
        world.wire.serve(follow["id"], follow)
    if way == "inside an Announce":
        by = world.meet(RemoteActor("https://evil.example/c/pond", "Group"))
        world.join_elsewhere(world.bob, by, is_open=True)
        passed_on = by.activity("Announce", follow, to=[PUBLIC])
    receive_at(world, world.zoe, follow, minutes=-20)
    receive_at(world, world.zoe, world.zoe.activity("Undo", follow), minutes=-10)
    before = events()

    receive_at(world, by, passed_on, minutes=1)

    assert follows_of(world.zoe) == []
    assert events() == before


def test_a_passed_on_undo_does_not_hold_up_a_follow_by_its_date(world: World) -> None:
    """It is dated in an hour; the Follow under the same id is zoe's own, and of now."""
    follow = world.zoe.activity("Follow", world.actor(world.alice.id).uri)
    undo = world.zoe.activity("Undo", follow)
    world.wire.serve(undo["id"], undo)
    receive_at(world, world.mallory, undo, minutes=60)

    world.receive(world.zoe, follow)

    assert follows_of(world.zoe) == ["accepted"]


def test_an_undo_by_a_clock_that_is_ahead_does_not_hold_up_the_next_follow(world: World) -> None:
    """Takahe follows again under the same id."""
    follow = world.zoe.activity("Follow", world.actor(world.alice.id).uri)
    receive_at(world, world.zoe, follow, minutes=-20)
    receive_at(world, world.zoe, world.zoe.activity("Undo", follow), minutes=50)

    receive_at(world, world.zoe, follow, seconds=1)

    assert follows_of(world.zoe) == ["accepted"]


@pytest.mark.parametrize("dated", [True, False])
def test_an_old_edit_that_is_passed_on_overwrites_no_newer_one(world: World, dated: bool) -> None:
    note = world.zoe.note(to=[world.actor(world.alice.id).uri])
    world.receive(world.zoe, world.zoe.activity("Create", note))
    old = world.zoe.activity("Update", note | {"content": "<p>old</p>"}, number=1)
    if dated:
        old = proved(world, world.zoe, old, days=-3)
    else:
        world.wire.serve(old["id"], old)
    world.receive(world.zoe, world.zoe.activity("Update", note | {"content": "<p>new</p>"}, number=2))
    before = events()

    receive_at(world, world.mallory, old, minutes=1)

    assert text_of(note["id"]) == "new"
    assert events() == before


def test_an_edit_that_is_passed_on_without_a_time_holds_up_no_other(world: World) -> None:
    note = world.zoe.note(to=[world.actor(world.alice.id).uri], published="2026-01-01T00:00:00Z")
    world.receive(world.zoe, world.zoe.activity("Create", note))
    first = world.zoe.activity("Update", note | {"content": "<p>first</p>"}, number=1)
    world.wire.serve(first["id"], first)

    second = world.zoe.activity("Update", note | {"content": "<p>second</p>"}, number=2)
    world.wire.serve(second["id"], second)

    texts = []
    for passed_on in (first, second):
        world.receive(world.mallory, passed_on)
        texts.append(text_of(note["id"]))
    receive_at(world, world.zoe, world.zoe.activity("Update", note | {"content": "<p>next</p>"}, number=3), hours=-1)

    assert [*texts, text_of(note["id"])] == ["first", "second", "next"]


def test_what_a_person_said_of_itself_once_does_not_come_back(world: World) -> None:
    update = world.zoe.activity("Update", described(world.zoe, name="Old name"))
    old = proved(world, world.zoe, update, days=-300)
    world.wire.serve(world.zoe.uri, described(world.zoe, name="New name"))
    world.known(world.zoe)

    receive_at(world, world.mallory, old, minutes=60)

    stored = world.stored_actor(world.zoe.uri)
    assert stored is not None
    assert stored.name == "New name"
    assert outcome() == ("done", None)


@pytest.mark.parametrize("by", ["itself", "somebody of its server", "its own Announce"])
def test_a_channel_is_described_as_its_home_describes_it(world: World, by: str) -> None:
    pond = world.meet(RemoteActor("https://evil.example/c/pond", "Group"))
    world.join_elsewhere(world.bob, pond, is_open=True)
    forged = pond.document | {"name": "forged", "summary": "forged"}
    sender = world.mallory if by == "somebody of its server" else pond
    activity = sender.activity("Update", forged)
    if by == "its own Announce":
        activity = pond.activity("Announce", world.mallory.activity("Update", forged), to=[PUBLIC])
        world.wire.serve(activity["object"]["id"], activity["object"])
    world.wire.serve(pond.uri, pond.document | {"name": "The pond"})

    receive_at(world, sender, activity, minutes=60)

    stored = world.stored_actor(pond.uri)
    assert stored is not None
    assert (stored.name, stored.summary) == ("The pond", "")


def test_a_server_that_has_no_name_is_read_anew_like_any_other(world: World) -> None:
    """Lemmy's have none, and say so when their sidebar is edited."""
    nameless = {name: value for name, value in world.peer.document.items() if name != "preferredUsername"}
    world.wire.serve(world.peer.uri, nameless)
    world.known(world.peer)
    world.wire.serve(world.peer.uri, nameless | {"name": "The lake"})

    world.receive(world.peer, world.peer.activity("Update", nameless | {"name": "forged"}))

    assert outcome() == ("done", None)
    stored = world.stored_actor(world.peer.uri)
    assert stored is not None
    assert stored.name == "The lake"


def announced_by(group_uri: str) -> list[Any]:
    """What it has announced, in order."""
    with reading() as session:
        made = select(Logged.id).join(Actor, Actor.id == Logged.actor_id).where(Actor.uri == group_uri)
        ids = session.scalars(made.where(Logged.type == "Announce").order_by(Logged.position)).all()
        return [json.loads(open_document(session, id_) or b"")["object"] for id_ in ids]


@pytest.mark.parametrize("kind", ["Like", "Undo", "Create", "Update"])
def test_a_channel_passes_on_no_words_of_others_for_ours(world: World, kind: str) -> None:
    """Its home, which would be believed, says so in its own name: what is ours inside of it is only named."""
    pond = world.actor(world.channel("pond")).uri
    world.follow(world.zoe, pond)
    uri = f"{ORIGIN}/ap/messages/{world.say(world.alice, pond.rpartition('/')[2], 'as I said it').found['message_id']}"
    forged = {"id": uri, "type": "Note", "attributedTo": world.actor(world.alice.id).uri, "content": "HACKED"}
    note = world.mallory.note(to=[pond, PUBLIC], inReplyTo=forged, content="mine")
    like = world.mallory.activity("Like", forged)
    create = world.mallory.activity("Create", note, to=note["to"])
    update = world.mallory.activity("Update", note | {"content": "mine, too"}, to=note["to"])
    steps = {
        "Like": [like],
        "Undo": [like, world.mallory.activity("Undo", like)],
        "Create": [create],
        "Update": [create, update],
    }[kind]

    for step in steps:
        world.receive(world.mallory, step)

    told = [one for one in announced_by(pond) if isinstance(one, dict) and one["actor"] == world.mallory.uri]
    assert [(one["id"], one["type"]) for one in told] == [(step["id"], step["type"]) for step in steps]
    assert all(uri in json.dumps(one) and "HACKED" not in json.dumps(one) for one in told)
