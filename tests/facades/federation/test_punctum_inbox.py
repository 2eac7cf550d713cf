"""What instances say over Punctum: who is believed, about what, and what is refused without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.facades.punctum.taking import MAX_FETCHES
from app.settings import configure, current
from tests.databases import ON_SQLITE
from tests.facades.federation.conftest import World
from tests.facades.federation.punctum import (
    INBOX,
    JOIN,
    Pond,
    a_channel,
    a_conference,
    a_message,
    a_ping,
    a_stash,
    an_account,
    is_error,
    pond,
)
from tests.facades.federation.remote import RemoteActor

__all__ = ["pond"]


@pytest.fixture
def evil_is_blocked() -> Iterator[None]:
    settings = current()
    configure(replace(settings, blocked_domains=frozenset({"example"})))
    yield
    configure(settings)


# Who speaks.


def test_inbox_is_open_to_look_at(pond: Pond) -> None:
    shown = pond.world.server.call("GET", INBOX).json

    assert (shown["id"], shown["object_type"], shown["protocol_version"]) == ("0", "instance", 1)


def test_request_without_a_body_is_told_so_first(pond: Pond) -> None:
    is_error(pond.world.server.call("POST", INBOX), 400, 2)


@pytest.mark.parametrize("path", [INBOX, "/api/v1/federation/subscribe/x", f"{JOIN}/x"])
@ON_SQLITE
def test_unsigned_request_is_refused(pond: Pond, path: str) -> None:
    with pond.stores_nothing():
        answer = pond.world.server.call("POST", path, json=an_account())

    is_error(answer, 401, 3)


def test_account_does_not_speak_for_its_instance(pond: Pond) -> None:
    pond.world.known(pond.world.zoe)

    with pond.stores_nothing():
        answer = pond.tell(pond.world.zoe, an_account())

    is_error(answer, 401, 3)


def test_signature_over_another_body_is_refused(pond: Pond) -> None:
    request = replace(pond.peer.post(an_account(), INBOX), body=b'{"type":"object","object_type":"account"}')

    with pond.stores_nothing():
        answer = pond.world.send(request)

    is_error(answer, 401, 3)


def test_request_that_comes_twice_counts_once(pond: Pond) -> None:
    pond.join(pond.peer)
    zoe, message = pond.local_id(pond.peer, "zoe"), pond.say("react to this")
    request = pond.peer.post(a_ping("REACT", message, zoe, reaction="thumbs_up"), INBOX)
    assert pond.world.send(request).status_code == 200

    is_error(pond.world.send(request), 401, 3)
    assert pond.ask("GET", f"/messages/{message}").json["reactions"] == ["thumbs_up"]


def test_blocked_instance_is_refused_and_its_key_not_asked_for(pond: Pond, evil_is_blocked: None) -> None:
    pond.wire.asked.clear()
    stranger = pond.world.meet(RemoteActor("https://new.evil.example/actor", "Application"))

    with pond.stores_nothing():
        for instance in (pond.evil, stranger):
            is_error(pond.tell(instance, an_account()), 403, 3)

    assert pond.wire.asked == []


# Objects.


def test_account_gets_an_id_of_ours_and_keeps_it(pond: Pond) -> None:
    first = pond.told(pond.peer, an_account(display_name="Zoe", known_ids={"a": "b"}, friends=["x"]))
    second = pond.told(pond.peer, an_account(display_name="Zoe Z."))

    assert first["id"] == second["id"] != "zoe"
    assert (first["remote_domain"], first["remote_id"]) == (pond.peer.host, "zoe")
    assert second["display_name"] == "Zoe Z."
    assert not {"known_ids", "friends", "blocklist", "joined_conferences"} & first.keys()


def test_two_instances_may_use_one_id(pond: Pond) -> None:
    pond.told(pond.peer, an_account(display_name="Zoe"))
    pond.told(pond.evil, an_account(display_name="Not Zoe"))

    assert pond.ask("GET", f"/accounts/{pond.local_id(pond.peer, 'zoe')}").json["display_name"] == "Zoe"


def test_what_is_said_of_a_third_instance_is_asked_for_there(pond: Pond) -> None:
    pond.wire.serve("https://peer.example/api/v1/id/zoe", an_account(display_name="Zoe"))
    forged = an_account("their-zoe", display_name="Forged", remote_domain="peer.example", remote_id="zoe")

    shown = pond.told(pond.evil, forged)

    assert shown["display_name"] == "Zoe"
    assert (shown["remote_domain"], shown["remote_id"]) == ("peer.example", "zoe")


def test_what_its_home_does_not_know_is_not_taken(pond: Pond) -> None:
    forged = an_account("their-zoe", remote_domain="peer.example", remote_id="zoe")

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, forged), 404, 9)


def test_object_of_ours_is_never_overwritten(pond: Pond) -> None:
    said = an_account("our-bob", username="mallory", remote_domain="chat.example", remote_id=pond.bob.id)

    pond.told(pond.evil, said)

    assert pond.ask("GET", f"/accounts/{pond.bob.id}").json["username"] == "bob"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"type": "object", "id": "x"}, 400, 7),
        ({"type": "object", "object_type": "account", "username": "zoe"}, 400, 7),
        ({"type": "object", "object_type": "pond", "id": "x"}, 400, 5),
        ({"type": "object", "object_type": "report", "id": "x"}, 400, 5),
        ({"type": "object", "object_type": "account", "id": "a/b", "username": "zoe"}, 400, 7),
        ({"type": "object", "object_type": "account", "id": "x"}, 400, 7),
        ({"type": "nothing"}, 400, 5),
        ({"type": "stash"}, 400, 7),
        ({"type": "stash", "id_list": ["x"]}, 400, 7),
        (a_stash(*(an_account(f"a{number}") for number in range(101))), 400, 11),
        (a_message("m", "no-channel", "zoe"), 404, 9),
        (a_ping("POST", "x"), 400, 5),
        ({"type": "ping", "ping_type": "client_request", "request_method": "JOIN"}, 400, 7),
        (a_ping("JOIN", "x", "y"), 404, 4),
    ],
)
@ON_SQLITE
def test_what_makes_no_sense_is_refused_whole(pond: Pond, body: dict[str, Any], status: int, code: int) -> None:
    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, body), status, code)


def test_stash_is_read_in_the_order_of_what_names_what(pond: Pond) -> None:
    stash = a_stash(a_channel("reeds", "marsh"), a_conference("marsh", "zoe"), an_account())

    shown = pond.told(pond.peer, stash)

    assert {shown[id_].get("name", shown[id_].get("username")) for id_ in shown["id_list"]} >= {"marsh"}
    assert pond.local_id(pond.peer, "marsh") in shown


@pytest.mark.parametrize(
    "forged",
    [
        a_channel("flood", "theirs"),
        {"type": "object", "object_type": "role", "id": "r", "name": "king", "parent_conference": "theirs"},
        {
            "type": "object",
            "object_type": "invite",
            "id": "i",
            "name": "in",
            "conference_id": "theirs",
            "creator": "eve",
        },
    ],
)
@pytest.mark.parametrize("whose", ["ours", "a third instance's"])
@ON_SQLITE
def test_conference_is_described_by_its_home_alone(pond: Pond, forged: dict[str, Any], whose: str) -> None:
    pond.told(pond.peer, a_stash(an_account(), a_conference("marsh", "zoe")))
    pond.told(pond.evil, an_account("eve"))
    target = pond.conference if whose == "ours" else pond.local_id(pond.peer, "marsh")
    said = {key: target if value == "theirs" else value for key, value in forged.items()}

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, said), 403, 3)


def test_nobody_of_ours_is_put_into_a_conference_elsewhere(pond: Pond) -> None:
    pond.told(pond.evil, a_stash(an_account("eve"), a_conference("trap", "eve")))
    member = {"type": "object", "object_type": "conference_member", "id": "m"}
    member |= {"user_id": pond.bob.id, "parent_conference": "trap"}

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, member), 403, 3)


def test_id_of_another_type_is_refused(pond: Pond) -> None:
    pond.told(pond.peer, a_stash(an_account(), a_conference("marsh", "zoe")))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_channel("zoe", "marsh")), 400, 5)
        is_error(pond.tell(pond.peer, a_conference("other", "marsh")), 400, 10)


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "peer.example:8443",
        "peer.example/x",
        "x@peer.example",
        "PEER.example",
        "a b",
    ],
)
@ON_SQLITE
def test_only_a_domain_is_asked(pond: Pond, domain: str) -> None:
    pond.wire.asked.clear()
    forged = an_account("their-zoe", remote_domain=domain, remote_id="zoe")

    with pond.stores_nothing():
        assert pond.tell(pond.evil, forged).status_code in (400, 404)

    # The guarded client, which this is put in the place of, refuses addresses; what is asked for is one host's.
    assert pond.wire.asked in ([], [f"https://{domain}/api/v1/id/zoe"])
    assert not any(odd in url[8:].split("/", 1)[0] for url in pond.wire.asked for odd in "/@ ?")


def test_what_one_request_makes_us_ask_for_is_bounded(pond: Pond) -> None:
    pond.wire.asked.clear()
    strangers = [
        an_account(f"a{number}", remote_domain=f"h{number}.example", remote_id=f"r{number}") for number in range(100)
    ]

    with pond.stores_nothing():
        pond.told(pond.evil, a_stash(*strangers))

    assert len(pond.wire.asked) <= MAX_FETCHES


# The same over ActivityPub.


def test_account_that_is_known_over_activitypub_is_the_same(pond: Pond, world: World) -> None:
    known = world.known(world.zoe)

    shown = pond.told(pond.peer, an_account(activitypub_id=world.zoe.uri, display_name="Other"))

    assert shown["id"] == known.id
    assert pond.ask("GET", f"/accounts/{known.id}").json["remote_id"] == "zoe"


def test_account_that_is_deleted_over_activitypub_does_not_come_back(pond: Pond, world: World) -> None:
    account = an_account(activitypub_id=world.zoe.uri, status="here")
    pond.told(pond.peer, account)
    world.receive(world.zoe, world.zoe.activity("Delete", world.zoe.uri))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, account), 404, 4)
    assert world.server.stored()["told_people"] == 0


def test_account_of_a_peer_that_speaks_activitypub_is_met_there(pond: Pond, world: World) -> None:
    shown = pond.told(pond.peer, an_account(activitypub_id=world.zoe.uri))

    assert world.known(world.zoe).id == shown["id"]


@pytest.mark.parametrize("uri", ["https://evil.example/users/mallory", "https://chat.example/ap/users/x", "nonsense"])
@ON_SQLITE
def test_activitypub_id_of_another_host_is_passed_over(pond: Pond, world: World, uri: str) -> None:
    mallory = world.known(world.mallory)

    shown = pond.told(pond.peer, an_account(activitypub_id=uri))

    assert shown["id"] not in (mallory.id, "x")
