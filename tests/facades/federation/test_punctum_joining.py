"""Coming into conferences over Punctum: people of other instances into ours, and ours into theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.db import reading
from app.queries.peers import list_outgoing
from app.queries.punctum.federated import FEDERATED
from tests.databases import ON_SQLITE
from tests.facades.federation.punctum import (
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

__all__ = ["pond"]

PEER = "https://peer.example/api/v1"


def a_member(id_: str, user: str, conference: str, **values: Any) -> dict[str, Any]:
    named = {"user_id": user, "parent_conference": conference}
    return {"type": "object", "object_type": "conference_member", "id": id_} | named | values


# Into ours.


def test_who_joins_is_shown_what_they_see_and_nothing_else(pond: Pond) -> None:
    said, hidden = pond.say("for members"), pond.say("for nobody", channel=pond.secret)

    stash = pond.join(pond.peer)

    kinds = [stash[id_]["object_type"] for id_ in stash["id_list"]]
    assert kinds.count("channel") == 1
    assert {"account", "conference", "conference_member", "channel", "message"} <= set(kinds)
    assert said in stash
    assert not {hidden, pond.secret} & set(stash)
    assert pond.secret not in str(stash)


def test_nothing_leaves_but_what_is_federated(pond: Pond) -> None:
    pond.say("for members")

    stash = pond.join(pond.peer)

    always = {"id", "type", "object_type", "remote_domain", "remote_id", "activitypub_id"}
    for id_ in stash["id_list"]:
        assert stash[id_].keys() <= FEDERATED[stash[id_]["object_type"]] | always


def test_stash_names_things_as_the_receiver_does(pond: Pond) -> None:
    stash = pond.join(pond.peer)

    members = [one for one in stash.values() if isinstance(one, dict) and one.get("object_type") == "conference_member"]
    assert {member["user_id"] for member in members} == {pond.alice.id, "zoe"}
    zoe = str(pond.local_id(pond.peer, "zoe"))
    assert (stash[zoe]["remote_domain"], stash[zoe]["remote_id"]) == ("peer.example", "zoe")


def test_reply_holds_a_hundred_objects_and_the_rest_comes_later(pond: Pond) -> None:
    for number in range(49):
        pond.make(f"/conferences/{pond.conference}/channels", name=f"c{number}")
    for number in range(60):
        pond.make(f"/conferences/{pond.conference}/roles", name=f"r{number}")

    stash = pond.join(pond.peer)

    assert len(stash["id_list"]) == 100
    assert pond.world.server.stored()["outgoing"] > 10


def test_reply_is_no_longer_than_what_is_read_of_one(pond: Pond) -> None:
    for number in range(12):
        pond.say(f"{number} " + "x" * 45_000)

    stash = pond.join(pond.peer)

    said = [id_ for id_ in stash["id_list"] if stash[id_]["object_type"] == "message"]
    assert len(said) in range(6, 9)
    with reading() as session:
        waiting = list_outgoing(session, "peer.example", now=datetime.now(UTC), limit=100)
    later = {row.object_id for row in waiting if row.kind == "changed"}
    assert len(later) == 12 - len(said)
    assert not later & {*said}


def test_joining_by_a_ping_is_the_same(pond: Pond) -> None:
    zoe = pond.told(pond.peer, an_account())["id"]

    stash = pond.told(pond.peer, a_ping("JOIN", pond.invite, zoe))

    assert pond.conference in stash["id_list"]


def test_who_joins_again_is_shown_it_again(pond: Pond) -> None:
    first = pond.join(pond.peer)

    assert set(pond.join(pond.peer)["id_list"]) == set(first["id_list"])
    assert pond.world.server.stored()["subscriptions"] == 1


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("invite", {}, 400, 2),
        ("invite", {"nobody": "x"}, 400, 7),
        ("invite", {"user_id": "nobody"}, 404, 9),
        ("invite", {"user_id": "the conference"}, 400, 10),
        ("invite", {"user_id": "bob"}, 403, 3),
        ("conference", {"user_id": "zoe"}, 400, 5),
        ("nothing", {"user_id": "zoe"}, 404, 4),
    ],
)
@ON_SQLITE
def test_joining_is_refused(pond: Pond, target: str, body: dict[str, str], status: int, code: int) -> None:
    zoe = pond.told(pond.peer, an_account())["id"]
    ids = {"zoe": zoe, "bob": pond.bob.id, "the conference": pond.conference}
    given = {key: ids.get(value, value) for key, value in body.items()}

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, given, f"{JOIN}/{getattr(pond, target, 'nothing')}"), status, code)


def test_home_conference_is_not_joined_from_elsewhere(pond: Pond) -> None:
    home = next(iter(pond.ask("GET", "/accounts").json["joined_conferences"].keys() - {pond.conference}))
    invite = pond.make(f"/conferences/{home}/invites", name="home")["id"]
    zoe = pond.told(pond.peer, an_account())["id"]

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, {"user_id": zoe}, f"{JOIN}/{invite}"), 403, 3)


def test_who_leaves_is_gone_and_their_instance_told_nothing_more(pond: Pond) -> None:
    stash = pond.join(pond.peer)
    zoe = pond.local_id(pond.peer, "zoe")
    [member] = [id_ for id_ in stash["id_list"] if stash[id_].get("user_id") == "zoe"]

    pond.told(pond.peer, a_ping("DELETE", member, zoe))

    assert pond.ask("GET", f"/conferences/{pond.conference}").json["members"] != []
    assert pond.ask("GET", f"/id/{member}").status_code == 404
    assert pond.world.server.stored()["subscriptions"] == 0


def test_nobody_leaves_for_somebody_else(pond: Pond) -> None:
    stash = pond.join(pond.peer)
    pond.join(pond.evil, "eve")
    [member] = [id_ for id_ in stash["id_list"] if stash[id_].get("user_id") == "zoe"]

    with pond.stores_nothing():
        ping = a_ping("DELETE", member, pond.local_id(pond.evil, "eve"))
        is_error(pond.tell(pond.evil, ping), 403, 3)


# Into theirs.


class Marsh:
    """zoe's conference at the peer, with a channel and an invite; bob joins it when `bob_joins`."""

    def __init__(self, pond: Pond) -> None:
        self.pond = pond
        invite = {"type": "object", "object_type": "invite", "id": "inv", "name": "marsh"}
        invite |= {"conference_id": "marsh", "creator": "zoe"}
        pond.wire.serve(f"{PEER}/invites/by-name/marsh", invite)
        pond.wire.serve(f"{PEER}/id/marsh", a_conference("marsh", "zoe"))
        pond.wire.serve(f"{PEER}/id/zoe", an_account())
        bob = an_account("bob-there", username="bob", remote_domain="chat.example", remote_id=pond.bob.id)
        pond.wire.serve(f"{PEER}/federation/inbox", bob)
        self.serve_reply(a_member("bob-m", pond.bob.id, "marsh"))

    def serve_reply(self, *members: dict[str, Any]) -> None:
        bob = an_account("bob-there", username="bob", remote_domain="chat.example", remote_id=self.pond.bob.id)
        known = [an_account(), bob, a_conference("marsh", "zoe"), *members, a_channel("reeds", "marsh")]
        self.pond.wire.serve(
            f"{PEER}/federation/join-conference-by-invite/inv", a_stash(*known, a_message("m0", "reeds", "zoe", "hi"))
        )

    def bob_joins(self) -> Any:
        return self.pond.ask("POST", "/invites/by-name/marsh@peer.example/join", by=self.pond.bob)

    @property
    def reeds(self) -> str:
        return str(self.pond.local_id(self.pond.peer, "reeds"))


@pytest.fixture
def marsh(pond: Pond) -> Marsh:
    return Marsh(pond)


def test_ours_join_a_conference_elsewhere(pond: Pond, marsh: Marsh) -> None:
    shown = marsh.bob_joins().json

    posted = dict(pond.wire.posted)
    assert posted[f"{PEER}/federation/inbox"]["id"] == pond.bob.id
    assert posted[f"{PEER}/federation/join-conference-by-invite/inv"] == {"user_id": "bob-there"}
    assert (shown["name"], shown["remote_domain"], shown["remote_id"]) == ("marsh", "peer.example", "marsh")
    assert shown["id"] in pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]
    assert pond.texts(marsh.reeds, by=pond.bob) == ["hi"]


def test_conference_elsewhere_is_for_those_who_joined_it(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()

    assert pond.ask("GET", f"/channels/{marsh.reeds}/messages").status_code == 403


def test_whom_the_other_instance_refuses_is_not_in(pond: Pond, marsh: Marsh) -> None:
    pond.wire.serve(f"{PEER}/federation/join-conference-by-invite/inv", 403)

    is_error(marsh.bob_joins(), 403, 3)
    assert len(pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]) == 1


def test_who_was_not_let_in_is_not_in(pond: Pond, marsh: Marsh) -> None:
    marsh.serve_reply()

    assert marsh.bob_joins().status_code == 503
    assert len(pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]) == 1


def test_reply_does_not_take_in_others_of_ours(pond: Pond, marsh: Marsh) -> None:
    marsh.serve_reply(a_member("bob-m", pond.bob.id, "marsh"), a_member("alice-m", pond.alice.id, "marsh"))

    assert marsh.bob_joins().status_code == 200
    assert len(pond.ask("GET", "/accounts").json["joined_conferences"]) == 2


def test_reply_takes_in_nobody_anywhere_else(pond: Pond, marsh: Marsh) -> None:
    """Also what is no object at all keeps nobody out."""
    pond.told(pond.peer, a_stash(an_account(), a_conference("trap", "zoe")))
    pond.told(pond.evil, a_stash(an_account("eve"), a_conference("pit", "eve")))
    pond.wire.serve("https://evil.example/api/v1/id/pit-m", a_member("pit-m", pond.bob.id, "pit"))
    by_evil = {"remote_domain": "evil.example", "remote_id": "pit-m"}
    others = [a_member("trap-m", pond.bob.id, "trap"), a_member("m3", pond.bob.id, "x", **by_evil)]
    marsh.serve_reply(a_member("bob-m", pond.bob.id, "marsh"), *others, {"id": "odd", "object_type": []})

    assert marsh.bob_joins().status_code == 200
    joined = pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]
    assert pond.local_id(pond.peer, "marsh") in joined
    assert len(joined) == 2


def test_who_owns_a_conference_elsewhere_may_leave_it(pond: Pond, marsh: Marsh) -> None:
    shown = marsh.bob_joins().json
    pond.told(pond.peer, a_conference("marsh", pond.bob.id))

    assert pond.ask("POST", f"/conferences/{shown['id']}/leave", by=pond.bob).status_code == 200


def test_what_ours_say_elsewhere_waits_for_that_instance_alone(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    answer = pond.ask("POST", f"/channels/{marsh.reeds}/messages", by=pond.bob, json={"content": "hello"})

    assert answer.status_code == 200
    stored = pond.world.server.stored()
    assert (stored["outgoing"], stored["deliveries"]) == (1, 0)


def test_reaction_that_is_refused_here_keeps_out_no_other(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    path = f"/channels/{marsh.reeds}/messages"
    said = pond.ask("POST", path, by=pond.bob, json={"content": "hello"}).json["id"]
    ours = {"remote_domain": "chat.example", "remote_id": said}
    pond.told(pond.peer, a_stash(an_account("yan"), an_account("wim"), an_account("vic")))

    def reacted(*authors: str) -> list[str]:
        liked = {"reactions": ["thumbs_up"] * len(authors), "reaction_authors": list(authors)}
        shown = pond.told(pond.peer, a_message("m9", "reeds", "bob-there", "hello", **ours, **liked))
        return sorted(shown["reaction_authors"])

    assert pond.ask("POST", f"/accounts/{pond.local_id(pond.peer, 'zoe')}/block", by=pond.bob).status_code == 200
    assert reacted("zoe", "vic", "wim") == ["vic", "wim"]
    assert reacted("zoe", "wim", "yan") == ["wim", "yan"]


def test_permissions_of_the_other_instance_hold_here(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    pond.told(pond.peer, a_channel("reeds", "marsh", permissions=3))

    with pond.stores_nothing():
        path = f"/channels/{marsh.reeds}/messages"
        is_error(pond.ask("POST", path, by=pond.bob, json={"content": "hello"}), 403, 3)
    pond.told(pond.peer, a_channel("reeds", "marsh", permissions=0))
    is_error(pond.ask("GET", f"/channels/{marsh.reeds}/messages", by=pond.bob), 403, 3)


def test_channel_that_is_moved_to_another_conference_there_is_for_the_members_of_that_one(
    pond: Pond, marsh: Marsh
) -> None:
    marsh.bob_joins()
    rushes = a_channel("rushes", "marsh", category="plants")
    pond.told(pond.peer, a_stash(a_channel("plants", "marsh", channel_type="category"), rushes))
    pond.told(pond.peer, a_conference("fen", "zoe"))
    path = f"/channels/{pond.local_id(pond.peer, 'rushes')}"

    pond.told(pond.peer, a_channel("plants", "fen", channel_type="category"))
    assert pond.ask("GET", path, by=pond.bob).json.get("category") is None

    pond.told(pond.peer, a_channel("rushes", "fen"))
    pond.told(pond.peer, a_message("m1", "rushes", "zoe", "not for bob"))
    is_error(pond.ask("GET", f"{path}/messages", by=pond.bob), 403, 3)
    is_error(pond.ask("GET", path, by=pond.bob), 403, 3)


def test_ours_change_nothing_elsewhere(pond: Pond, marsh: Marsh) -> None:
    shown = marsh.bob_joins().json
    pond.told(pond.peer, a_conference("marsh", "zoe", permissions=16383))

    with pond.stores_nothing():
        for path, body in (("", {"name": "Mine"}), ("/channels", {"name": "new"}), ("/roles", {"name": "king"})):
            method = "POST" if path else "PATCH"
            is_error(pond.ask(method, f"/conferences/{shown['id']}{path}", by=pond.bob, json=body), 403, 3)


def test_guest_of_a_third_instance_is_believed_at_home_and_vouched_for_by_the_conference(
    pond: Pond, marsh: Marsh
) -> None:
    marsh.bob_joins()
    pond.wire.serve("https://evil.example/api/v1/id/eve", an_account("eve"))
    said = a_message("e1", pond.local_id(pond.peer, "reeds") or "", "eve", "as it is at home")
    pond.wire.serve("https://evil.example/api/v1/id/e1", said)
    told = a_message("m9", "reeds", "eve-at-peer", "as it is told", remote_domain="evil.example", remote_id="e1")

    pond.told(pond.peer, told)

    assert pond.texts(marsh.reeds, by=pond.bob) == ["hi", "as it is at home"]
    with pond.stores_nothing():
        forged = a_message("e2", marsh.reeds, "eve", "not vouched for")
        is_error(pond.tell(pond.evil, forged), 403, 3)


def test_edit_by_a_guest_of_a_third_instance_is_read_at_home(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    reeds = marsh.reeds
    pond.wire.serve("https://evil.example/api/v1/id/eve", an_account("eve"))
    pond.wire.serve("https://evil.example/api/v1/id/e1", a_message("e1", reeds, "eve", "misteak"))
    by_eve = {"remote_domain": "evil.example", "remote_id": "e1"}
    pond.told(pond.peer, a_message("m9", "reeds", "eve-at-peer", "misteak", **by_eve))
    edited = {"edit_date": "2026-11-22T00:25:44+00:00"}
    pond.wire.serve("https://evil.example/api/v1/id/e1", a_message("e1", reeds, "eve", "mistake", **edited))

    pond.wire.asked.clear()
    pond.told(pond.peer, a_message("m9", "reeds", "eve-at-peer", "misteak", **by_eve))
    assert pond.wire.asked == []
    pond.told(pond.peer, a_message("m9", "reeds", "eve-at-peer", "forged", **by_eve, **edited))

    assert pond.texts(reeds, by=pond.bob) == ["hi", "mistake"]
    pond.wire.serve("https://evil.example/api/v1/id/e1", 404)
    pond.told(pond.peer, a_message("m9", "reeds", "eve-at-peer", "forged", **by_eve))
    assert pond.texts(reeds, by=pond.bob) == ["hi", "mistake"]


def test_moderators_elsewhere_delete_what_ours_said_there(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    path = f"/channels/{marsh.reeds}/messages"
    said = pond.ask("POST", path, by=pond.bob, json={"content": "rude"}).json["id"]

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_ping("DELETE", said)), 403, 3)
    pond.told(pond.peer, a_ping("DELETE", said))

    assert pond.texts(marsh.reeds, by=pond.bob) == ["hi"]


def test_conference_that_its_home_deleted_is_gone_for_good(pond: Pond, marsh: Marsh) -> None:
    shown = marsh.bob_joins().json

    pond.told(pond.peer, a_ping("DELETE", shown["id"]))

    assert pond.ask("GET", f"/conferences/{shown['id']}", by=pond.bob).status_code == 404
    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_conference("marsh", "zoe")), 404, 4)


def test_who_comes_back_is_known_by_the_new_membership(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    pond.told(pond.peer, {"type": "object", "object_type": "conference_member", "id": "bob-m", "banned": True})
    marsh.serve_reply(a_member("bob-m2", pond.bob.id, "marsh"))

    conference = marsh.bob_joins().json["id"]

    member = pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"][conference]
    assert pond.ask("GET", f"/id/{member}", by=pond.bob).json["remote_id"] == "bob-m2"


def test_who_is_put_out_elsewhere_is_out_here(pond: Pond, marsh: Marsh) -> None:
    conference = marsh.bob_joins().json["id"]
    member = pond.local_id(pond.peer, "bob-m")

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_ping("DELETE", str(member))), 403, 3)
    pond.told(pond.peer, a_ping("DELETE", str(member)))

    assert conference not in pond.ask("GET", "/accounts", by=pond.bob).json["joined_conferences"]
    is_error(pond.ask("GET", f"/channels/{marsh.reeds}/messages", by=pond.bob), 403, 3)


def test_roles_elsewhere_decide_here(pond: Pond, marsh: Marsh) -> None:
    marsh.bob_joins()
    pond.told(pond.peer, a_channel("reeds", "marsh", permissions=0))
    path = f"/channels/{marsh.reeds}/messages"
    is_error(pond.ask("POST", path, by=pond.bob, json={"content": "hello"}), 403, 3)

    role = {"type": "object", "object_type": "role", "id": "r", "name": "trusted", "permissions": 15}
    pond.told(pond.peer, role | {"parent_conference": "marsh"})
    pond.told(pond.peer, a_member("bob-m", pond.bob.id, "marsh", roles=["r"]))

    assert pond.ask("POST", path, by=pond.bob, json={"content": "hello"}).status_code == 200


def test_who_left_is_not_taken_back_in_by_what_was_on_its_way(pond: Pond, marsh: Marsh) -> None:
    conference = marsh.bob_joins().json["id"]
    assert pond.ask("POST", f"/conferences/{conference}/leave", by=pond.bob).status_code == 200

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_member("bob-m", pond.bob.id, "marsh")), 403, 3)
