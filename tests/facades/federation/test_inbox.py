"""Inboxes: what is accepted, what is passed over, what is refused, and what is kept of each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import select

from activitypub import judgement
from activitypub.strict_json import JsonObject, load_object
from activitypub.vocabulary import PUBLIC
from app import db
from app.actions import remote_actors
from app.actions.inbox import process
from app.db import Database, database, reading
from app.facades.federation import inbox
from app.models import InboxItem
from tests.answers import refusal
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import ACTIVITY_JSON, World
from tests.facades.federation.remote import CONTEXT, RemoteActor

ACCEPTED = "Activity accepted"


@pytest.fixture(autouse=True)
def known_senders(world: World) -> None:
    """The people of the world are known, so that nothing is stored but what they bring."""

    def meet() -> None:
        for actor in (world.zoe, world.mallory):
            world.known(actor)

    world.server.once("zoe and mallory", meet)
    world.forget()


def queue() -> list[InboxItem]:
    with reading() as session:
        return list(session.scalars(select(InboxItem).order_by(InboxItem.position)))


def answer_to(type: str, action: str) -> dict[str, Any]:
    return {
        "status_code": 202,
        "message": ACCEPTED,
        "result": {"processed": False, "activity_type": type, "action": action},
    }


# Accepted.


def test_a_follow_is_accepted_at_every_inbox_and_applied_by_a_worker(world: World) -> None:
    alice = world.actor(world.alice.id).uri
    paths = [
        "/ap/inbox",
        "/ap/instance/inbox",
        f"/ap/users/{world.alice.id}/inbox",
        world.home[len(ORIGIN) :] + "/inbox",
    ]

    for number, path in enumerate(paths):
        follow = world.zoe.activity("Follow", alice, number=number)
        answer = world.send(world.zoe.post(follow, path))
        assert (answer.status_code, answer.mimetype) == (202, "application/json")
        assert answer.json == answer_to("Follow", "queued")
        assert world.get(f"/ap/users/{world.alice.id}/followers").json["totalItems"] == (1 if number else 0)
        process(world.zoe.host)

    assert world.get(f"/ap/users/{world.alice.id}/followers?page=1").json["orderedItems"] == [world.zoe.uri]
    assert [item.state for item in queue()] == ["done"] * len(paths)
    assert world.wire.asked == []


def test_what_is_kept_is_who_signed_what_and_when(world: World) -> None:
    follow = world.zoe.activity("Follow", world.actor(world.alice.id).uri)

    world.send(world.zoe.post(follow))

    [item] = queue()
    assert (item.host, item.signer_uri, item.key_id) == ("peer.example", world.zoe.uri, world.zoe.key_id)
    assert (item.activity_uri, item.state) == (follow["id"], "queued")
    assert isinstance(item.signed_at, datetime)
    assert item.sealed is not None
    assert world.zoe.uri.encode() not in item.sealed


def test_a_clock_that_is_ahead_of_ours_wins_no_time_by_it(world: World) -> None:
    follow = world.zoe.activity("Follow", world.actor(world.alice.id).uri)
    ahead = format_datetime(datetime.now(UTC) + timedelta(minutes=60), usegmt=True)

    world.send(world.zoe.post(follow, headers={"date": ahead}))

    [item] = queue()
    assert item.signed_at == item.received_at


@pytest.mark.parametrize("type", ["Create", "Follow"])
def test_a_repeat_is_answered_and_kept_once(world: World, type: str) -> None:
    note = world.zoe.note(to=[world.actor(world.alice.id).uri])
    sent = world.zoe.post(world.zoe.activity(type, note if type == "Create" else world.actor(world.alice.id).uri))
    first, again = world.send(sent), world.send(sent)
    process(world.zoe.host)
    late = world.send(sent)

    assert first.json == answer_to(type, "queued")
    for answer in (again, late):
        assert (answer.status_code, answer.json) == (202, answer_to(type, "duplicate"))
    assert len(queue()) == 1


def test_an_activity_sent_anew_under_the_same_id_is_a_repeat(world: World) -> None:
    create = world.zoe.activity("Create", world.zoe.note(to=[world.actor(world.alice.id).uri]))
    world.send(world.zoe.post(create))

    assert world.send(world.zoe.post(create, "/ap/instance/inbox")).json == answer_to("Create", "duplicate")
    # Another server's id of the same spelling is no other id, and it may not be used there either.
    assert world.send(world.mallory.post(create)).json["result"]["action"] in {"ignored", "queued"}
    assert sum(item.host == "peer.example" for item in queue()) == 1


def test_every_media_type_that_servers_send_is_read(world: World) -> None:
    profile = 'profile="https://www.w3.org/ns/activitystreams"'
    types = [ACTIVITY_JSON, "application/ld+json", f"application/ld+json; {profile}", "Application/Activity+JSON"]

    for number, content_type in enumerate([*types, "application/json; charset=utf-8"]):
        sent = world.zoe.post(world.zoe.activity("Follow", world.actor(world.alice.id).uri, number=number))
        assert world.send(sent, **{"Content-Type": content_type}).json == answer_to("Follow", "queued")


def test_an_rfc_9421_signature_will_do(world: World) -> None:
    sent = world.zoe.post_rfc9421(world.zoe.activity("Follow", world.actor(world.alice.id).uri))

    assert world.send(sent).json == answer_to("Follow", "queued")


# Passed over.


def test_a_type_without_an_effect_is_passed_over(world: World) -> None:
    for kind in ("View", "Move", "Listen", "Travel", "https://example.org/ns#Frobnicate", "F" * 5000):
        sent = world.zoe.post(world.zoe.activity("Like", world.actor(world.alice.id).uri) | {"type": kind})
        with world.server.stores_nothing():
            answer = world.send(sent)
        assert (answer.status_code, answer.json) == (202, answer_to(kind[:100], "ignored"))


def odd_activities(world: World) -> Iterator[dict[str, Any]]:
    """What its sender may not say, or can never be."""
    alice, zoe = world.actor(world.alice.id).uri, world.zoe
    mallory = world.mallory
    yield mallory.activity("Follow", zoe.uri) | {"actor": alice}
    yield mallory.activity("Follow", alice) | {"id": f"{ORIGIN}/ap/activities/act_1"}
    yield mallory.activity("Create", mallory.note(to=[alice]) | {"id": f"{ORIGIN}/ap/messages/evil"})
    yield mallory.activity("Create", mallory.note(to=[alice]) | {"attributedTo": zoe.uri})
    yield mallory.activity("Create", mallory.note(to=[alice]) | {"attributedTo": "https://evil.example/users/other"})
    yield mallory.activity("Update", zoe.note(to=[PUBLIC]))
    yield mallory.activity("Delete", f"{zoe.uri}/notes/1")
    yield mallory.activity("Delete", zoe.uri)
    yield mallory.activity("Undo", zoe.activity("Follow", alice))
    yield mallory.activity("Follow", alice) | {"id": None}
    yield mallory.activity("Follow", alice) | {"id": "https://zoe@evil.example/1"}
    yield mallory.activity("Follow", alice) | {"as:actor": zoe.uri}
    yield mallory.activity("Follow", alice) | {"type": ["Follow", "Block"]}
    yield mallory.activity("Follow", None)


def test_what_cannot_be_true_is_passed_over(world: World) -> None:
    for activity in odd_activities(world):
        with world.server.stores_nothing():
            answer = world.send(world.mallory.post(activity))
        assert (answer.status_code, answer.json["result"]["action"]) == (202, "ignored"), activity
    assert world.wire.asked == []


def test_the_deletion_of_somebody_we_never_knew_costs_nothing(world: World) -> None:
    gone = RemoteActor("https://peer.example/users/gone")

    spellings: list[dict[str, Any]] = [
        {"object": gone.uri},
        {"object": {"id": gone.uri, "type": "Tombstone"}},
        {"object": [gone.uri]},
        {"actor": {"id": gone.uri, "type": "Person"}},
        {"actor": [gone.uri]},
        {"type": ["Delete"]},
    ]
    for spelling in spellings:
        sent = gone.post(gone.activity("Delete", gone.uri, to=[PUBLIC]) | spelling)
        with world.server.stores_nothing():
            answer = world.send(sent)
            forged = world.send(sent, Signature=f'keyId="{gone.key_id}",headers="date",signature="AAAA"')
        assert (answer.status_code, answer.json) == (202, answer_to("Delete", "ignored"))
        assert forged.status_code == 202
    assert world.wire.asked == []


def test_the_deletion_of_somebody_we_never_knew_is_not_looked_up_for_who_passes_it_on(world: World) -> None:
    gone = "https://lake.example/users/gone"
    passed_on = world.mallory.activity("Delete", gone) | {"actor": gone, "id": f"{gone}#delete"}

    with world.server.stores_nothing():
        answer = world.send(world.mallory.post(passed_on))

    assert (answer.status_code, answer.json) == (202, answer_to("Delete", "ignored"))
    assert world.wire.asked == []


def test_a_deletion_said_twice_is_passed_over_the_second_time(world: World) -> None:
    world.receive(world.zoe, world.zoe.activity("Delete", world.zoe.uri))
    remote_actors._keys.clear()  # As a minute later.

    answer = world.send(world.zoe.post(world.zoe.activity("Delete", world.zoe.uri, number=2)))

    assert (answer.status_code, answer.json) == (202, answer_to("Delete", "ignored"))
    # Who was deleted says nothing else any more.
    assert world.send(world.zoe.post(world.zoe.activity("Follow", world.home))).status_code == 401
    assert world.wire.asked == []


def test_the_deletion_of_somebody_we_know_must_be_proved(world: World) -> None:
    """Under a key that we do not have, it would otherwise pass for one of nobody."""
    sent = world.zoe.post(world.zoe.activity("Delete", world.zoe.uri), key_id=f"{world.zoe.uri}#other-key")

    assert world.send(sent).status_code == 401
    assert world.wire.asked == [world.zoe.uri]
    assert world.known(world.zoe).deleted_at is None


def test_a_deletion_of_something_else_is_not_one_of_its_actor(world: World) -> None:
    stranger = world.meet(RemoteActor("https://peer.example/users/stranger"))

    answer = world.send(stranger.post(stranger.activity("Delete", f"{stranger.uri}/notes/1")))

    assert answer.json == answer_to("Delete", "queued")
    assert world.wire.asked == [stranger.uri]


# Refused.


def test_an_unsigned_request_is_refused_before_its_body_is_looked_at(world: World) -> None:
    for path in ("/ap/inbox", f"/ap/users/{world.alice.id}/inbox", "/ap/users/user_" + "0" * 26 + "/inbox"):
        for body in (b"{", b"\xff", b"[" * 100_000, b'{"type": "Follow"}'):
            with world.server.stores_nothing():
                answer = world.server.call("POST", path, data=body, headers={"Content-Type": ACTIVITY_JSON})
            assert (answer.status_code, answer.json) == refusal(401, answer.json["detail"])


def test_the_body_of_who_has_no_key_is_read_only_if_it_may_be_a_deletion(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody, read = RemoteActor("https://nobody.example/users/x"), list[bytes]()

    def load(body: bytes) -> JsonObject:
        read.append(body)
        return load_object(body)

    monkeypatch.setattr(inbox, "load_object", load)
    monkeypatch.setattr(judgement, "load_object", load)
    deletion = b'{"type":"Delete"}'
    for body in (b'{"type":"Create"}', b'{"type":"Delete","x":[' + b"1," * 40_000 + b"1]}", deletion):
        with world.server.stores_nothing():
            assert world.send(nobody.post(body)).status_code == 401

    assert read == [deletion]


def test_another_media_type_is_refused(world: World) -> None:
    sent = world.zoe.post(world.zoe.activity("Follow", world.actor(world.alice.id).uri))

    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "*/*",
    ):
        with world.server.stores_nothing():
            assert world.send(sent, **{"Content-Type": content_type}).status_code == 415


def test_a_compressed_body_is_refused(world: World) -> None:
    body = gzip.compress(json.dumps(world.zoe.activity("Follow", world.actor(world.alice.id).uri)).encode())

    with world.server.stores_nothing():
        assert world.send(world.zoe.post(body), **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_of_a_mebibyte_is_read_and_a_longer_one_is_not(world: World) -> None:
    follow = json.dumps(world.zoe.activity("Follow", world.actor(world.alice.id).uri)).encode()

    with world.server.stores_nothing():
        assert world.send(world.zoe.post(follow + b" " * (2**20 + 1 - len(follow)))).status_code == 413
    assert world.send(world.zoe.post(follow + b" " * (2**20 - len(follow)))).status_code == 202


def unreadable_bodies(world: World) -> dict[str, bytes]:
    good = json.dumps(world.mallory.activity("Follow", world.actor(world.alice.id).uri))
    extended = good[:-1]
    return {
        "nothing": b"",
        "not JSON": b"{",
        "text": b'"Follow"',
        "a list": f"[{good}]".encode(),
        "nested arrays": b"[" * 100_000 + b"]" * 100_000,
        "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "nested too deep": f'{extended}, "x": {"[" * 70}{"]" * 70}}}'.encode(),
        "a key twice": f'{extended}, "actor": "{world.zoe.uri}"}}'.encode(),
        "a key twice, inside": f'{extended}, "x": {{"a": 1, "a": 2}}}}'.encode(),
        "no number": f'{extended}, "x": NaN}}'.encode(),
        "half a surrogate pair": f'{extended}, "x": "\\ud800"}}'.encode(),
        "a NUL": f'{extended}, "x": "a\\u0000"}}'.encode(),
        "Latin-1": f'{extended}, "x": "é"}}'.encode("latin-1"),
        "UTF-16": good.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + good.encode(),
    }


def malformed_activities(world: World) -> dict[str, bytes]:
    good = world.mallory.activity("Follow", world.actor(world.alice.id).uri)
    return {
        "no type": json.dumps(good | {"type": None}).encode(),
        "no actor": json.dumps(good | {"actor": None}).encode(),
        "an actor that is a number": json.dumps(good | {"actor": 5}).encode(),
        "an object that is a number": json.dumps(good | {"object": 5}).encode(),
        "only a context": json.dumps({"@context": CONTEXT}).encode(),
    }


def test_a_malformed_body_is_refused_though_its_signature_holds(world: World) -> None:
    for code, bodies in ((2, unreadable_bodies(world)), (7, malformed_activities(world))):
        for what, body in bodies.items():
            with world.server.stores_nothing():
                answer = world.send(world.mallory.post(body))
            refused = refusal(400, "The document is malformed.", code=code)
            assert (what, answer.status_code, answer.json) == (what, *refused)


def test_an_inbox_of_nobody_is_not_there(world: World) -> None:
    private, gone = world.channel("staff", is_private=True), world.channel("gone")
    world.delete_channel(gone)
    follow = world.mallory.activity("Follow", world.actor(world.alice.id).uri)
    paths = ["users/user_" + "0" * 26, "users/0", "users/%00", f"channels/{world.alice.id}", f"channels/{gone}"]
    paths += [f"channels/{private}", f"users/{world.known(world.zoe).id}"]

    for path in paths:
        with world.server.stores_nothing():
            answer = world.send(world.mallory.post(follow, f"/ap/{path}/inbox"))
        assert (path, answer.status_code, answer.json) == (path, *refusal(404, "Local actor not found"))


def test_a_private_channel_has_an_inbox_for_its_members(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    note = world.zoe.note(to=[world.actor(channel).uri])

    answer = world.send(world.zoe.post(world.zoe.activity("Create", note), f"/ap/channels/{channel}/inbox"))

    assert answer.json == answer_to("Create", "queued")


def test_an_inbox_cannot_be_read(world: World) -> None:
    for path in ("/ap/inbox", "/ap/instance/inbox", f"/ap/users/{world.alice.id}/inbox"):
        assert world.get(path).status_code == 405


def test_a_reply_tells_nothing_of_whether_its_private_parent_is_there(world: World) -> None:
    private = world.say(world.alice, world.channel("staff", is_private=True), "secret")
    parents = [f"{ORIGIN}/ap/messages/{private.found['message_id']}", f"{ORIGIN}/ap/messages/msg_{'0' * 26}"]
    seen = []

    for number, parent in enumerate(parents):
        alice = world.actor(world.alice.id).uri
        note = world.mallory.note(number=number, inReplyTo=parent, to=[alice], tag=[{"type": "Mention", "href": alice}])
        before = world.server.stored()
        answer = world.send(world.mallory.post(world.mallory.activity("Create", note, number=number)))
        process(world.mallory.host)
        after = world.server.stored()
        seen.append((answer.json, {name: after[name] - before[name] for name in after if name != "data_keys"}))

    first, second = seen
    assert first[0] == second[0]
    assert first[1]["messages"] == second[1]["messages"] == 1


def test_nothing_is_promised_while_the_database_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = world.zoe.activity("Follow", world.actor(world.alice.id).uri)
    url = db.database().url
    away = url.set(database="/nowhere/at/all.db") if db.database().is_sqlite else url.set(host="127.0.0.1", port=1)

    with monkeypatch.context() as patch:
        patch.setattr(db, "_database", Database(away.render_as_string(hide_password=False)))
        for path in ("/ap/inbox", f"/ap/users/{world.alice.id}/inbox"):
            answer = world.send(world.zoe.post(follow, path))
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert world.get(f"/ap/users/{world.alice.id}").status_code == 503

    assert queue() == []
    assert world.send(world.zoe.post(follow)).json == answer_to("Follow", "queued")


def test_accepting_costs_few_queries(world: World) -> None:
    """The lookup of the key is kept for a minute, and so is the look at how the host fares, for seconds."""
    alice = world.actor(world.alice.id).uri
    for number in (-1, 0):
        world.send(world.zoe.post(world.zoe.activity("Follow", alice, number=number)))

    with world.counted_queries() as shared:
        assert world.send(world.zoe.post(world.zoe.activity("Follow", alice, number=1))).status_code == 202
    with world.counted_queries() as own:
        path = f"/ap/users/{world.alice.id}/inbox"
        assert world.send(world.zoe.post(world.zoe.activity("Follow", alice, number=2), path)).status_code == 202

    assert (len(shared), len(own)) == (1, 2)


def test_applying_a_message_costs_few_queries(world: World) -> None:
    """One that is told on to a follower; what was seen, who hears of it and how their servers fare is asked for once.
    On PostgreSQL all that is stored goes in one statement, SQLite needs no round trips."""
    channel = world.channel("lobby")
    uri = world.actor(channel).uri
    world.follow(world.mallory, uri)
    counts = []
    for number in (1, 2, 3, 8):  # What is made at the first time is not what each costs.
        for one in range(number):
            note = world.zoe.note(number=10 * number + one, to=[uri], cc=[PUBLIC])
            create = world.zoe.activity("Create", note, number=10 * number + one, to=[uri], cc=[PUBLIC])
            assert world.send(world.zoe.post(create)).status_code == 202
        with world.counted_queries() as queries:
            process(world.zoe.host)
        counts.append(len(queries))

    assert counts[-1] - counts[-2] == 5 * (20 if database().is_sqlite else 8)
