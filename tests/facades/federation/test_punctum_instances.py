"""What instances say of themselves: theirs is kept from their own mouth alone, and ours is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.actions.peers.sending import tell
from app.settings import configure, current
from tests.facades.federation.punctum import (
    Object,
    Pond,
    a_channel,
    a_conference,
    a_ping,
    a_stash,
    an_account,
    an_instance,
    is_error,
    pond,
)

__all__ = ["pond"]

PEER, EVIL = "peer.example", "evil.example"
PEERS_OWN = f"https://{PEER}/api/v1/id/0"


def the_peer(**values: Any) -> Object:
    """As a third instance speaks of it."""
    return an_instance(PEER, id="their-peer", remote_domain=PEER, remote_id="0") | values


def ids(pond: Pond, *domains: str) -> list[str | None]:
    by_domain = {PEER: pond.peer, EVIL: pond.evil}
    return [pond.local_id(by_domain[domain], "0") for domain in domains]


def own(pond: Pond) -> Object:
    shown: Object = pond.ask("GET", "/instance").json
    return shown


# Theirs.


def test_it_gets_an_id_of_ours_and_keeps_it(pond: Pond) -> None:
    first = pond.told(pond.peer, an_instance(PEER, description="Reeds and ducks.", known_ids={"a": "b"}))
    second = pond.told(pond.peer, an_instance(PEER, name="The New Marsh", server_software="reed 2"))

    assert first["id"] == second["id"] != "0"
    assert first == an_instance(PEER, id=first["id"], description="Reeds and ducks.", remote_domain=PEER, remote_id="0")
    assert (second["name"], second["server_software"]) == ("The New Marsh", "reed 2")
    assert "description" not in second
    assert pond.rows()["told_instances"] == 1


def test_everybody_reads_it_and_none_for_ours(pond: Pond) -> None:
    before = own(pond)
    id_ = pond.told(pond.peer, an_instance(PEER))["id"]

    shown = pond.ask("GET", f"/id/{id_}").json

    assert shown == an_instance(PEER, id=id_, remote_domain=PEER, remote_id="0")
    assert pond.world.server.call("GET", f"/api/v1/id/{id_}").json == shown
    both = pond.world.server.call("POST", "/api/v1/stash/request", json={"id_list": [id_, "0"]}).json
    assert (both[id_], both["0"]) == (shown, before)
    assert pond.world.send(pond.evil.get(f"/api/v1/id/{id_}")).json == shown


def test_in_a_stash_it_is_taken_with_the_rest(pond: Pond) -> None:
    shown = pond.told(pond.peer, a_stash(an_account(), an_instance(PEER)))

    kinds = [shown[id_]["object_type"] for id_ in shown["id_list"]]
    assert kinds == ["instance", "account"]
    assert ids(pond, PEER) == [shown["id_list"][0]]


def test_one_that_says_something_wrong_of_itself_keeps_out_nothing_else(pond: Pond) -> None:
    shown = pond.told(pond.peer, a_stash(an_instance(EVIL), an_account()))

    assert [shown[id_]["object_type"] for id_ in shown["id_list"]] == ["account"]
    assert pond.rows()["told_instances"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": EVIL},
        {"address": "chat.example"},
        {"address": None},
        {"protocol_version": 2},
        {"protocol_version": True},
        {"protocol_version": None},
        {"server_software": None},
        {"server_software": "s" * 256},
        {"name": ""},
        {"name": None},
        {"name": "n" * 256},
        {"description": "d" * 2001},
        {"description": ["d"]},
        {"id": "1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_what_is_wrong_is_refused_whole(pond: Pond, wrong: Object, is_known: bool) -> None:
    if is_known:
        pond.told(pond.peer, an_instance(PEER, name="The Marsh"))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, an_instance(PEER, name="Changed") | wrong), 400, 7)
    if is_known:
        assert pond.ask("GET", f"/id/{pond.local_id(pond.peer, '0')}").json["name"] == "The Marsh"


def test_the_same_address_in_capitals_is_the_same(pond: Pond) -> None:
    assert pond.told(pond.peer, an_instance("Peer.Example"))["address"] == PEER


def test_two_instances_are_two(pond: Pond) -> None:
    pond.told(pond.peer, an_instance(PEER))
    pond.told(pond.evil, an_instance(EVIL))

    known = ids(pond, PEER, EVIL)

    assert [pond.ask("GET", f"/id/{id_}").json["address"] for id_ in known] == [PEER, EVIL]


def test_0_is_an_instance_and_nothing_else_of_theirs(pond: Pond) -> None:
    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, an_account("0")), 400, 7)


# What third instances say.


def test_what_a_third_one_says_is_asked_for_at_home(pond: Pond) -> None:
    pond.wire.serve(PEERS_OWN, an_instance(PEER, name="The Marsh"))

    shown = pond.told(pond.evil, the_peer(name="Forged"))

    assert (shown["name"], shown["remote_domain"], shown["remote_id"]) == ("The Marsh", PEER, "0")
    assert [shown["id"]] == ids(pond, PEER)
    assert pond.local_id(pond.evil, "their-peer") == shown["id"]


def test_what_is_known_already_a_third_one_does_not_change(pond: Pond) -> None:
    pond.told(pond.peer, an_instance(PEER, name="The Marsh"))

    shown = pond.told(pond.evil, the_peer(name="Forged", description="Forged"))

    assert (shown["name"], shown.get("description")) == ("The Marsh", None)
    assert pond.rows()["told_instances"] == 1


@pytest.mark.parametrize(
    "at_home",
    [404, an_account("0"), an_instance(EVIL), an_instance(PEER, remote_domain=EVIL, remote_id="0")],
    ids=["nothing", "an account", "another address", "somebody else's"],
)
def test_what_its_home_does_not_say_is_not_taken(pond: Pond, at_home: Any) -> None:
    pond.wire.serve(PEERS_OWN, at_home)

    with pond.stores_nothing():
        assert pond.tell(pond.evil, the_peer()).status_code in (400, 404)


def test_a_third_one_is_not_called_as_the_sender_is(pond: Pond) -> None:
    pond.wire.serve(PEERS_OWN, an_instance(PEER))

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, the_peer(id="0")), 400, 7)
    assert pond.wire.asked == []


def test_ours_is_recognised_and_never_overwritten(pond: Pond) -> None:
    before = own(pond)
    ours = an_instance("chat.example", id="their-chat", name="Forged", remote_domain="chat.example", remote_id="0")

    shown = pond.told(pond.evil, ours)

    assert shown["id"] == "0"
    assert own(pond) == before
    assert pond.rows()["told_instances"] == 0
    assert pond.local_id(pond.evil, "their-chat") == "0"


def test_one_of_others_is_none_of_ours(pond: Pond) -> None:
    id_ = pond.told(pond.peer, an_instance(PEER))["id"]

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, the_peer(remote_domain="chat.example", remote_id=id_)), 404, 9)


# Who may do what with it.


@pytest.mark.parametrize("instance", ["theirs", "ours"])
@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code"),
    [
        ("PATCH", "/id/{id}", {"name": "Renamed"}, 403, 3),
        ("DELETE", "/id/{id}", None, 403, 3),
        ("POST", "/id/{id}/report", {"note": "n"}, 400, 5),
        ("POST", "/reports", {"target": "{id}"}, 400, 10),
        ("POST", "/id", {"object_type": "instance", "name": "n"}, 403, 3),
    ],
    ids=["PATCH", "DELETE", "report", "reports", "POST"],
)
def test_clients_do_nothing_to_it(
    pond: Pond, instance: str, method: str, path: str, given: Any, status: int, code: int
) -> None:
    id_ = pond.told(pond.peer, an_instance(PEER, name="The Marsh"))["id"]
    asked = "0" if instance == "ours" else id_
    body = {key: asked if value == "{id}" else value for key, value in (given or {}).items()}
    before = own(pond)
    # Ours is changed by its admins.
    people = [pond.bob] if (instance, method) == ("ours", "PATCH") else [pond.alice, pond.bob]

    with pond.stores_nothing():
        for person in people:
            answer = pond.ask(method, path.format(id=asked), by=person, **({"json": body} if body else {}))
            is_error(answer, status, code)
    assert pond.ask("GET", f"/id/{id_}").json["name"] == "The Marsh"
    assert own(pond) == before


@pytest.mark.parametrize("by", ["itself", "another"])
def test_instances_delete_none(pond: Pond, by: str) -> None:
    id_ = pond.told(pond.peer, an_instance(PEER))["id"]
    instance, target = (pond.peer, "0") if by == "itself" else (pond.evil, id_)

    with pond.stores_nothing():
        is_error(pond.tell(instance, a_ping("DELETE", target)), 403, 3)
        is_error(pond.tell(instance, a_ping("REPORT", target)), 400, 5)
        is_error(pond.tell(instance, {}, f"/api/v1/federation/subscribe/{target}"), 400, 5)
    assert pond.ask("GET", f"/id/{id_}").status_code == 200


def test_request_to_change_it_is_for_its_own_to_make_and_read_there(pond: Pond) -> None:
    id_ = pond.told(pond.peer, an_instance(PEER))["id"]
    pond.wire.serve(PEERS_OWN, an_instance(PEER, name="The New Marsh"))

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_ping("PATCH", id_, name="Forged")), 403, 3)
    pond.told(pond.peer, a_ping("PATCH", "0", name="whatever"))

    assert pond.ask("GET", f"/id/{id_}").json["name"] == "The New Marsh"


@pytest.fixture
def peer_is_blocked(pond: Pond) -> Iterator[None]:
    settings = current()
    configure(replace(settings, blocked_domains=frozenset({PEER})))
    yield
    configure(settings)


def test_nothing_is_taken_of_a_blocked_one(pond: Pond, peer_is_blocked: None) -> None:
    pond.wire.serve(PEERS_OWN, an_instance(PEER))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, an_instance(PEER)), 403, 3)
        is_error(pond.tell(pond.evil, the_peer()), 404, 9)
    assert pond.wire.asked == []


# Ours.


def turn(pond: Pond) -> list[Object]:
    """What the peer is told."""
    pond.wire.posted.clear()
    tell(PEER, pause=lambda _: None)
    return [body for url, body in pond.wire.posted if url.endswith("/inbox")]


def listen(pond: Pond) -> Object:
    """Zoe, of the peer, comes in, whose instance is told of what changes from then on."""
    stash = pond.join(pond.peer)
    pond.wire.serve(f"https://{PEER}/api/v1/federation/subscribe/zoe", {})
    pond.wire.serve(f"https://{PEER}/api/v1/federation/inbox", {})
    turn(pond)
    return stash


def test_who_joins_is_told_first_whose_it_is(pond: Pond) -> None:
    stash = listen(pond)

    assert stash["id_list"][0] == "0"
    assert stash["0"] == own(pond)


@pytest.mark.parametrize("change", [{"name": "The Big Pond"}, {"description": "Deeper."}], ids=["name", "description"])
def test_change_is_told_to_who_is_told_of_anything(pond: Pond, change: Object) -> None:
    listen(pond)
    pond.told(pond.evil, an_instance(EVIL))

    assert pond.ask("PATCH", "/id/0", json=change).status_code == 200

    assert pond.rows()["outgoing"] == 1
    assert turn(pond) == [own(pond)]
    assert own(pond).items() >= change.items()


def test_change_that_is_refused_is_told_to_nobody(pond: Pond) -> None:
    listen(pond)

    with pond.stores_nothing():
        is_error(pond.ask("PATCH", "/id/0", by=pond.bob, json={"name": "Bob's"}), 403, 3)
    assert turn(pond) == []


def test_name_that_it_has_there_is_noted_unless_it_is_the_peers_own(pond: Pond) -> None:
    listen(pond)
    answer = own(pond) | {"id": "0", "remote_domain": "chat.example", "remote_id": "0"}
    pond.wire.serve(f"https://{PEER}/api/v1/federation/inbox", answer, answer | {"id": "chat-there"})

    for name, noted in (("One", None), ("Two", "0")):
        pond.ask("PATCH", "/id/0", json={"name": name})
        turn(pond)
        assert pond.local_id(pond.peer, "chat-there") == noted

    assert pond.told(pond.peer, an_instance(PEER))["address"] == PEER


def test_home_of_a_conference_says_what_it_is_when_one_of_ours_joins(pond: Pond) -> None:
    api = f"https://{PEER}/api/v1"
    bob = an_account("bob-there", remote_domain="chat.example", remote_id=pond.bob.id)
    marsh = a_stash(an_account("zoe"), a_conference("marsh", "zoe"), a_channel("reeds", "marsh"))
    pond.told(pond.peer, marsh)
    invite = {"type": "object", "object_type": "invite", "id": "in", "name": "in", "creator": "zoe"}
    pond.wire.serve(f"{api}/invites/by-name/in", invite | {"conference_id": "marsh"})
    pond.wire.serve(f"{api}/federation/inbox", bob)
    member = {"type": "object", "object_type": "conference_member", "id": "m", "user_id": "bob-there"}
    welcome = a_stash(an_instance(PEER, name="The Marsh"), member | {"parent_conference": "marsh"})
    pond.wire.serve(f"{api}/federation/join-conference-by-invite/in", welcome)

    assert pond.ask("POST", f"/invites/by-name/in@{PEER}/join", by=pond.bob).status_code == 200

    assert pond.ask("GET", f"/id/{pond.local_id(pond.peer, '0')}").json["name"] == "The Marsh"
