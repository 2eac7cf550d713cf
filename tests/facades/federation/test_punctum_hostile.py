"""An instance that signs well and means ill: what it gets to know, to write and to cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.actions.peers.sending import tell
from app.db import reading
from app.facades.punctum import taking
from app.facades.punctum.taking import MAX_FETCHES
from app.queries.actors import get_by_id
from app.queries.placement import conversation_id
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
    a_stash,
    an_account,
    is_error,
    pond,
)
from tests.facades.federation.remote import RemoteActor

__all__ = ["pond"]


EVIL = "https://evil.example/api/v1"
OURS = "chat.example"


@pytest.fixture
def evil_is_blocked() -> Iterator[None]:
    settings = current()
    configure(replace(settings, blocked_domains=frozenset({"evil.example"})))
    yield
    configure(settings)


@pytest.fixture
def swamp(pond: Pond) -> Pond:
    """Eve and her conference at the evil instance."""
    pond.told(pond.evil, a_stash(an_account("eve"), a_conference("swamp", "eve"), a_channel("mud", "swamp")))
    return pond


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


# What it gets to know.


@pytest.mark.parametrize("kind", ["channel", "message", "member", "conversation", "message in a conversation"])
def test_instance_without_people_there_reads_nothing(pond: Pond, world: World, kind: str) -> None:
    dm = pond.make("/channels", channel_type="direct_message", members=[pond.bob.id])["id"]
    members = pond.ask("GET", f"/conferences/{pond.conference}/members").json
    hidden = {
        "channel": pond.shore,
        "message": pond.say("for members"),
        "member": members["id_list"][0],
        "conversation": dm,
        "message in a conversation": pond.say("for bob", channel=dm),
    }[kind]
    recognised = a_channel("x", "x") | {"object_type": members.get(hidden, {"object_type": "message"})["object_type"]}
    recognised |= {"object_type": "channel"} if hidden in (pond.shore, dm) else {}

    assert world.send(pond.evil.get(f"/api/v1/id/{hidden}")).status_code in (403, 404)
    with pond.stores_nothing():
        assert pond.tell(pond.evil, {}, f"/api/v1/federation/subscribe/{hidden}").status_code in (400, 403, 404)
        is_error(pond.tell(pond.evil, recognised | {"remote_domain": OURS, "remote_id": hidden}), 404, 9)


def test_whether_two_of_ours_talk_is_not_told(pond: Pond) -> None:
    with reading() as session:
        uris = [get_by_id(session, person.id).uri for person in (pond.alice, pond.bob)]
    claimed = a_channel("x", "x", channel_type="direct_message", remote_domain=OURS, remote_id=conversation_id(uris))
    before = pond.tell(pond.evil, claimed)
    pond.say("psst", channel=pond.make("/channels", channel_type="direct_message", members=[pond.bob.id])["id"])

    after = pond.tell(pond.evil, claimed)

    is_error(after, 404, 9)
    assert after.json == before.json


def test_conversation_looks_like_none_to_others(pond: Pond, world: World) -> None:
    carol = world.server.sign_up("carol")
    dm = pond.make("/channels", channel_type="direct_message", members=[pond.bob.id])["id"]
    pond.say("psst", channel=dm)
    absent = f"dm-{'0' * 32}"

    def answers(id_: str) -> list[Any]:
        """By the instance, by somebody who forges it, by carol in each way, and by a stranger."""
        forged = replace(pond.evil.get(f"/api/v1/id/{id_}"), target=f"/api/v1/ids/{id_}")
        asked = [world.send(pond.evil.get(f"/api/v1/id/{id_}")), world.send(forged)]
        asked += [pond.ask("GET", f"/id/{id_}", by=carol), world.server.call("GET", f"/api/v1/id/{id_}")]
        said = {"parent_channel": id_, "content": "hello"}
        asked += [pond.ask("POST", "/messages", by=carol, json=said)]
        asked += [pond.ask("POST", "/reports", by=carol, json={"target": id_})]
        asked += [pond.ask("POST", "/stash/request", by=carol, json={"id_list": [id_]})]
        return [(answer.status_code, answer.json) for answer in asked]

    assert answers(dm) == answers(absent)
    assert [status for status, _ in answers(dm)] == [404, 401, *[404] * 5]


def test_conference_shows_strangers_no_members_and_no_roles(pond: Pond, world: World) -> None:
    pond.make(f"/conferences/{pond.conference}/roles", name="keepers")

    shown = [
        world.send(pond.evil.get(f"/api/v1/id/{pond.conference}")).json,
        pond.told(pond.evil, {}, f"/api/v1/federation/subscribe/{pond.conference}"),
    ]

    for one in shown:
        assert one["name"] == "The Pond"
        assert not {"members", "roles"} & one.keys()
        assert one["channels"] == []


def test_invites_and_roles_are_not_told_to_whoever_subscribes(pond: Pond) -> None:
    pond.told(pond.evil, {}, f"/api/v1/federation/subscribe/{pond.conference}")
    pond.make(f"/conferences/{pond.conference}/invites", name="a-secret-way-in")
    pond.make(f"/conferences/{pond.conference}/roles", name="keepers")
    pond.wire.serve(f"{EVIL}/federation/inbox", {})

    tell("evil.example", pause=lambda _: None)

    assert not {"invite", "role"} & {body.get("object_type") for _, body in pond.wire.posted}
    assert "a-secret-way-in" not in str(pond.wire.posted)


def test_member_of_another_instance_learns_no_invites_without_the_bit(pond: Pond) -> None:
    pond.join(pond.evil, "eve")
    pond.make(f"/conferences/{pond.conference}/invites", name="a-secret-way-in")
    pond.wire.serve(f"{EVIL}/federation/inbox", {})

    tell("evil.example", pause=lambda _: None)

    assert "a-secret-way-in" not in str(pond.wire.posted)


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


# What it gets to cost.


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400, 2),
        (b"[" * 100_000 + b"]" * 100_000, 400, 2),
        (b'{"type":"object","type":"stash"}', 400, 2),
        (b"[]", 400, 2),
        (b'{"a":"' + b"x" * (2 << 20) + b'"}', 413, 11),
    ],
)
def test_body_is_read_only_so_far(pond: Pond, body: bytes, status: int, code: int) -> None:
    with pond.stores_nothing():
        is_error(pond.world.send(pond.evil.post(body, INBOX)), status, code)


def test_people_are_met_within_the_same_bounds(pond: Pond) -> None:
    pond.wire.asked.clear()
    named = [an_account(f"a{number}", activitypub_id=f"https://evil.example/u/{number}") for number in range(100)]

    pond.told(pond.evil, a_stash(*named))

    assert 0 < len(pond.wire.asked) <= MAX_FETCHES


def test_nobody_is_asked_when_the_time_is_over(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MAX_SECONDS", 0.0)
    pond.wire.asked.clear()
    strangers = [an_account(f"a{number}", remote_domain="peer.example", remote_id=f"r{number}") for number in range(9)]

    with pond.stores_nothing():
        pond.told(pond.evil, a_stash(*strangers, a_message("m", "unknown", "unknown")))

    assert pond.wire.asked == []


def test_nobody_else_is_asked_because_an_instance_says_so(pond: Pond) -> None:
    pond.wire.moved[f"{EVIL}/id/boss"] = "https://victim.example/"
    pond.wire.asked.clear()

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_conference("c", "boss")), 404, 9)

    assert pond.wire.asked == [f"{EVIL}/id/boss"]


def test_reactions_of_one_request_are_bounded(swamp: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [an_account(f"p{number}") for number in range(90)]
    swamp.told(swamp.evil, a_stash(*people))
    liked: Any = {"reactions": ["thumbs_up"] * 90, "reaction_authors": [one["id"] for one in people]}

    monkeypatch.setattr(taking, "MAX_REACTIONS", 200)
    shown = swamp.told(swamp.evil, a_stash(*(a_message(f"m{number}", "mud", "eve", **liked) for number in range(4))))

    assert [len(shown[id_].get("reactions", [])) for id_ in shown["id_list"]] == [90, 90, 0, 0]


def test_stash_counts_as_what_is_in_it(pond: Pond) -> None:
    admission = pond.world.server.client.application.extensions["shoal.admission"]
    before = admission._taken.total()

    pond.told(pond.evil, a_stash(*(an_account(f"a{number}") for number in range(7))))

    assert admission._taken.total() == before + 7


def test_stash_costs_as_much_as_what_is_in_it(pond: Pond) -> None:
    pond.join(pond.peer)
    counts = {}
    for number in (1, 11, 21):
        messages = [a_message(f"m{number}x{index}", pond.shore, "zoe") for index in range(number)]
        with pond.world.counted_queries() as queries:
            pond.told(pond.peer, a_stash(*messages))
        counts[number] = len(queries)

    assert counts[1] < 50
    assert (counts[21] - counts[11]) / 10 < 35


def test_too_many_reactions_are_refused_with_their_message(swamp: Pond) -> None:
    liked: Any = {"reactions": ["thumbs_up"] * 501, "reaction_authors": ["eve"] * 501}

    with swamp.stores_nothing():
        is_error(swamp.tell(swamp.evil, a_message("m", "mud", "eve", **liked)), 400, 11)


def test_kind_that_is_not_taken_keeps_out_nothing_else(pond: Pond) -> None:
    report = {"type": "object", "object_type": "report", "id": "r", "target": pond.bob.id}

    shown = pond.told(pond.evil, a_stash(report, an_account("eve"), an_account("mal", bio=1)))

    assert [shown[id_]["username"].partition("@")[0] for id_ in shown["id_list"]] == ["eve"]
    assert pond.local_id(pond.evil, "mal") is None
