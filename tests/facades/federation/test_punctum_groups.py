"""Groups of direct messages between instances: their home decides who is in them, and hears who left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app.actions.peers.sending import tell
from app.queries.punctum import federated
from tests.facades.conftest import Person
from tests.facades.federation.punctum import Object, Pond, a_message, a_ping, a_stash, an_account, is_error, pond
from tests.facades.federation.remote import RemoteActor

__all__ = ["pond"]

ELSEWHERE = "This conversation is another instance's, and is changed there."


class Groups:
    """The pond with zoe of the peer, who is known here, and what the peer is told."""

    def __init__(self, pond: Pond) -> None:
        self.pond = pond
        self.zoe = str(pond.told(pond.peer, an_account())["id"])
        pond.wire.serve("https://peer.example/api/v1/federation/inbox", {})

    def make(self, *members: str, by: Person | None = None, **more: Any) -> Object:
        return self.pond.make("/channels", by=by, channel_type="direct_message", members=list(members), **more)

    def change(self, id_: str, *, by: Person | None = None, **changes: Any) -> Any:
        return self.pond.ask("PATCH", f"/channels/{id_}", by=by, json=changes)

    def members(self, id_: str, *, by: Person | None = None) -> list[str]:
        return sorted(self.pond.ask("GET", f"/channels/{id_}", by=by).json["members"])

    def say(self, id_: str, text: str, *, by: Person | None = None) -> Any:
        return self.pond.ask("POST", f"/channels/{id_}/messages", by=by, json={"content": text})

    def turn(self) -> list[Mapping[str, Any]]:
        """What the peer is told in one turn, each object and each ping for itself."""
        posted = self.pond.wire.posted
        posted.clear()
        tell("peer.example", now=lambda: datetime.now(UTC), pause=lambda _: None)
        told: list[Mapping[str, Any]] = []
        for _, body in posted:
            told += [body[id_] for id_ in body["id_list"]] if body["type"] == "stash" else [body]
        return told

    def theirs(self, *members: str, id_: str = "crew", **more: Any) -> Object:
        """A group of the peer's."""
        named = {"channel_type": "direct_message", "name": "Crew", "members": list(members), "is_group": True}
        return {"type": "object", "object_type": "channel", "id": id_} | named | more

    def mirror(self, *members: str) -> str:
        """The peer tells of one of its groups; its id here."""
        return str(self.pond.told(self.pond.peer, self.theirs(*members))["id"])


@pytest.fixture
def groups(pond: Pond) -> Groups:
    return Groups(pond)


@pytest.fixture
def carol(pond: Pond) -> Person:
    return pond.world.server.sign_up("carol")


# Of this instance.


def test_peer_is_told_of_a_group_with_its_people(pond: Pond, groups: Groups) -> None:
    group = groups.make(pond.bob.id, groups.zoe, name="Crew", icon="https://chat.example/crew.png")
    groups.say(group["id"], "hello")

    told = groups.turn()

    assert [one["object_type"] for one in told] == ["account", "account", "channel", "message"]
    channel = told[2]
    assert set(channel["members"]) == {pond.alice.id, pond.bob.id, "zoe"}
    assert (channel["name"], channel["icon"], channel["is_group"]) == ("Crew", "https://chat.example/crew.png", True)
    assert channel["activitypub_id"] == f"https://chat.example/ap/dms/{group['id']}"
    assert told[3]["parent_channel"] == group["id"]


def test_more_people_than_a_stash_has_room_for_come_in_several(
    pond: Pond, groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(federated, "MAX_STASH", 2)
    groups.make(pond.bob.id, groups.zoe)

    assert [one["object_type"] for one in groups.turn()] == ["account", "account", "channel"]


def test_peer_is_told_who_comes_and_goes(pond: Pond, groups: Groups, carol: Person) -> None:
    group = groups.make(pond.bob.id, groups.zoe)
    groups.turn()

    groups.change(group["id"], members=[*group["members"], carol.id], name="Crew")
    [channel] = [one for one in groups.turn() if one["object_type"] == "channel"]
    assert (carol.id in channel["members"], channel["name"]) == (True, "Crew")

    groups.change(group["id"], by=carol, members=group["members"])
    [channel] = [one for one in groups.turn() if one["object_type"] == "channel"]
    assert set(channel["members"]) == {pond.alice.id, pond.bob.id, "zoe"}


def test_peer_of_whom_is_added_is_told_what_was_said(pond: Pond, groups: Groups, carol: Person) -> None:
    group = groups.make(pond.bob.id, carol.id)
    groups.say(group["id"], "one")
    groups.say(group["id"], "two")
    assert groups.turn() == []

    groups.change(group["id"], members=[*group["members"], groups.zoe])

    told = groups.turn()
    assert [one["content"] for one in told if one["object_type"] == "message"] == ["one", "two"]
    assert [one["object_type"] for one in told].index("channel") < len(told) - 2


def test_peer_that_is_reached_over_activitypub_is_told_of_the_group_alone(pond: Pond, groups: Groups) -> None:
    """ActivityPub has no word for it; what is said there goes that way."""
    zoe = pond.world.known(pond.world.zoe).id
    stranger = pond.world.known(pond.world.meet(RemoteActor("https://quiet.example/users/yan"))).id

    group = groups.make(pond.bob.id, zoe, stranger)
    groups.say(group["id"], "hello")

    assert [one["object_type"] for one in groups.turn() if one["object_type"] != "account"] == ["channel"]
    assert pond.world.server.stored()["outgoing"] == 0


def test_peer_speaks_in_it_for_who_is_in_it_alone(pond: Pond, groups: Groups, carol: Person) -> None:
    group = groups.make(pond.bob.id, groups.zoe)
    pond.told(pond.peer, an_account("yan"))
    pond.told(pond.evil, an_account("eve"))

    pond.told(pond.peer, a_message("m1", group["id"], "zoe", "from afar"))

    assert pond.texts(group["id"], by=pond.bob) == ["from afar"]
    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_message("m2", group["id"], "yan")), 403, 3)
        is_error(pond.tell(pond.evil, a_message("m3", group["id"], "eve")), 404, 9)
    groups.change(group["id"], members=[*group["members"], carol.id])
    pond.told(pond.peer, a_message("m4", group["id"], "zoe", "and you"))
    assert pond.texts(group["id"], by=carol) == ["from afar", "and you"]


def test_what_a_peer_says_of_our_group_is_not_believed(pond: Pond, groups: Groups, carol: Person) -> None:
    group = groups.make(pond.bob.id, groups.zoe)
    ours = {"remote_domain": "chat.example", "remote_id": group["id"]}

    pond.told(pond.peer, groups.theirs("zoe", carol.id, **ours))

    assert groups.members(group["id"]) == sorted([pond.alice.id, pond.bob.id, groups.zoe])
    assert pond.ask("GET", f"/channels/{group['id']}").json["name"] == group["name"]
    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_ping("PATCH", group["id"], "zoe", members=["zoe"])), 403, 3)


def test_somebody_of_a_peer_leaves_by_their_own_instance(pond: Pond, groups: Groups) -> None:
    group = groups.make(pond.bob.id, groups.zoe)
    pond.told(pond.peer, an_account("yan"))
    pond.told(pond.evil, an_account("eve"))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_ping("DELETE", group["id"])), 400, 7)
        is_error(pond.tell(pond.peer, a_ping("DELETE", group["id"], "yan")), 400, 8)
        is_error(pond.tell(pond.peer, a_ping("DELETE", group["id"], pond.bob.id)), 403, 3)
        is_error(pond.tell(pond.evil, a_ping("DELETE", group["id"], "eve")), 404, 4)

    pond.told(pond.peer, a_ping("DELETE", group["id"], "zoe"))

    assert groups.members(group["id"]) == sorted([pond.alice.id, pond.bob.id])
    groups.turn()
    groups.say(group["id"], "without you")
    assert groups.turn() == []
    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_message("m1", group["id"], "zoe")), 404, 9)
        is_error(pond.world.get(f"/api/v1/id/{group['id']}", pond.peer, accept="application/json"), 404, 4)


def test_conversation_of_two_is_not_left(pond: Pond, groups: Groups) -> None:
    pair = groups.make(groups.zoe)

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_ping("DELETE", pair["id"], "zoe")), 403, 3)


# Of another instance.


def test_group_of_a_peer_is_read_and_written_here(pond: Pond, groups: Groups) -> None:
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)

    pond.told(pond.peer, a_message("m1", "crew", "zoe", "ahoy"))
    said = groups.say(there, "aye", by=pond.bob)

    assert said.status_code == 200
    assert pond.texts(there) == ["ahoy", "aye"]
    shown = pond.ask("GET", f"/channels/{there}").json
    assert (shown["name"], shown["remote_domain"], shown["remote_id"]) == ("Crew", "peer.example", "crew")
    [message] = [one for one in groups.turn() if one["object_type"] == "message"]
    assert (message["content"], message["parent_channel"]) == ("aye", "crew")


def test_its_home_adds_renames_and_takes_out(pond: Pond, groups: Groups, carol: Person) -> None:
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)
    pond.told(pond.peer, a_message("m1", "crew", "zoe", "before"))

    pond.told(pond.peer, groups.theirs("zoe", pond.alice.id, carol.id, name="Fleet"))

    assert groups.members(there) == sorted([groups.zoe, pond.alice.id, carol.id])
    assert pond.ask("GET", f"/channels/{there}").json["name"] == "Fleet"
    assert pond.texts(there, by=carol) == ["before"]
    with pond.stores_nothing():
        assert pond.ask("GET", f"/channels/{there}/messages", by=pond.bob).status_code == 404
        assert groups.say(there, "still here", by=pond.bob).status_code == 404


def test_group_of_another_program_is_one_by_how_many_they_are(pond: Pond, groups: Groups) -> None:
    theirs = groups.theirs("zoe", pond.alice.id, pond.bob.id)
    del theirs["is_group"]
    there = str(pond.told(pond.peer, theirs)["id"])

    pond.told(pond.peer, theirs | {"members": ["zoe", pond.alice.id]})

    assert groups.members(there) == sorted([groups.zoe, pond.alice.id])
    assert groups.make(groups.zoe)["id"] != there


def test_group_of_two_grows(pond: Pond, groups: Groups) -> None:
    there = groups.mirror("zoe", pond.alice.id)

    pond.told(pond.peer, groups.theirs("zoe", pond.alice.id, pond.bob.id))

    assert groups.members(there) == sorted([groups.zoe, pond.alice.id, pond.bob.id])
    assert groups.make(groups.zoe)["id"] != there


def test_who_is_in_it_is_its_homes_to_say(pond: Pond, groups: Groups, carol: Person) -> None:
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)
    pond.told(pond.evil, an_account("eve"))
    forged = groups.theirs("eve", carol.id, pond.bob.id, id_="mine", remote_domain="peer.example", remote_id="crew")

    pond.told(pond.evil, forged)

    assert groups.members(there) == sorted([groups.zoe, pond.alice.id, pond.bob.id])
    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_message("m1", there, "eve")), 404, 9)
        is_error(pond.tell(pond.evil, a_ping("DELETE", there, "eve")), 404, 4)


def test_nobody_here_changes_it_but_by_leaving(pond: Pond, groups: Groups, carol: Person) -> None:
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)
    members = groups.members(there)

    with pond.stores_nothing():
        for changes in ({"members": [*members, carol.id]}, {"name": "Mine"}, {"icon": "https://pond.example/x.png"}):
            answer = groups.change(there, by=pond.bob, **changes)
            is_error(answer, 403, 3)
            assert answer.json["error"] == ELSEWHERE

    left = groups.change(there, by=pond.bob, members=[id_ for id_ in members if id_ != pond.bob.id])
    assert left.json == {"id": there}
    assert groups.turn()[-1] == {
        "type": "ping",
        "ping_type": "client_request",
        "request_method": "DELETE",
        "request_target_id": "crew",
        "request_source_user": pond.bob.id,
        "request_data": {},
    }


def test_who_left_does_not_come_back_by_what_its_home_said_before_it_knew(pond: Pond, groups: Groups) -> None:
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)
    stays = [groups.zoe, pond.alice.id]
    groups.change(there, by=pond.bob, members=stays)

    pond.told(pond.peer, groups.theirs("zoe", pond.alice.id, pond.bob.id))

    assert groups.members(there) == sorted(stays)
    groups.turn()
    pond.told(pond.peer, groups.theirs("zoe", pond.alice.id, pond.bob.id))
    assert pond.bob.id in groups.members(there)


def test_who_blocks_somebody_of_a_peer_is_not_put_in_by_it(pond: Pond, groups: Groups) -> None:
    assert pond.ask("POST", f"/accounts/{groups.zoe}/block", by=pond.bob).status_code == 200

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, groups.theirs("zoe", pond.bob.id)), 403, 3)
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)

    assert groups.members(there) == sorted([groups.zoe, pond.alice.id])


def test_who_is_banned_from_the_server_puts_nobody_into_a_group(pond: Pond, groups: Groups) -> None:
    there = groups.mirror("zoe", pond.alice.id)
    assert pond.ask("POST", f"/moderation/users/{groups.zoe}/ban", json={}).status_code == 201

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, groups.theirs("zoe", pond.bob.id, id_="crowd", name="Buy this")), 403, 3)
    pond.told(pond.peer, groups.theirs("zoe", pond.alice.id, pond.bob.id))

    assert groups.members(there) == sorted([groups.zoe, pond.alice.id])


@pytest.mark.parametrize("is_banned", [True, False])
def test_who_is_blocked_in_a_group_says_nothing_there_by_its_name(pond: Pond, groups: Groups, is_banned: bool) -> None:
    there = groups.mirror("zoe", pond.alice.id, pond.bob.id)
    path = f"/moderation/users/{groups.zoe}/ban" if is_banned else f"/accounts/{groups.zoe}/block"
    assert pond.ask("POST", path, json={}).status_code in (200, 201)
    icon = "https://peer.example/insult.png"

    pond.told(pond.peer, groups.theirs("zoe", pond.alice.id, pond.bob.id, name="Insult", icon=icon))

    shown = pond.ask("GET", f"/channels/{there}", by=pond.bob).json
    assert (shown["name"], icon in str(shown)) == ("Crew", False)
    pond.told(pond.peer, an_account("yan"))
    pond.told(pond.peer, groups.theirs("zoe", "yan", pond.alice.id, pond.bob.id, name="Fleet"))
    assert pond.ask("GET", f"/channels/{there}", by=pond.bob).json["name"] == "Fleet"


@pytest.mark.parametrize("members", [["zoe"], ["alice", "bob"], ["eve", "bob"]])
def test_group_of_none_of_theirs_or_none_of_ours_is_refused(pond: Pond, groups: Groups, members: list[str]) -> None:
    eve = str(pond.told(pond.evil, an_account("eve"))["id"])
    named = {"zoe": "zoe", "alice": pond.alice.id, "bob": pond.bob.id, "eve": eve}

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, groups.theirs(*(named[member] for member in members))), 403, 3)


def test_two_groups_do_not_have_one_address(pond: Pond, groups: Groups) -> None:
    address = {"activitypub_id": "https://peer.example/ap/dms/1"}
    pond.told(pond.peer, groups.theirs("zoe", pond.bob.id, **address))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, groups.theirs("zoe", pond.alice.id, id_="other", **address)), 400, 7)
        is_error(pond.tell(pond.peer, groups.theirs("zoe", pond.alice.id, id_="other", name="x" * 101)), 400, 7)
        is_error(pond.tell(pond.peer, groups.theirs(*["zoe"] * 101, id_="other")), 400, 11)


def test_channel_does_not_become_a_group(pond: Pond, groups: Groups) -> None:
    conference = {"type": "object", "object_type": "conference", "id": "c", "name": "c", "owner": "zoe"}
    channel = {
        "type": "object",
        "object_type": "channel",
        "id": "crew",
        "channel_type": "text",
        "name": "crew",
        "parent_conference": "c",
    }
    pond.told(pond.peer, a_stash(conference, channel))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, groups.theirs("zoe", pond.bob.id, pond.alice.id)), 400, 5)
