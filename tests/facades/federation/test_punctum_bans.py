"""Who is banned, over Punctum: from our conferences, from theirs, and from this server."""

from __future__ import annotations

import pytest

from tests.facades.federation import test_punctum_told as told
from tests.facades.federation.punctum import JOIN, Pond, a_message, a_ping, an_account, is_error, pond
from tests.facades.federation.test_punctum_joining import Marsh, marsh
from tests.facades.federation.test_punctum_sending import Peer, peer

__all__ = ["marsh", "peer", "pond"]


def test_who_is_banned_does_not_come_in(pond: Pond) -> None:
    pond.join(pond.peer)
    zoe = pond.local_id(pond.peer, "zoe")
    pond.make(f"/conferences/{pond.conference}/members/{zoe}/ban")

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, {"user_id": zoe}, f"{JOIN}/{pond.invite}"), 403, 3)
        is_error(pond.tell(pond.peer, a_ping("JOIN", pond.invite, zoe)), 403, 3)
        assert pond.tell(pond.peer, a_message("m1", pond.shore, "zoe")).status_code in (403, 404)


@pytest.mark.parametrize("is_in", [True, False])
def test_who_is_banned_from_the_server_is_welcome_in_no_conference_of_it(pond: Pond, is_in: bool) -> None:
    pond.join(pond.peer) if is_in else pond.told(pond.peer, an_account())
    zoe, said = pond.local_id(pond.peer, "zoe"), pond.say("for members")
    assert pond.ask("POST", f"/moderation/users/{zoe}/ban", json={}).status_code == 201

    with pond.stores_nothing():
        if not is_in:
            is_error(pond.tell(pond.peer, {"user_id": zoe}, f"{JOIN}/{pond.invite}"), 403, 3)
            is_error(pond.tell(pond.peer, a_ping("JOIN", pond.invite, zoe)), 403, 3)
        assert pond.tell(pond.peer, a_message("m1", pond.shore, "zoe")).status_code in (403, 404)
        reacting = a_ping("REACT", said, zoe, reaction="thumbs_up")
        assert pond.tell(pond.peer, reacting).status_code in (403, 404)


def test_who_is_banned_from_the_server_is_shown_and_told_nothing_of_its_conferences(pond: Pond) -> None:
    peer = told.Peer(pond)
    role = pond.make(f"/conferences/{pond.conference}/roles", name="ducks")["id"]
    zoe, said = peer.local_id("zoe"), pond.say("for members")
    members = pond.ask("GET", f"/conferences/{pond.conference}").json["members"]
    assert said in {one["id"] for one in peer.turn()}
    assert pond.ask("POST", f"/moderation/users/{zoe}/ban", json={}).status_code == 201

    later = [pond.say("and more"), pond.make(f"/conferences/{pond.conference}/roles", name="geese")["id"]]

    assert {one["id"] for one in peer.turn()}.isdisjoint(later)
    for id_ in (said, later[0], pond.shore, members[0]):
        is_error(pond.world.send(pond.peer.get(f"/api/v1/id/{id_}")), 403, 3)
    shown = pond.world.send(pond.peer.get(f"/api/v1/id/{pond.conference}")).json
    assert (shown["channels"], shown.keys() & {"members", "roles"}) == ([], set())

    assert pond.ask("DELETE", f"/moderation/users/{zoe}/ban").status_code == 200
    for id_ in (said, later[0], pond.shore, members[0], role):
        assert pond.world.send(pond.peer.get(f"/api/v1/id/{id_}")).status_code == 200


@pytest.mark.parametrize("others", [0, 1])
def test_who_is_banned_from_the_server_reads_no_conference_of_it(pond: Pond, peer: Peer, others: int) -> None:
    zoe = pond.local_id(pond.peer, "zoe")
    if others:
        pond.join(pond.peer, "yan")
        peer.turn()
    assert pond.ask("POST", f"/moderation/users/{zoe}/ban", json={}).status_code == 201
    said = pond.say("without zoe")

    assert ("without zoe" in str(peer.turn())) is bool(others)
    for id_ in (said, pond.shore, _membership_of(pond, pond.alice.id)):
        read = pond.world.get(f"/api/v1/id/{id_}", pond.peer, accept="application/json")
        assert read.status_code == (200 if others else 403)

    assert pond.ask("DELETE", f"/moderation/users/{zoe}/ban").status_code == 200
    pond.say("with zoe")
    assert "with zoe" in str(peer.turn())


def test_who_was_banned_from_the_server_is_told_again_whoever_left_meanwhile(pond: Pond, peer: Peer) -> None:
    zoe = pond.local_id(pond.peer, "zoe")
    pond.join(pond.peer, "yan")
    yans = _membership_of(pond, str(pond.local_id(pond.peer, "yan")))
    assert pond.ask("POST", f"/moderation/users/{zoe}/ban", json={}).status_code == 201
    pond.told(pond.peer, a_ping("DELETE", yans, "yan"))
    pond.say("to none of them")
    assert "to none of them" not in str(peer.turn())

    assert pond.ask("DELETE", f"/moderation/users/{zoe}/ban").status_code == 200
    pond.say("with zoe")

    assert "with zoe" in str(peer.turn())


def _membership_of(pond: Pond, account_id: str) -> str:
    members = pond.ask("GET", f"/conferences/{pond.conference}/members").json
    return str(next(id_ for id_ in members["id_list"] if members[id_]["user_id"] == account_id))


@pytest.mark.parametrize("is_banned", [True, False])
def test_who_moderates_a_conference_puts_nobody_out_of_it_from_elsewhere(pond: Pond, is_banned: bool) -> None:
    """Over ActivityPub it is not there, and over Punctum an instance acts for those of its own."""
    world, space = pond.world, f"https://chat.example/ap/spaces/{pond.conference}"
    bob = f"https://chat.example/ap/users/{pond.bob.id}"
    pond.told(pond.peer, an_account(activitypub_id=world.zoe.uri))
    pond.join(pond.peer)
    zoe = pond.local_id(pond.peer, "zoe")
    allowed = pond.ask("PATCH", f"/conferences/{pond.conference}/members/{zoe}", json={"permissions": 16383})
    assert allowed.status_code == 200
    assert pond.ask("POST", f"/invites/{pond.invite}/join", by=pond.bob).status_code == 200
    if is_banned:
        assert pond.ask("POST", f"/moderation/users/{zoe}/ban", json={}).status_code == 201

    world.receive(world.zoe, world.zoe.activity("Remove", bob, target=f"{space}/followers"))

    assert pond.conference in pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]


def test_ban_elsewhere_holds_here(pond: Pond, marsh: Marsh) -> None:
    shown = marsh.bob_joins().json

    pond.told(pond.peer, {"type": "object", "object_type": "conference_member", "id": "bob-m", "banned": True})

    assert shown["id"] not in pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]
    is_error(pond.ask("GET", f"/channels/{marsh.reeds}/messages", by=pond.bob), 403, 3)


def test_ban_here_changes_nothing_in_a_conference_elsewhere(pond: Pond, marsh: Marsh) -> None:
    """What its home shows would not be what is shown here."""
    marsh.bob_joins()
    zoe = pond.local_id(pond.peer, "zoe")
    assert pond.ask("POST", f"/moderation/users/{zoe}/ban", json={}).status_code == 201

    pond.told(pond.peer, a_message("m1", "reeds", "zoe", "misteak"))
    pond.told(pond.peer, a_message("m1", "reeds", "zoe", "mistake", edit_date="2026-11-22T00:25:44+00:00"))

    assert pond.texts(marsh.reeds, by=pond.bob) == ["hi", "mistake"]
