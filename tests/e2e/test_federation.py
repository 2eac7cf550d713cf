"""One message, all the way: Shoal on SQLite, Shoal on PostgreSQL and a Fedify server, each asked what it saw."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from .client import ChatClient
from .fedify_peer import FedifyPeer
from .live import LiveSocket
from .shoal import ShoalServer
from .sides import (
    Room,
    channel_named,
    direct_texts,
    followers_of,
    following_of,
    heard_directly,
    heard_of,
    id_of,
    message_uri,
    shared_notes,
)
from .waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EMOJI = "🎈"
# Two failed attempts: the second delay of the retry schedule, 30 s and a fifth, comes after the first of 10 s.
RETRY_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Stage:
    """A channel of A that bob of B and alice of Fedify follow, as each of the three sides has it."""

    name: str
    handle: str
    uri: str
    a: Room
    b: Room
    fedify: FedifyPeer


@pytest.fixture
def stage(
    alice: ChatClient,
    bob: ChatClient,
    fedify: FedifyPeer,
    connect: Callable[[ChatClient], LiveSocket],
    unique: str,
) -> Stage:
    name = f"lobby-{unique}"
    channel_id = alice.create_channel(name)["channel_id"]
    handle = f"{name}@{alice.host}"
    uri = _resolved(alice, handle)
    bob.follow(handle)
    assert fedify.follow(handle) == uri
    eventually(lambda: fedify.state().following[uri] == "accepted", what="A accepts Fedify")
    eventually(lambda: uri in following_of(bob, bob.resolve(bob.handle)), what="A accepts bob")
    return Stage(
        name=name,
        handle=handle,
        uri=uri,
        a=Room(alice, channel_id, connect(alice)),
        b=Room(bob, eventually(lambda: channel_named(bob, name)), connect(bob)),
        fedify=fedify,
    )


def test_webfinger_leads_to_people_and_channels(
    alice: ChatClient, bob: ChatClient, fedify: FedifyPeer, unique: str
) -> None:
    alice.create_channel(f"hall-{unique}")
    expected = [
        (alice, alice.handle, "Person"),
        (alice, f"hall-{unique}@{alice.host}", "Group"),
        (bob, bob.handle, "Person"),
    ]

    for client, handle, actor_type in expected:
        uri = _resolved(client, handle)
        assert client.webfinger(handle.upper())["subject"] == f"acct:{handle}"
        assert client.document(uri)["type"] == actor_type
        found = fedify.lookup(f"@{handle}")
        assert (found["id"], found["type"]) == (uri, actor_type)


def test_followed_channel_is_known_on_every_side(stage: Stage, bob: ChatClient) -> None:
    bob_uri = bob.resolve(bob.handle)

    assert set(followers_of(stage.a.client, stage.uri)) >= {bob_uri, stage.fedify.alice}
    assert stage.uri in following_of(bob, bob_uri)
    assert channel_named(bob, stage.name) == stage.b.channel_id
    assert stage.fedify.state().following[stage.uri] == "accepted"


def test_people_follow_each_other_both_ways(alice: ChatClient, bob: ChatClient, fedify: FedifyPeer) -> None:
    alice_uri, bob_uri = (_resolved(client, client.handle) for client in (alice, bob))

    alice.follow(fedify.handle("alice"))
    alice.follow(bob.handle)
    bob.follow(f"@{alice.handle}")
    fedify.follow(bob.handle)

    eventually(lambda: set(following_of(alice, alice_uri)) >= {fedify.alice, bob_uri})
    eventually(lambda: alice_uri in followers_of(bob, bob_uri))
    eventually(lambda: alice_uri in following_of(bob, bob_uri))
    eventually(lambda: bob_uri in followers_of(alice, alice_uri))
    eventually(lambda: fedify.state().following[bob_uri] == "accepted")
    eventually(lambda: fedify.alice in followers_of(bob, bob_uri))
    eventually(lambda: alice_uri in fedify.state().followers["alice"])


def test_message_of_the_owner_is_seen_live_elsewhere(stage: Stage) -> None:
    message_id = stage.a.send("hello from A")

    assert stage.a.heard("hello from A")["message_id"] == message_id
    pushed = stage.b.heard("hello from A")
    assert pushed["username"].partition("@")[0] == "alice"
    assert stage.b.message("hello from A")["message_id"] == pushed["message_id"]
    eventually(lambda: len(shared_notes(stage.fedify, by=stage.uri)) == 1)
    uri = message_uri(stage.a.client, message_id)
    (create,) = eventually(lambda: heard_of(stage.fedify.state(), "Create", uri))
    assert "hello from A" in create["object"]["content"]
    assert create["object"]["attributedTo"] == stage.a.client.resolve(stage.a.client.handle)


def test_message_of_a_remote_member_is_seen_live_at_the_channels_home(stage: Stage) -> None:
    message_id = stage.b.send("hello from B")

    assert stage.b.heard("hello from B")["message_id"] == message_id
    assert stage.a.heard("hello from B")["username"].partition("@")[0] == "bob"
    eventually(lambda: len(shared_notes(stage.fedify, by=stage.uri)) == 1)
    uri = message_uri(stage.b.client, message_id)
    assert eventually(lambda: heard_of(stage.fedify.state(), "Create", uri))
    # What the home relays back to its author is no second message.
    assert (stage.a.texts(), stage.b.texts()) == (["hello from B"], ["hello from B"])


def test_note_of_a_fedify_member_is_seen_live_on_both(stage: Stage) -> None:
    stage.fedify.send_to_channel(stage.uri, "hello from Fedify")

    assert stage.a.heard("hello from Fedify")["username"].partition("@")[0] == "alice"
    stage.b.heard("hello from Fedify")
    assert (stage.a.texts(), stage.b.texts()) == (["hello from Fedify"], ["hello from Fedify"])


@pytest.mark.parametrize(("sender", "receiver"), [("alice", "bob"), ("bob", "alice")])
def test_direct_message_reaches_one_person_and_nobody_else(
    request: pytest.FixtureRequest,
    fedify: FedifyPeer,
    connect: Callable[[ChatClient], LiveSocket],
    unique: str,
    sender: str,
    receiver: str,
) -> None:
    writer: ChatClient = request.getfixturevalue(sender)
    reader: ChatClient = request.getfixturevalue(receiver)
    live = connect(reader)
    secret = f"secret {unique}"

    writer.dm_send(reader.handle, secret)

    live.wait_for(heard_directly(secret))
    assert direct_texts(reader, writer.handle).count(secret) == 1
    assert direct_texts(writer, reader.handle).count(secret) == 1
    # What was meant for Fedify comes after it; had the secret gone there too, it would be there by now.
    writer.dm_send(fedify.handle("alice"), f"fence {unique}")
    eventually(lambda: f"fence {unique}" in str(fedify.state().deliveries))
    assert secret not in str(fedify.state().deliveries)


@pytest.mark.parametrize("person", ["alice", "bob"])
def test_direct_message_each_way_with_fedify(
    request: pytest.FixtureRequest,
    fedify: FedifyPeer,
    connect: Callable[[ChatClient], LiveSocket],
    unique: str,
    person: str,
) -> None:
    client: ChatClient = request.getfixturevalue(person)
    client_uri = _resolved(client, client.handle)
    live = connect(client)

    client.dm_send(fedify.handle("alice"), f"there {unique}")
    (there,) = eventually(lambda: _creates_saying(fedify, f"there {unique}"))
    fedify.send_direct([client_uri], f"back {unique}")

    note = there["object"]
    assert [_as_list(part.get(field)) for part in (there, note) for field in ("to", "cc")] == [
        [fedify.alice],
        [],
        [fedify.alice],
        [],
    ]
    assert [(tag["type"], tag["href"]) for tag in _as_list(note["tag"])] == [("Mention", fedify.alice)]
    live.wait_for(heard_directly(f"back {unique}"))
    assert direct_texts(client, fedify.handle("alice"))[-2:] == [f"there {unique}", f"back {unique}"]


def test_edit_changes_the_message_on_every_side(stage: Stage) -> None:
    message_id = stage.a.send("frist")
    stage.b.heard("frist")

    stage.a.edit("frist", "first")

    eventually(lambda: stage.a.texts() == ["first"])
    eventually(lambda: stage.b.texts() == ["first"])
    uri = message_uri(stage.a.client, message_id)
    # From the author, for microblog servers, and inside the channel's Announce: one activity, told twice.
    updates = eventually(lambda: heard_of(stage.fedify.state(), "Update", uri))
    assert len({update["id"] for update in updates}) == 1
    assert all("first" in update["object"]["content"] for update in updates)
    assert "first" in stage.fedify.lookup(uri)["content"]


def test_edit_by_members_elsewhere_changes_the_message_on_every_side(stage: Stage) -> None:
    message_id = stage.b.send("scond")
    note = stage.fedify.send_to_channel(stage.uri, "thrid")
    for text in ("scond", "thrid"):
        stage.a.heard(text)
        stage.b.heard(text)

    stage.b.edit("scond", "second")
    stage.fedify.edit(note, "third")

    eventually(lambda: sorted(stage.a.texts()) == ["second", "third"])
    eventually(lambda: sorted(stage.b.texts()) == ["second", "third"])
    assert eventually(lambda: heard_of(stage.fedify.state(), "Update", message_uri(stage.b.client, message_id)))


def test_deleted_message_is_gone_on_every_side(stage: Stage) -> None:
    message_id = stage.a.send("regret")
    stage.b.heard("regret")
    uri = message_uri(stage.a.client, message_id)
    eventually(lambda: heard_of(stage.fedify.state(), "Create", uri))

    stage.a.delete("regret")

    assert stage.a.texts() == []
    eventually(lambda: stage.b.texts() == [])
    assert eventually(lambda: heard_of(stage.fedify.state(), "Delete", uri))
    assert stage.a.client.document(uri, expect=410)["type"] == "Tombstone"


def test_message_deleted_by_a_member_elsewhere_is_gone_on_every_side(stage: Stage) -> None:
    message_id = stage.b.send("bob regrets")
    note = stage.fedify.send_to_channel(stage.uri, "Fedify regrets")
    for text in ("bob regrets", "Fedify regrets"):
        stage.a.heard(text)
        stage.b.heard(text)

    stage.b.delete("bob regrets")
    stage.fedify.delete(note)

    eventually(lambda: stage.a.texts() == [])
    eventually(lambda: stage.b.texts() == [])
    uri = message_uri(stage.b.client, message_id)
    assert eventually(lambda: heard_of(stage.fedify.state(), "Delete", uri))
    assert stage.b.client.document(uri, expect=410)["type"] == "Tombstone"


def test_like_and_its_undo_are_counted_on_every_side(stage: Stage) -> None:
    uri = message_uri(stage.a.client, stage.a.send("like me"))
    stage.b.heard("like me")

    stage.b.react("like me", EMOJI)
    eventually(lambda: stage.a.reactions("like me") == {EMOJI: 1})
    like = stage.fedify.like(uri, emoji=EMOJI)
    eventually(lambda: stage.a.reactions("like me") == {EMOJI: 2})
    eventually(lambda: stage.b.reactions("like me") == {EMOJI: 2})
    (seen,) = eventually(lambda: _likes_by(stage, stage.b.client, uri))
    assert seen["content"] == EMOJI

    stage.fedify.unlike(like, uri=uri)
    eventually(lambda: stage.a.reactions("like me") == {EMOJI: 1})
    stage.b.take_reaction_back("like me", EMOJI)
    eventually(lambda: stage.a.reactions("like me") == {})
    eventually(lambda: stage.b.reactions("like me") == {})
    assert eventually(lambda: heard_of(stage.fedify.state(), "Undo", seen["id"]))


@pytest.mark.parametrize("side", ["a", "b"])
def test_like_of_a_fedify_note_reaches_its_author_and_is_taken_back(stage: Stage, side: str) -> None:
    room: Room = getattr(stage, side)
    note = stage.fedify.send_to_channel(stage.uri, "like me too")
    room.heard("like me too")
    actor = room.client.resolve(room.client.handle)

    room.react("like me too", EMOJI)

    expected = {"actor": actor, "object": note, "content": EMOJI}
    eventually(lambda: expected in stage.fedify.state().likes.values())
    room.take_reaction_back("like me too", EMOJI)
    eventually(lambda: expected not in stage.fedify.state().likes.values())
    assert stage.a.reactions("like me too") == stage.b.reactions("like me too") == {}


def test_who_unfollows_hears_no_more(stage: Stage, bob: ChatClient) -> None:
    bob_uri = bob.resolve(bob.handle)
    stage.a.send("before")
    stage.b.heard("before")
    eventually(lambda: len(shared_notes(stage.fedify, by=stage.uri)) == 1)

    bob.unfollow(stage.handle)
    stage.fedify.unfollow(stage.uri)

    eventually(lambda: not {bob_uri, stage.fedify.alice}.intersection(followers_of(stage.a.client, stage.uri)))
    assert stage.uri not in following_of(bob, bob_uri)
    stage.a.send("after")
    # Direct messages sent later have arrived, so the message would have, too.
    stage.a.client.dm_send(bob.handle, f"fence {stage.name}")
    stage.a.client.dm_send(stage.fedify.handle("alice"), f"fence {stage.name}")
    stage.b.live.wait_for(heard_directly(f"fence {stage.name}"))
    eventually(lambda: _creates_saying(stage.fedify, f"fence {stage.name}"))
    assert "after" not in [event.get("message") for event in stage.b.live.events]
    assert len(shared_notes(stage.fedify, by=stage.uri)) == 1


def test_ten_messages_reach_a_server_that_was_down_once_and_in_order(stage: Stage, server_b: ShoalServer) -> None:
    expected = [f"message {number}" for number in range(10)]
    with _down(server_b):
        accepted = server_b.proxy.accepted
        for text in expected:
            stage.a.send(text)
        eventually(lambda: server_b.proxy.accepted > accepted, what="A tries and fails")
        # One dead server holds nobody else up.
        eventually(lambda: len(shared_notes(stage.fedify, by=stage.uri)) == 10)

    eventually(lambda: stage.b.texts() == expected, timeout_seconds=RETRY_SECONDS)

    assert stage.a.texts() == expected


def test_ten_messages_reach_a_fedify_server_that_was_unreachable_once_and_in_order(stage: Stage) -> None:
    expected = [f"<p>message {number}</p>" for number in range(10)]
    stage.fedify.proxy.stop()
    try:
        for number in range(10):
            stage.a.send(f"message {number}")
        stage.b.heard("message 9")
    finally:
        stage.fedify.proxy.start()

    eventually(lambda: len(shared_notes(stage.fedify, by=stage.uri)) >= 10, timeout_seconds=RETRY_SECONDS)

    assert shared_notes(stage.fedify, by=stage.uri) == expected


@contextmanager
def _down(server: ShoalServer) -> Iterator[None]:
    """Without power inside, started again after."""
    server.kill()
    try:
        yield
    finally:
        server.start()


def _resolved(client: ChatClient, handle: str) -> str:
    """The URI of an actor, once it has keys: those are made in the background."""
    return eventually(lambda: client.resolve(handle), what=f"{handle} is found by WebFinger")


def _creates_saying(peer: FedifyPeer, text: str) -> list[dict[str, Any]]:
    return [create for create in peer.state().received("Create") if text in create["object"]["content"]]


def _likes_by(stage: Stage, client: ChatClient, uri: str) -> list[dict[str, Any]]:
    """The Likes of a message by one actor that the Fedify server was told of."""
    actor = client.resolve(client.handle)
    return [like for like in heard_of(stage.fedify.state(), "Like", uri) if id_of(like["actor"]) == actor]


def _as_list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
