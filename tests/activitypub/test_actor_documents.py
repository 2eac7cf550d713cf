"""Actors and their keys, as other servers describe them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from activitypub.documents import ActorDocument, parse_actor, parse_keys
from activitypub.errors import MalformedDocumentError

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ZOE = "https://pond.example/users/zoe"
ACTOR = {"id": ZOE, "type": "Person", "preferredUsername": "zoe", "inbox": f"{ZOE}/inbox"}


def actor(**fields: Any) -> ActorDocument:
    return parse_actor(ACTOR | fields, now=NOW)


def test_actor_is_read_whole() -> None:
    read = actor(
        name="Zoë",
        summary="<p>hi</p>",
        endpoints={"sharedInbox": "https://pond.example/inbox"},
        followers={"id": f"{ZOE}/followers", "type": "Collection"},
        icon={"type": "Image", "url": "https://pond.example/zoe.png"},
        manuallyApprovesFollowers=True,
        discoverable=True,
        published="2020-01-01T00:00:00Z",
    )

    assert (read.name, read.summary, read.shared_inbox) == ("Zoë", "<p>hi</p>", "https://pond.example/inbox")
    assert (read.followers, read.icon_url) == (f"{ZOE}/followers", "https://pond.example/zoe.png")
    assert (read.manually_approves, read.discoverable) == (True, True)
    assert read.published == datetime(2020, 1, 1, tzinfo=UTC)


def test_actor_needs_no_more_than_a_name_and_an_inbox() -> None:
    read = actor()

    assert (read.name, read.summary, read.shared_inbox, read.followers, read.icon_url, read.keys) == (
        "zoe", "", None, None, None, (),
    )  # fmt: skip
    assert (read.manually_approves, read.discoverable, read.announces_rfc9421) == (False, False, False)


@pytest.mark.parametrize("missing", ["id", "type", "preferredUsername", "inbox"])
def test_actor_without_what_it_needs_is_malformed(missing: str) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_actor({name: value for name, value in ACTOR.items() if name != missing})


@pytest.mark.parametrize("odd", ["yes", 1, None, []])
def test_only_true_is_true(odd: object) -> None:
    assert not actor(manuallyApprovesFollowers=odd).manually_approves


@pytest.mark.parametrize("implements", ["string", "object", "list"])
def test_actor_may_announce_rfc_9421(implements: str) -> None:
    uri = "https://datatracker.ietf.org/doc/html/rfc9421"
    spelled = {"string": uri, "object": {"href": uri}, "list": [{"href": "https://x.example"}, {"id": uri}]}[implements]

    assert actor(generator={"type": "Application", "implements": spelled}).announces_rfc9421


def test_keys_are_read_from_both_places() -> None:
    keys = actor(
        publicKey={"id": f"{ZOE}#main-key", "owner": ZOE, "publicKeyPem": "pem"},
        assertionMethod=[{"id": f"{ZOE}#ed25519", "controller": ZOE, "publicKeyMultibase": "z6Mk"}, f"{ZOE}#elsewhere"],
    ).keys

    assert [(key.id, key.owner, key.encoded, key.is_multikey) for key in keys] == [
        (f"{ZOE}#main-key", ZOE, "pem", False),
        (f"{ZOE}#ed25519", ZOE, "z6Mk", True),
    ]


def test_key_says_itself_whose_it_is() -> None:
    (key,) = actor(publicKey={"id": f"{ZOE}#main-key", "owner": "https://evil.example/", "publicKeyPem": "pem"}).keys

    assert key.owner == "https://evil.example/"


@pytest.mark.parametrize(
    "key", [None, "x", {}, {"id": f"{ZOE}#k"}, {"publicKeyPem": "pem"}, {"id": 5, "publicKeyPem": "pem"}]
)
def test_what_is_no_key_is_left_out(key: object) -> None:
    assert list(parse_keys({"publicKey": [key]}, ZOE, now=NOW)) == []


def test_no_more_than_a_few_keys_are_read() -> None:
    many = [{"id": f"{ZOE}#{number}", "publicKeyPem": "pem"} for number in range(1000)]

    assert len(actor(publicKey=many).keys) == 4
