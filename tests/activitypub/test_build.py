"""Documents we send: every field real peers ask for, and nothing that makes one fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from activitypub import build
from activitypub.attachments import Attachment
from activitypub.documents import ActorDocument, Note, parse_activity, parse_actor, parse_note
from activitypub.vocabulary import ACTOR_CONTEXT, OBJECT_CONTEXT, PUBLIC

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ALICE = "https://chat.example/ap/users/alice"
ZOE = "https://pond.example/users/zoe"
LOBBY = "https://chat.example/ap/channels/lobby"
URI = "https://chat.example/ap/messages/1"


def person(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "uri": ALICE,
        "type": "Person",
        "username": "alice",
        "name": "Alice",
        "summary": "",
        "url": ALICE,
        "published": NOW,
        "shared_inbox": "https://chat.example/ap/inbox",
        "manually_approves": False,
        "discoverable": True,
        "rsa_key": (f"{ALICE}#main-key", "pem"),
        "ed25519_key": (f"{ALICE}#ed25519-key", "z6Mk"),
    }
    return build.actor(build.Person(**(values | fields)))


def note(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": URI,
        "author": ALICE,
        "content": "<p>hi</p>",
        "source": "hi",
        "published": NOW,
        "to": [LOBBY, PUBLIC],
        "cc": [f"{LOBBY}/followers"],
        "mentions": {ZOE: "@zoe@pond.example"},
    }
    return build.note(**(values | fields))


# Actors (contracts/peers.md, 6).


def test_actor_has_what_peers_ask_for() -> None:
    asked = (
        "@context id type preferredUsername name summary published url inbox outbox followers following featured "
        "endpoints manuallyApprovesFollowers discoverable publicKey assertionMethod generator attachment indexable "
        "alsoKnownAs"
    )

    assert set(person()) == set(asked.split())


def test_key_for_requests_is_one_object_and_the_other_a_multikey() -> None:
    document = person()

    assert document["publicKey"] == {"id": f"{ALICE}#main-key", "owner": ALICE, "publicKeyPem": "pem"}
    assert document["assertionMethod"] == [
        {"id": f"{ALICE}#ed25519-key", "type": "Multikey", "controller": ALICE, "publicKeyMultibase": "z6Mk"}
    ]
    assert document["@context"] == ACTOR_CONTEXT
    assert document["@context"][:2] == ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]


def test_no_context_is_a_url_of_our_own() -> None:
    """Some peers would fetch it, and fail (contracts/peers.md, 4)."""
    known = ("https://www.w3.org/", "https://w3id.org/")
    urls = [part for part in [*ACTOR_CONTEXT, *OBJECT_CONTEXT] if isinstance(part, str)]

    assert all(url.startswith(known) for url in urls)


def test_actor_reads_back_as_it_was_made() -> None:
    read = parse_actor(person(icon_url="https://chat.example/a.png", manually_approves=True), now=NOW)

    assert isinstance(read, ActorDocument)
    assert (read.id, read.preferred_username, read.shared_inbox) == (ALICE, "alice", "https://chat.example/ap/inbox")
    assert (read.icon_url, read.manually_approves, read.announces_rfc9421) == ("https://chat.example/a.png", True, True)
    assert [key.id for key in read.keys] == [f"{ALICE}#main-key", f"{ALICE}#ed25519-key"]


def test_actor_says_nothing_of_keys_it_does_not_have_yet() -> None:
    document = person(rsa_key=None, ed25519_key=None)

    assert not {"publicKey", "assertionMethod"} & document.keys()


def test_instance_has_no_followers_and_a_channel_a_home() -> None:
    instance = person(type="Application", has_collections=False)
    channel = person(type="Group", attributed_to="https://chat.example/ap/spaces/1", channel_type="voice")

    assert not {"followers", "following", "featured"} & instance.keys()
    assert (channel["attributedTo"], channel["channelType"]) == ("https://chat.example/ap/spaces/1", "voice")


# Notes.


def test_note_has_what_peers_ask_for() -> None:
    document = note(context=f"{LOBBY}/messages", conversation="dm-1", in_reply_to=f"{ZOE}/1", audience=[LOBBY])

    assert document == {
        "id": URI,
        "type": "Note",
        "attributedTo": ALICE,
        "content": "<p>hi</p>",
        "source": {"content": "hi", "mediaType": "text/plain"},
        "published": "2026-11-25T12:00:00.000Z",
        "to": [LOBBY, PUBLIC],
        "cc": [f"{LOBBY}/followers"],
        "tag": [{"type": "Mention", "href": ZOE, "name": "@zoe@pond.example"}],
        "attachment": [],
        "sensitive": False,
        "url": URI,
        "audience": [LOBBY],
        "context": f"{LOBBY}/messages",
        "conversation": "dm-1",
        "inReplyTo": f"{ZOE}/1",
    }


def test_note_reads_back_as_it_was_made() -> None:
    read = parse_note(note(updated=NOW + timedelta(minutes=1)), now=NOW)

    assert (read.id, read.attributed_to, read.content, read.source) == (URI, ALICE, "<p>hi</p>", "hi")
    assert (read.published, read.updated) == (NOW, NOW + timedelta(minutes=1))
    assert read.addressed.is_public


def test_attachments_read_back_as_they_were_written() -> None:
    bare = Attachment("https://x.example/a.png")
    full = Attachment(
        "https://x.example/b.png", "image/png", "A cow", size=9045, width=0, height=162, blurhash="UdMHJg00D%9F"
    )

    document = note(attachments=[bare, full])

    assert document["attachment"][0] == {"type": "Document", "url": "https://x.example/a.png"}
    assert parse_note(document, now=NOW).attachments == (bare, full)


@pytest.mark.parametrize("field", ["context", "conversation", "inReplyTo", "audience", "updated"])
def test_what_a_note_does_not_have_it_does_not_say(field: str) -> None:
    assert field not in note()


# Activities.


def test_create_is_addressed_like_its_object() -> None:
    create = build.create(actor=ALICE, object=note(audience=[LOBBY]))

    document = create.document
    assert (document["to"], document["cc"], document["audience"]) == ([LOBBY, PUBLIC], [f"{LOBBY}/followers"], [LOBBY])
    assert document["published"] == document["object"]["published"]
    assert isinstance(create.object, Note)
    assert document["actor"] == ALICE


def test_create_may_be_addressed_elsewhere() -> None:
    create = build.create(actor=ALICE, object=person(), to=[ZOE])

    assert (create.document["to"], create.document["cc"]) == ([ZOE], [])


@pytest.mark.parametrize(
    ("activity", "type_", "to"),
    [
        (build.follow(actor=ALICE, object=ZOE), "Follow", [ZOE]),
        (build.join(actor=ALICE, object=LOBBY), "Join", [LOBBY]),
        (build.like(actor=ALICE, object=URI, to=[ZOE], content="🎈"), "Like", [ZOE]),
        (build.block(actor=ALICE, object=ZOE), "Block", []),
        (build.add(actor=ALICE, object=ZOE, target=LOBBY, to=[LOBBY, ZOE]), "Add", [LOBBY, ZOE]),
        (build.remove(actor=ALICE, object=ZOE, target=LOBBY, to=[LOBBY]), "Remove", [LOBBY]),
    ],
)
def test_activity_names_its_object_by_uri(activity: Any, type_: str, to: list[str]) -> None:
    document = activity.document

    assert (document["type"], document["actor"], document["to"]) == (type_, ALICE, to)
    assert isinstance(document["object"], str)
    assert document["@context"] == OBJECT_CONTEXT


@pytest.mark.parametrize("answer", [build.accept, build.reject])
def test_answer_names_the_follow_in_full_and_no_more(answer: Any) -> None:
    """Takahe fails on an embedded actor, others on a bare id (contracts/peers.md, 10)."""
    follow = parse_activity(
        {"id": f"{ZOE}/1", "type": "Follow", "actor": {"id": ZOE}, "object": {"id": ALICE}, "to": ALICE}
    )

    document = answer(actor=ALICE, object=follow).document

    assert document["object"] == {"id": f"{ZOE}/1", "type": "Follow", "actor": ZOE, "object": ALICE}
    assert document["to"] == [ZOE]


def test_undo_goes_where_the_undone_went() -> None:
    like = build.with_id(build.like(actor=ALICE, object=URI, to=[ZOE, PUBLIC], content="🎈"), f"{ALICE}/1")

    document = build.undo(actor=ALICE, object=like).document

    assert (document["to"], document["object"]["id"], document["object"]["type"]) == (
        [ZOE, PUBLIC],
        f"{ALICE}/1",
        "Like",
    )


def test_deletion_leaves_a_tombstone() -> None:
    tombstone = build.tombstone(id=URI, former_type="Note", deleted=NOW)

    document = build.delete(actor=ALICE, object=tombstone, to=[PUBLIC], cc=[LOBBY]).document

    assert document["object"] == {
        "id": URI,
        "type": "Tombstone",
        "formerType": "Note",
        "deleted": "2026-11-25T12:00:00.000Z",
    }
    assert (document["to"], document["cc"]) == ([PUBLIC], [LOBBY])


def test_announce_of_a_note_is_its_uri() -> None:
    document = build.announce(actor=LOBBY, object=URI, published=NOW, to=[PUBLIC]).document

    assert (document["object"], document["published"]) == (URI, "2026-11-25T12:00:00.000Z")


@pytest.mark.parametrize("is_proved", [True, False])
def test_announce_of_an_activity_keeps_the_context_its_proof_was_made_over(is_proved: bool) -> None:
    create = dict(build.create(actor=ALICE, object=note()).document)
    inner = create | {"proof": {"type": "DataIntegrityProof"}} if is_proved else create

    embedded = build.announce(actor=LOBBY, object=inner, published=NOW, to=[PUBLIC]).document["object"]

    assert ("@context" in embedded) is is_proved
    assert embedded["object"] == create["object"]


def test_id_is_said_once_whatever_the_activity_had() -> None:
    first = build.with_id(build.follow(actor=ALICE, object=ZOE), f"{ALICE}/1")

    second = build.with_id(first, f"{ALICE}/2")

    assert (second.id, second.document["id"]) == (f"{ALICE}/2", f"{ALICE}/2")
    assert list(second.document)[:2] == ["@context", "id"]
    assert first.document["id"] == f"{ALICE}/1"


def test_times_are_in_utc() -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))

    assert note(published=berlin)["published"] == "2026-11-25T12:00:00.000Z"
