"""An instance that signs well and means ill: whether it is heard, and what it gets to write."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.services.rates import Rate
from app.settings import configure, current
from app.web import limiting
from tests.facades.federation.conftest import World
from tests.facades.federation.punctum import (
    INBOX,
    JOIN,
    Pond,
    a_channel,
    a_conference,
    a_message,
    a_ping,
    an_account,
    is_error,
    pond,
    swamp,
)
from tests.facades.federation.remote import RemoteActor

__all__ = ["pond", "swamp"]

EVIL = "https://evil.example/api/v1"
OURS = "chat.example"


@pytest.fixture
def evil_is_blocked() -> Iterator[None]:
    settings = current()
    configure(replace(settings, blocked_domains=frozenset({"evil.example"})))
    yield
    configure(settings)


def a_child(kind: str, id_: str, **values: Any) -> dict[str, Any]:
    of = {"conference_id": "swamp"} if kind == "invite" else {"parent_conference": "swamp"}
    return {"type": "object", "object_type": kind, "id": id_} | of | values


def an_emoji(id_: str, shortcode: str) -> dict[str, Any]:
    return a_child("emoji", id_, shortcode=shortcode, image="https://evil.example/i.png")


def an_invite(id_: str, name: str) -> dict[str, Any]:
    return a_child("invite", id_, name=name, creator="eve")


# Who speaks, and when.


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-4, 200), (4, 200), (6, 401)])
def test_clock_may_be_five_minutes_off(pond: Pond, minutes: int, status: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    before = pond.rows()

    answer = pond.world.send(pond.peer.post(an_account(), INBOX, headers={"date": date}))

    assert answer.status_code == status, answer.text
    assert status == 200 or pond.rows() == before


def test_newer_kind_of_signature_is_understood(pond: Pond) -> None:
    answer = pond.world.send(pond.peer.post_rfc9421(an_account(), INBOX))

    assert (answer.status_code, answer.json["remote_domain"]) == (200, "peer.example")


@pytest.mark.parametrize("path", ["/api/v1/id/{id}", "/api/v1/ids/{id}", "/api/v1/accounts/{id}"])
def test_blocked_instance_reads_nothing(pond: Pond, world: World, evil_is_blocked: None, path: str) -> None:
    is_error(world.send(pond.evil.get(path.format(id=pond.bob.id))), 403, 3)
    is_error(world.send(pond.evil.get("/api/v1/invites/by-name/come-in")), 403, 3)
    is_error(world.send(pond.evil.get(INBOX)), 403, 3)
    assert world.server.stored()["subscriptions"] == 0


@pytest.mark.parametrize("path", ["subscribe/{id}", "unsubscribe/{id}", "join-conference-by-invite/{id}"])
def test_blocked_instance_asks_for_nothing(pond: Pond, evil_is_blocked: None, path: str) -> None:
    with pond.stores_nothing():
        answer = pond.tell(pond.evil, {"user_id": "eve"}, f"/api/v1/federation/{path.format(id=pond.invite)}")

    is_error(answer, 403, 3)


def test_instance_has_a_share_of_requests(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many networks it speaks from, and names it has below its own."""
    neighbour = pond.world.meet(RemoteActor("https://s1.evil.example/actor", "Application"))
    networks = (f"192.0.2.{number}" for number in itertools.count())
    monkeypatch.setattr(limiting, "client_network", lambda: next(networks))
    monkeypatch.setattr(limiting, "_rate_of", lambda _: Rate(2, 300))

    statuses = [pond.tell(pond.evil, an_account(f"a{number}")).status_code for number in range(3)]

    assert statuses == [200, 200, 429]
    assert pond.local_id(pond.evil, "a2") is None
    assert pond.tell(neighbour, an_account("a3")).status_code == 429
    assert pond.local_id(neighbour, "a3") is None
    assert pond.tell(pond.peer, an_account("a4")).status_code == 200


@pytest.mark.parametrize("covered", ["(request-target) host date", "(request-target) host digest", "host date digest"])
def test_signature_covers_time_place_and_body(pond: Pond, covered: str) -> None:
    with pond.stores_nothing():
        is_error(pond.world.send(pond.peer.post(an_account(), INBOX, covered=covered)), 401, 3)


# What it gets to write.


@pytest.mark.parametrize("id_", ["0", "type", "id_list", "by-name", "by-time", "list", "create", "read-history"])
def test_reserved_words_are_no_ids(pond: Pond, id_: str) -> None:
    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, an_account(id_, username="eve")), 400, 7)


def test_id_that_is_one_of_ours_is_another_thing(swamp: Pond) -> None:
    swamp.told(swamp.evil, an_account(swamp.alice.id, username="alice", display_name="Not Alice"))

    assert swamp.ask("GET", f"/accounts/{swamp.alice.id}").json["display_name"] == "alice"
    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, a_conference(swamp.conference, swamp.bob.id)), 403, 3)


def test_nobody_of_ours_is_given_a_conference(swamp: Pond) -> None:
    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, a_conference("gift", swamp.bob.id)), 403, 3)
        is_error(swamp.tell(swamp.evil, a_conference("swamp", swamp.bob.id)), 403, 3)
        is_error(swamp.tell(swamp.evil, a_conference(swamp.conference, swamp.alice.id)), 403, 3)


def test_nobody_is_banned_from_ours_by_another_instance(swamp: Pond) -> None:
    """Members' ids are known to whoever is in the conference."""
    stash = swamp.join(swamp.evil, "eve")
    members = [id_ for id_ in stash["id_list"] if stash[id_]["object_type"] == "conference_member"]
    assert len(members) == 2

    with swamp.stores_nothing():
        for id_ in members:
            banned = {"type": "object", "object_type": "conference_member", "id": id_, "banned": True}
            is_error(swamp.tell(swamp.evil, banned), 404, 9)

    assert all(not swamp.ask("GET", f"/id/{id_}").json["banned"] for id_ in members)


def test_channel_stands_under_a_category_of_its_own_conference(swamp: Pond) -> None:
    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, a_channel("reeds", "swamp", category=swamp.shore)), 400, 10)


def test_bot_of_theirs_belongs_to_nobody_of_ours(swamp: Pond) -> None:
    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, an_account("bot", bot=True, bot_owner=swamp.alice.id)), 403, 3)

    shown = swamp.told(swamp.evil, an_account("bot", bot=True, bot_owner="eve"))
    assert (shown["bot"], shown["bot_owner"]) == (True, "eve")


def test_role_of_theirs_gives_nothing_in_ours(swamp: Pond) -> None:
    stash = swamp.join(swamp.evil, "eve")
    swamp.told(swamp.evil, a_child("role", "king", name="king", permissions=16383))
    [own] = [id_ for id_ in stash["id_list"] if stash[id_].get("user_id") == "eve"]
    member = {"type": "object", "object_type": "conference_member", "user_id": "eve", "permissions": 16383}
    ours = swamp.make(f"/conferences/{swamp.conference}/roles", name="keepers")["id"]

    with swamp.stores_nothing():
        for id_, conference, roles in (
            ("m", swamp.conference, ["king"]),
            (own, swamp.conference, [ours]),
            ("m", "swamp", [ours]),
            ("m", "swamp", ["owner"]),
        ):
            said = member | {"id": id_, "parent_conference": conference, "roles": roles}
            assert swamp.tell(swamp.evil, said).status_code in (400, 403)


def test_object_of_another_type_at_its_home_is_not_taken(pond: Pond) -> None:
    pond.told(pond.peer, an_account())
    claimed = {"remote_domain": "peer.example", "remote_id": "zoe"}

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_message("m", "x", "y", **claimed)), 404, 9)
        is_error(pond.tell(pond.evil, a_channel("c", "x", **claimed)), 404, 9)


def test_object_is_no_origin_of_what_is_only_called_so_there(pond: Pond) -> None:
    """What a third instance calls our people is no object of its own."""
    ours = an_account("our-bob", username="bob", remote_domain=OURS, remote_id=pond.bob.id)
    pond.told(pond.peer, ours)

    with pond.stores_nothing():
        claimed = an_account("x", remote_domain="peer.example", remote_id="our-bob")
        is_error(pond.tell(pond.evil, claimed), 404, 9)


@pytest.mark.parametrize("make", [an_emoji, an_invite])
def test_name_that_was_given_anew_is_the_newer_ones(swamp: Pond, make: Any) -> None:
    first = swamp.told(swamp.evil, make("one", "duck"))["id"]
    second = swamp.told(swamp.evil, make("two", "duck"))["id"]

    assert swamp.ask("GET", f"/id/{first}").status_code == 404
    assert swamp.ask("GET", f"/id/{second}").status_code == 200
    assert swamp.told(swamp.evil, make("one", "goose"))["id"] == first
    assert swamp.ask("GET", f"/id/{first}").status_code == 200


def test_uri_that_another_object_has_is_refused(swamp: Pond) -> None:
    taken = f"{EVIL}/id/eve"

    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, a_conference("other", "eve", activitypub_id=taken)), 400, 7)
        is_error(swamp.tell(swamp.evil, a_channel("other", "swamp", activitypub_id=taken)), 400, 7)
        is_error(swamp.tell(swamp.evil, an_account("other", activitypub_id=f"{EVIL}/id/swamp")), 404, 4)


@pytest.mark.parametrize(
    "thing",
    [
        an_account("mal"),
        an_emoji("e", "duck"),
        an_invite("i", "in"),
        a_child("role", "r", name="king"),
        a_channel("reeds", "swamp"),
        a_child("conference_member", "m", user_id="eve"),
    ],
)
def test_what_was_deleted_stays_so(swamp: Pond, thing: dict[str, Any]) -> None:
    id_ = swamp.told(swamp.evil, thing)["id"]
    swamp.told(swamp.evil, a_ping("DELETE", thing["id"]))

    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, thing), 404, 4)
        is_error(swamp.tell(swamp.peer, thing | {"remote_domain": "evil.example", "remote_id": thing["id"]}), 404, 4)
    assert swamp.ask("GET", f"/id/{id_}").status_code == 404


def test_nothing_is_kept_of_an_account_that_was_deleted(swamp: Pond) -> None:
    before = swamp.rows()["told_people"]
    swamp.told(swamp.evil, an_account("mal", status="here"))

    swamp.told(swamp.evil, a_ping("DELETE", "mal"))

    assert swamp.rows()["told_people"] == before


def test_account_that_was_deleted_does_not_come_back_by_another_name(swamp: Pond) -> None:
    swamp.told(swamp.evil, a_ping("DELETE", "eve"))

    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, an_account("eve2", activitypub_id=f"{EVIL}/id/eve")), 404, 4)
        is_error(swamp.tell(swamp.evil, an_account("eve")), 404, 4)


def test_children_of_a_deleted_conference_stay_dead(swamp: Pond) -> None:
    swamp.told(swamp.evil, a_ping("DELETE", "swamp"))
    swamp.told(swamp.evil, a_conference("bog", "eve"))

    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, a_channel("mud", "bog")), 404, 4)
        is_error(swamp.tell(swamp.evil, a_message("m", "mud", "eve")), 404, 9)


def test_who_is_banned_comes_in_on_no_way(pond: Pond) -> None:
    stash = pond.join(pond.evil, "eve")
    [member] = [id_ for id_ in stash["id_list"] if stash[id_].get("user_id") == "eve"]
    eve, said = str(pond.local_id(pond.evil, "eve")), pond.say("for members")
    assert pond.ask("POST", f"/conferences/{pond.conference}/members/{member}/ban").status_code == 200

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_ping("DELETE", member, eve)), 400, 8)
        is_error(pond.tell(pond.evil, a_ping("JOIN", pond.invite, eve)), 403, 3)
        is_error(pond.tell(pond.evil, {"user_id": eve}, f"{JOIN}/{pond.invite}"), 403, 3)
        assert pond.tell(pond.evil, a_message("m", pond.shore, "eve")).status_code in (403, 404)
        assert pond.tell(pond.evil, a_ping("REACT", said, eve, reaction="thumbs_up")).status_code in (403, 404)


def test_who_asks_twice_is_noted_once(pond: Pond) -> None:
    pond.told(pond.evil, an_account("eve"))
    eve = str(pond.local_id(pond.evil, "eve"))
    before = pond.rows()

    for _ in range(3):
        pond.told(pond.evil, a_ping("REPORT", pond.bob.id, note="spam"))
        pond.told(pond.evil, a_ping("BLOCK", pond.bob.id, eve))

    after = pond.rows()
    assert (after["reports"] - before["reports"], after["blocks"] - before["blocks"]) == (1, 1)
