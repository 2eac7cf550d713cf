"""Messages and activities by their URIs: who may read them, as they are now, and what is left when they are gone."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.documents import Note, parse_object
from activitypub.keys import PublicKey, public_key_from_multikey
from activitypub.proofs import verify_proof
from activitypub.vocabulary import PUBLIC
from app.actions import remote_actors
from app.db import reading
from app.models import Activity
from app.pipeline import Outcome, compose
from app.queries.actors import find_actor
from tests.answers import refusal
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor


def path_of(message: Outcome) -> str:
    return f"/ap/messages/{message.found['message_id']}"


def activity_path(outcome: Outcome) -> str:
    return outcome.uri.removeprefix(ORIGIN)


def statuses(world: World, path: str, *askers: RemoteActor | None) -> list[int]:
    return [world.get(path, asker).status_code for asker in askers]


def test_a_public_message_is_for_everybody(world: World) -> None:
    channel = world.channel("general")
    said = world.say(world.alice, channel, "hello <b>all</b>")

    answer = world.get(path_of(said))

    assert answer.status_code == 200
    uri, group = f"{ORIGIN}{path_of(said)}", f"{ORIGIN}/ap/channels/{channel}"
    document = answer.json
    assert document["id"] == uri
    assert (document["type"], document["attributedTo"]) == ("Note", f"{ORIGIN}/ap/users/{world.alice.id}")
    assert document["content"] == "<p>hello &lt;b&gt;all&lt;/b&gt;</p>"
    assert document["source"] == {"content": "hello <b>all</b>", "mediaType": "text/plain"}
    assert (document["to"], document["cc"]) == ([group, PUBLIC], [f"{group}/followers"])
    assert (document["audience"], document["context"]) == ([group], f"{group}/messages")
    assert document["published"].endswith("Z")
    assert isinstance(parse_object(document, now=datetime.now(UTC)), Note)


def test_a_document_says_what_was_sent(world: World) -> None:
    private = world.channel("staff", is_private=True)
    world.admit(private, world.zoe)
    asked = [
        (world.say(world.alice, world.channel("general"), "hello"), None),
        (world.say(world.alice, private, "hello"), world.zoe),
        (world.tell(world.alice, world.zoe, "hello"), world.zoe),
    ]

    for said, asker in asked:
        sent = world.get(activity_path(said), asker).json["object"]
        shown = world.get(path_of(said), asker).json
        assert {name: shown.get(name) for name in sent} == sent


@pytest.mark.parametrize("place", ["channel", "conversation"])
def test_a_private_message_is_for_those_it_is_addressed_to(world: World, place: str) -> None:
    if place == "channel":
        channel = world.channel("staff", is_private=True)
        world.admit(channel, world.zoe)
        said = world.say(world.alice, channel, "secret")
    else:
        said = world.tell(world.alice, world.zoe, "secret")
    neighbour = world.meet(RemoteActor("https://peer.example/users/yann"))

    for path in (path_of(said), activity_path(said)):
        assert statuses(world, path, world.zoe, world.peer) == [200, 200]
        assert statuses(world, path, None, neighbour, world.mallory, world.evil) == [404] * 4
        assert "secret" in world.get(path, world.zoe).text
        assert "secret" not in world.get(path, neighbour).text


def test_a_private_message_is_addressed_so_that_microblogs_show_it(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    in_channel = world.get(path_of(world.say(world.alice, channel, "secret")), world.zoe).json
    direct = world.get(path_of(world.tell(world.alice, world.zoe, "secret")), world.zoe).json

    assert in_channel["to"] == [f"{ORIGIN}/ap/channels/{channel}", world.zoe.uri]
    assert direct["to"] == [world.zoe.uri]
    for document in (in_channel, direct):
        assert document["cc"] == []
        assert document["tag"] == [{"type": "Mention", "href": world.zoe.uri, "name": "@zoe@peer.example"}]


def test_who_is_banned_sees_only_what_everybody_sees(world: World) -> None:
    general, staff = world.channel("general"), world.channel("staff", is_private=True)
    world.admit(staff, world.zoe)
    public, private = world.say(world.alice, general, "hello"), world.say(world.alice, staff, "secret")
    world.ban(world.zoe)

    assert statuses(world, path_of(public), world.zoe, world.peer) == [200, 200]
    assert statuses(world, path_of(private), world.zoe, world.peer) == [404, 404]
    assert statuses(world, activity_path(private), world.zoe, world.peer) == [404, 404]


def test_a_message_for_members_in_a_public_channel_is_not_for_strangers(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    said = world.say(world.alice, channel, "for us")
    world.mark_for_members(said)

    assert statuses(world, path_of(said), world.zoe, world.peer) == [200, 200]
    assert statuses(world, path_of(said), None, world.mallory, world.evil) == [404] * 3


@pytest.mark.parametrize("is_open", [True, False])
def test_what_is_said_in_another_servers_channel_is_for_whom_it_is_there(world: World, is_open: bool) -> None:
    """Who sees an open channel's Announce of the note asks us for the note."""
    lobby = RemoteActor("https://peer.example/groups/lobby", "Group")

    said = world.say(world.alice, world.join_elsewhere(world.alice, lobby, is_open=is_open), "hello")

    for path in (path_of(said), activity_path(said)):
        assert statuses(world, path, lobby, world.peer) == [200, 200]
        others = [200 if is_open else 404] * 4
        assert statuses(world, path, None, world.mallory, world.evil, world.zoe) == others


def test_an_edited_message_shows_only_what_it_says_now(world: World) -> None:
    said = world.say(world.alice, world.channel("general"), "first words")
    world.edit(world.alice, said, "second words")

    answer = world.get(path_of(said))

    assert answer.json["content"] == "<p>second words</p>"
    assert answer.json["updated"].endswith("Z")
    assert "first" not in answer.text


def test_no_activity_tells_what_was_replaced_by_an_edit(world: World) -> None:
    general = world.channel("general")
    world.admit(general, world.mallory)
    said = world.say(world.alice, general, "first words")
    edited = world.edit(world.alice, said, "second words")
    edited_again = world.edit(world.alice, said, "third words")

    create, first_edit = (world.get(activity_path(outcome)) for outcome in (said, edited))
    lists = [world.get(f"/ap/{path}/outbox?page=1").text for path in (f"users/{world.alice.id}", f"channels/{general}")]

    assert create.json["object"] == first_edit.json["object"] == f"{ORIGIN}{path_of(said)}"
    assert "proof" not in create.json
    assert (create.json["type"], first_edit.json["type"]) == ("Create", "Update")
    for text in (create.text, first_edit.text, *lists):
        assert "first words" not in text
        assert "second words" not in text
    assert all("third words" in text for text in lists)
    assert hashlib.sha256(world.get(activity_path(edited_again)).data).hexdigest() == world.digest_of(edited_again)


def test_a_deleted_public_message_leaves_a_tombstone(world: World) -> None:
    said = world.say(world.alice, world.channel("general"), "regret")
    edited = world.edit(world.alice, said, "regret it")
    deleted = world.delete(world.alice, said)

    for path, former in ((path_of(said), "Note"), (activity_path(said), "Create"), (activity_path(edited), "Update")):
        answer = world.get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (410, "public, max-age=60")
        assert answer.json["id"] == ORIGIN + path
        assert (answer.json["type"], answer.json["formerType"]) == ("Tombstone", former)
        assert abs(datetime.now(UTC) - datetime.fromisoformat(answer.json["deleted"])).total_seconds() < 60
        assert "regret" not in answer.text
    assert world.get(activity_path(deleted)).json["type"] == "Delete"


@pytest.mark.parametrize("place", ["channel", "conversation"])
def test_a_deleted_private_message_is_gone_for_those_who_could_see_it_and_was_never_there_for_others(
    world: World, place: str
) -> None:
    if place == "channel":
        channel = world.channel("staff", is_private=True)
        world.admit(channel, world.zoe)
        said = world.say(world.alice, channel, "secret")
    else:
        said = world.tell(world.alice, world.zoe, "secret")
    world.delete(world.alice, said)

    for path in (path_of(said), activity_path(said)):
        assert statuses(world, path, world.zoe, world.peer) == [410, 410]
        assert statuses(world, path, None, world.mallory, world.evil) == [404] * 3
        assert world.get(path, world.zoe).headers["Cache-Control"] == "private, no-store"


def test_the_messages_of_a_deleted_channel_are_gone(world: World) -> None:
    channel = world.channel("general")
    said = world.say(world.alice, channel, "hello")
    world.delete_channel(channel)

    assert statuses(world, path_of(said), None) == [410]
    assert statuses(world, activity_path(said), None) == [410]
    assert world.get(f"/ap/users/{world.alice.id}/outbox?page=1").json["orderedItems"] == []


def test_a_recorded_activity_comes_byte_for_byte_with_a_proof_that_holds(world: World) -> None:
    said = world.say(world.alice, world.channel("general"), "hello")
    [method] = world.get(f"/ap/users/{world.alice.id}").json["assertionMethod"]
    key = PublicKey(method["id"], method["controller"], public_key_from_multikey(method["publicKeyMultibase"]))

    answer = world.get(activity_path(said))

    document = json.loads(answer.data)
    verify_proof(document, key, now=datetime.now(UTC))
    assert document["id"] == said.uri
    assert hashlib.sha256(answer.data).hexdigest() == world.digest_of(said)
    tampered = document | {"published": "2020-01-01T00:00:00Z"}
    with pytest.raises(Exception, match="does not hold"):
        verify_proof(tampered, key, now=datetime.now(UTC))


def test_a_follow_and_its_answer_are_for_the_two_they_are_between(world: World) -> None:
    alice = world.actor(world.alice.id).uri
    world.follow(world.zoe, alice)
    accept = world.last_activity("Accept", alice)
    known = remote_actors.known_or_fetched_actor(world.zoe.uri)
    follow = world.submit(compose.follow(world.viewer(world.alice), known))
    undo = world.submit(compose.unfollow(world.viewer(world.alice), known))
    neighbour = world.meet(RemoteActor("https://peer.example/users/yann"))

    for path in (accept["id"].removeprefix(ORIGIN), activity_path(undo)):
        assert statuses(world, path, world.zoe, world.peer) == [200, 200]
        assert statuses(world, path, None, neighbour, world.mallory, world.evil) == [404] * 4
    # What was taken back is gone, for those who knew of it.
    assert statuses(world, activity_path(follow), world.zoe, world.peer, world.mallory, None) == [410, 410, 404, 404]


def test_a_block_is_told_to_nobody(world: World) -> None:
    remote_actors.known_or_fetched_actor(world.mallory.uri)
    alice = world.actor(world.alice.id).uri
    block = world.submit(build.block(actor=alice, object=world.mallory.uri))
    ban = world.ban(world.zoe)

    for path in (activity_path(block), activity_path(ban)):
        assert statuses(world, path, None, world.mallory, world.evil, world.zoe, world.peer) == [404] * 5


def test_what_others_did_is_asked_of_their_own_servers(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    note = world.zoe.note(to=[PUBLIC], cc=[world.actor(channel).uri])
    world.receive(world.zoe, world.zoe.activity("Create", note, to=[PUBLIC], cc=[world.actor(channel).uri]))
    with reading() as session:
        by_uri = select(Activity.id).where(Activity.uri == f"{world.zoe.uri}/activities/create-1")
        stored = session.scalars(by_uri).one()

    [message] = world.get(f"/ap/channels/{channel}/messages?page=true").json["orderedItems"]

    assert message == f"{world.zoe.uri}/notes/1"
    assert statuses(world, f"/ap/activities/{stored}", None, world.zoe, world.peer) == [404] * 3


def test_what_is_not_there_is_not_found(world: World) -> None:
    for name in ("msg_" + "0" * 26, "nothing", "msg_%00", "%F0%9F%98%80", "msg_" + "A" * 26, "x" * 9000):
        for path in (f"/ap/messages/{name}", f"/ap/activities/{name}"):
            answer = world.get(path)
            assert (path, answer.status_code, answer.json) == (path, *refusal(404, "Not found"))


def test_a_message_costs_few_queries(world: World) -> None:
    said = world.say(world.alice, world.channel("general"), "hello")
    direct = world.tell(world.alice, world.zoe, "hello")
    # What has been read once: keys, and what opens the texts of a place.
    assert [world.get(path_of(said)).status_code, *statuses(world, path_of(direct), world.zoe)] == [200, 200]

    with world.counted_queries() as public:
        assert world.get(path_of(said)).status_code == 200
    with world.counted_queries() as recorded:
        assert world.get(activity_path(said)).status_code == 200
    with world.counted_queries() as private:
        assert world.get(path_of(direct), world.zoe).status_code == 200

    assert (len(public), len(recorded)) == (2, 2)
    # Who asks, and whether they are of the conversation, cost one each.
    assert len(private) <= 5, private


def test_an_unknown_viewer_is_nobody(world: World) -> None:
    """Whose actor was deleted here between two requests asks like one who never was."""
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    said = world.say(world.alice, channel, "secret")
    assert statuses(world, path_of(said), world.zoe) == [200]

    world.receive(world.zoe, world.zoe.activity("Delete", world.zoe.uri))

    with reading() as session:
        assert find_actor(session, world.zoe.uri) is None
    assert statuses(world, path_of(said), world.zoe)[0] in {401, 404}
