"""Keys of senders: fetched once, kept, fetched again when they change, and never fetched more than is decent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from activitypub.errors import FetchError, MalformedDocumentError
from activitypub.fetch import Document, Reason, UnreachableError
from activitypub.keys import generate_ed25519, public_key_to_multikey, public_key_to_pem, sign
from activitypub.signatures import HttpRequest
from app.actions import hosts, remote_actors
from app.db import reading, transaction
from app.models import Actor, ActorKey, Host
from app.queries.actors import find_any
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import CONTEXT, RemoteActor, rsa_key

NO_ANSWER = UnreachableError("peer.example: connection refused", reason=Reason.CONNECT)


def follow(world: World, actor: RemoteActor, number: int = 1, **odd: Any) -> Any:
    return world.send(actor.post(actor.activity("Follow", world.actor(world.alice.id).uri, number=number), **odd))


def passed(world: World, *, host: str = "peer.example") -> None:
    """The time that a host, or a page of it, is left alone is over."""
    remote_actors._failing.clear()
    with transaction() as session:
        session.execute(update(Host).where(Host.host == host).values(key_retry_at=datetime(2020, 1, 1, tzinfo=UTC)))


def rotate(world: World, actor: RemoteActor) -> None:
    actor.key = rsa_key("a new one")
    world.meet(actor)


def pem(name: str) -> str:
    return public_key_to_pem(rsa_key(name).public_key())


def test_an_unknown_sender_s_key_is_fetched_once_in_the_instance_s_name(world: World) -> None:
    assert [follow(world, world.zoe, number).status_code for number in range(3)] == [202] * 3

    assert world.wire.asked == [world.zoe.uri]
    [headers] = world.wire.headers
    signature = {name.lower(): value for name, value in headers.items()}["signature"]
    assert 'keyId="https://chat.example/ap/instance#main-key"' in signature
    known = world.stored_actor(world.zoe.uri)
    assert known is not None
    assert (known.host, known.preferred_username) == ("peer.example", "zoe")


def test_many_requests_at_once_under_an_unknown_key_cost_one_fetch(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(remote_actors.key_for, [world.zoe.key_id] * 8))

    assert {key.owner for key in keys} == {world.zoe.uri}
    assert world.wire.asked == [world.zoe.uri]


def test_a_key_at_a_place_of_its_own_is_found_by_way_of_its_owner(world: World) -> None:
    """GoToSocial's keys have a URL without a fragment, where a stub names the owner."""
    key_id = f"{world.zoe.uri}/main-key"
    key = {"id": key_id, "owner": world.zoe.uri, "publicKeyPem": pem("peer.example")}
    world.wire.serve(key_id, {"id": world.zoe.uri, "preferredUsername": "zoe", "publicKey": key})
    world.wire.serve(world.zoe.uri, world.zoe.document | {"publicKey": key})

    assert follow(world, world.zoe, key_id=key_id).status_code == 202


def test_a_key_that_is_named_by_its_owner_is_the_owner_s(world: World) -> None:
    """PeerTube signs as its actors, and lists their keys under names of their own."""
    in_a_list = {"publicKey": [world.zoe.document["publicKey"]]}
    world.wire.serve(world.zoe.uri, world.zoe.document | in_a_list)

    assert [follow(world, world.zoe, number, key_id=world.zoe.uri).status_code for number in (1, 2)] == [202, 202]
    remote_actors._keys.clear()
    assert follow(world, world.zoe, 3, key_id=world.zoe.uri).status_code == 202
    rotate(world, world.zoe)
    assert follow(world, world.zoe, 4, key_id=world.zoe.uri).status_code == 202
    assert follow(world, world.zoe, 5, key_id=world.zoe.uri, signer=world.mallory.sign).status_code == 401

    assert world.wire.asked == [world.zoe.uri] * 2


@pytest.mark.parametrize("keys", ["none", "two", "another actor's"])
def test_a_key_that_is_named_by_an_owner_without_one_key_is_nobodys(world: World, keys: str) -> None:
    own = world.zoe.document["publicKey"]
    listed: list[dict[str, Any]] = {
        "none": [],
        "two": [own, own | {"id": f"{world.zoe.uri}#second", "publicKeyPem": pem("a second")}],
        "another actor's": [own | {"owner": "https://peer.example/users/yann"}],
    }[keys]
    world.wire.serve(world.zoe.uri, world.zoe.document | {"publicKey": listed})

    with world.server.stores_nothing():
        assert follow(world, world.zoe, key_id=world.zoe.uri).status_code == 401


def test_a_key_and_its_owner_are_waited_for_no_longer_than_for_one_document(world: World) -> None:
    key_id = f"{world.zoe.uri}/main-key"
    stub = {"id": key_id, "owner": world.zoe.uri, "publicKeyPem": pem("peer.example")}
    world.wire.serve(key_id, {"@context": CONTEXT, "id": key_id, "publicKey": stub})

    follow(world, world.zoe, key_id=key_id)

    assert world.wire.deadlines[key_id] is world.wire.deadlines[world.zoe.uri]


def test_an_ed25519_key_will_do(world: World) -> None:
    key = generate_ed25519()
    key_id = f"{world.zoe.uri}#ed25519"
    method = {
        "id": key_id,
        "type": "Multikey",
        "controller": world.zoe.uri,
        "publicKeyMultibase": public_key_to_multikey(key.public_key()),
    }
    world.wire.serve(world.zoe.uri, world.zoe.document | {"assertionMethod": [method]})
    by_key: dict[str, Any] = {"key_id": key_id, "signer": lambda message: sign(key, message)}

    assert follow(world, world.zoe, parameters='algorithm="hs2019"', **by_key).status_code == 202
    # Its algorithm follows from the key, whatever the header calls it.
    assert follow(world, world.zoe, 2, parameters='algorithm="rsa-sha256"', **by_key).status_code == 401


# Homes that do not answer.


def test_a_dead_host_is_asked_once_however_many_requests_name_it(world: World) -> None:
    world.wire.serve(world.zoe.uri, NO_ANSWER)
    neighbour = RemoteActor("https://peer.example/users/yann")
    before = world.server.stored()

    answers = [follow(world, actor, number) for number in range(5) for actor in (world.zoe, neighbour)]

    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "60")}
    assert world.wire.asked == [world.zoe.uri]
    after = world.server.stored()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"hosts": 1}
    with reading() as session:
        left_alone_until = session.scalars(select(Host.key_retry_at).where(Host.host == "peer.example")).one()
    assert left_alone_until is not None
    assert 200 < (left_alone_until - datetime.now(UTC)).total_seconds() <= 300


def test_hosts_that_are_only_named_get_no_row_beyond_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are left alone all the same."""
    monkeypatch.setattr(hosts, "_MAX_HOSTS", 1)
    nobody = [RemoteActor(f"https://h{number}.example/users/x") for number in range(3)]
    for actor in nobody:
        world.wire.serve(actor.uri, NO_ANSWER)

    answers = [follow(world, actor, number) for number in range(2) for actor in nobody]

    assert {answer.status_code for answer in answers} == {503}
    assert world.wire.asked == [actor.uri for actor in nobody]
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Host)) == 1


@pytest.mark.parametrize("failure", [500, 503, 429, UnreachableError("slow", reason=Reason.TIMEOUT)])
def test_a_host_that_fails_for_a_moment_is_asked_again(world: World, failure: int | FetchError) -> None:
    world.wire.serve(world.zoe.uri, failure, world.zoe.document)

    first = follow(world, world.zoe)
    at_once = follow(world, world.zoe)
    passed(world)
    later = follow(world, world.zoe)

    assert [answer.status_code for answer in (first, at_once, later)] == [503, 503, 202]
    assert world.wire.asked == [world.zoe.uri] * 2


def test_a_page_that_fails_keeps_nobody_else_of_its_host_unheard(world: World) -> None:
    """Or whoever knows such a page, and names it again and again, would keep all of its host who are new so."""
    world.wire.serve("https://peer.example/broken", 500)
    stranger = RemoteActor("https://peer.example/users/yann")

    with world.server.stores_nothing():
        named = [follow(world, stranger, n, key_id=f"https://peer.example/broken#{n}").status_code for n in (1, 2)]

    assert (named, world.wire.asked) == ([503] * 2, ["https://peer.example/broken"])
    assert follow(world, world.zoe).status_code == 202


@pytest.mark.parametrize("answer", [404, 410, 403, {"id": "https://peer.example/users/zoe", "type": "Person"}])
def test_a_key_that_is_not_there_is_refused_and_not_asked_for_by_every_request(world: World, answer: Any) -> None:
    world.wire.serve(world.zoe.uri, answer)

    with world.server.stores_nothing():
        assert {follow(world, world.zoe, number).status_code for number in range(4)} == {401}

    assert world.wire.asked == [world.zoe.uri]


# Keys that change.


def test_a_changed_key_is_fetched_once_and_then_believed(world: World) -> None:
    assert follow(world, world.zoe).status_code == 202
    world.age_key_of(world.zoe)
    rotate(world, world.zoe)

    assert [follow(world, world.zoe, number).status_code for number in (2, 3)] == [202, 202]

    assert world.wire.asked == [world.zoe.uri] * 2
    old = follow(world, world.zoe, 4, signer=RemoteActor(world.zoe.uri).sign)
    assert old.status_code == 401


def test_a_key_that_changes_soon_after_it_was_met_is_believed(world: World) -> None:
    """Somebody's first message may be followed by a new key at once; by a third one in the same minutes it is not."""
    assert follow(world, world.zoe).status_code == 202
    rotate(world, world.zoe)

    assert [follow(world, world.zoe, number).status_code for number in (2, 3)] == [202, 202]

    assert world.wire.asked == [world.zoe.uri] * 2
    world.zoe.key = rsa_key("a newer one")
    world.meet(world.zoe)
    assert follow(world, world.zoe, 4).status_code == 401
    assert world.wire.asked == [world.zoe.uri] * 2


def test_a_key_that_another_process_fetched_is_believed_without_a_fetch(world: World) -> None:
    assert follow(world, world.zoe).status_code == 202
    rotate(world, world.zoe)
    encoded = public_key_to_multikey(world.zoe.key.public_key())
    with transaction() as session:
        session.execute(update(ActorKey).where(ActorKey.id == world.zoe.key_id).values(public=encoded))

    assert follow(world, world.zoe, 2).status_code == 202
    assert world.wire.asked == [world.zoe.uri]


def test_a_forged_signature_costs_its_supposed_owner_one_fetch_at_most(world: World) -> None:
    assert follow(world, world.zoe).status_code == 202

    forged = [follow(world, world.zoe, number, signer=world.mallory.sign).status_code for number in range(3)]

    assert (forged, world.wire.asked) == ([401] * 3, [world.zoe.uri] * 2)


def test_a_forged_signature_by_which_somebody_is_met_costs_them_no_second_fetch(world: World) -> None:
    before = world.server.stored()

    assert follow(world, world.zoe, signer=world.mallory.sign).status_code == 401

    assert world.wire.asked == [world.zoe.uri]
    after = world.server.stored()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "actor_keys": 1,
        "actors": 1,
    }


def test_a_signature_that_is_wrong_in_something_else_than_the_key_costs_no_fetch(world: World) -> None:
    assert follow(world, world.zoe).status_code == 202
    world.age_key_of(world.zoe)
    sent = world.zoe.post(world.zoe.activity("Follow", world.actor(world.alice.id).uri, number=2))

    other_body = world.send(HttpRequest(sent.method, sent.target, sent.headers, b"{}"))
    long_ago = follow(world, world.zoe, 3, headers={"date": "Wed, 01 Jan 2025 00:00:00 GMT"})
    too_little = follow(world, world.zoe, 4, covered="host date digest")

    assert [answer.status_code for answer in (other_body, long_ago, too_little)] == [401] * 3
    assert world.wire.asked == [world.zoe.uri]


def test_a_changed_key_whose_home_does_not_answer_makes_its_sender_wait(world: World) -> None:
    assert follow(world, world.zoe).status_code == 202
    world.age_key_of(world.zoe)
    rotate(world, world.zoe)
    world.wire.serve(world.zoe.uri, NO_ANSWER, world.zoe.document)

    answers = [follow(world, world.zoe, number) for number in range(2, 6)]
    passed(world)
    later = follow(world, world.zoe, 6)

    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "60")}
    assert later.status_code == 202
    assert world.wire.asked == [world.zoe.uri] * 3


def test_a_key_that_is_gone_from_its_home_does_not_come_back(world: World) -> None:
    assert follow(world, world.zoe).status_code == 202
    world.age_key_of(world.zoe)
    world.wire.serve(world.zoe.uri, 410)

    forged = {follow(world, world.zoe, number, signer=world.mallory.sign).status_code for number in range(3)}

    assert (forged, world.wire.asked) == ({401}, [world.zoe.uri] * 2)


# Keys that claim too much.


def test_a_key_listed_in_both_forms_is_one_key(world: World) -> None:
    method = {
        "id": world.zoe.key_id,
        "type": "Multikey",
        "controller": world.zoe.uri,
        "publicKeyMultibase": public_key_to_multikey(world.zoe.key.public_key()),
    }
    world.wire.serve(world.zoe.uri, world.zoe.document | {"assertionMethod": [method]})

    assert follow(world, world.zoe).status_code == 202


def test_processes_that_meet_an_actor_at_once_both_know_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document(json.loads(json.dumps(world.zoe.document)), world.zoe.uri, world.zoe.uri)
    first = remote_actors.save_actor(document)
    blind = iter([True])

    def find(session: Any, uri: str) -> Actor | None:
        """The first look comes before the other process's commit."""
        return None if next(blind, False) else find_any(session, uri)

    monkeypatch.setattr(remote_actors, "find_any", find)

    assert remote_actors.save_actor(document).id == first.id


@pytest.mark.parametrize("leads_by", ["what it says", "a redirect"])
def test_a_key_that_leads_to_one_of_ours_has_us_ask_nothing_of_ourselves(world: World, leads_by: str) -> None:
    ours, key_url = world.actor(world.alice.id).uri, "https://evil.example/key"
    world.wire.serve(key_url, {"id": ours, "type": "Person"})
    if leads_by == "a redirect":
        world.wire.moved[key_url] = ours

    with world.server.stores_nothing():
        assert follow(world, world.mallory, key_id=key_url).status_code == 401

    assert world.wire.asked == [key_url]


def test_an_actor_that_cannot_be_is_nobody(world: World) -> None:
    nonsense = {"id": f"{world.zoe.uri}#main-key", "publicKeyPem": "nonsense"}
    oddities: list[dict[str, Any]] = [
        {"inbox": "https://evil.example/inbox"},
        {"inbox": "http://peer.example/inbox"},
        {"inbox": None},
        {"preferredUsername": ""},
        {"type": "Note"},
        {"publicKey": {}},
        {"publicKey": nonsense},
        {"@id": world.mallory.uri},
        {"as:inbox": f"{world.mallory.uri}/inbox", "as:followers": f"{world.mallory.uri}/followers"},
    ]
    for number, odd in enumerate(oddities):
        actor = RemoteActor(f"https://peer.example/users/odd{number}")
        world.wire.serve(actor.uri, actor.document | odd)

        assert follow(world, actor).status_code == 401
        assert not remote_actors.is_known_key(actor.key_id)

    assert world.server.stored()["inbox_items"] == 0


@pytest.mark.parametrize("part", ["the actor", "its key", "a context"])
def test_an_actor_that_is_somebody_else_to_another_reader_is_nobody(world: World, part: str) -> None:
    """We read plain keys; another server may expand them (hostile case ORI-11)."""
    odd = RemoteActor("https://evil.example/users/odd")
    document = odd.document
    if part == "the actor":
        document |= {"@id": world.zoe.uri, "as:attributedTo": world.zoe.uri}
    elif part == "its key":
        document["publicKey"]["@id"] = world.zoe.key_id
    else:
        document["@context"] = [CONTEXT, {"id": "as:object"}]
    world.wire.serve(odd.uri, document)

    with world.server.stores_nothing():
        assert follow(world, odd).status_code == 401

    assert not remote_actors.is_known_key(odd.key_id)


def test_an_actor_with_a_name_longer_than_an_index_takes_is_no_trouble_of_ours(world: World) -> None:
    """PostgreSQL indexes some 2,700 bytes, and 2,000 letters of some scripts are 6,000."""
    letters = "".join(chr(0x4E00 + number) for number in range(1900))
    long = RemoteActor(f"https://peer.example/users/{letters}")
    world.wire.serve(world.zoe.uri, world.zoe.document)
    assert follow(world, world.zoe).status_code == 202

    with world.server.stores_nothing():
        strange = world.send(
            world.zoe.post(world.zoe.activity("Follow", world.home) | {"id": f"{world.zoe.uri}/{letters}"})
        )
        with pytest.raises(MalformedDocumentError):
            remote_actors.save_actor(Document(long.document, long.uri, long.uri))

    assert strange.status_code in {202, 400}
