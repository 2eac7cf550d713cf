"""What instances are told over Punctum: when, in which order, and what of it nobody there may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activitypub.fetch import Reason, UnreachableError
from app.actions.peers.sending import tell
from app.actions.peers.silence import PROBE_AFTER
from app.db import reading, transaction
from app.projections import peers
from app.queries.peers import GIVEN_UP_AFTER, list_outgoing
from app.settings import configure, current
from tests.facades.conftest import ORIGIN
from tests.facades.federation.punctum import Pond, a_message, an_account, pond
from tests.facades.pufferblow.files import attached

__all__ = ["pond"]

PEER = "peer.example"
INBOX = "https://peer.example/api/v1/federation/inbox"
AWAY = UnreachableError("nobody there", reason=Reason.CONNECT)


class Peer:
    """The peer as somebody who listens: zoe of it is in the pond, and all that it was told until then is forgotten."""

    def __init__(self, pond: Pond) -> None:
        self.pond, self.now = pond, datetime.now(UTC)
        self.answer({})
        self.pond.wire.serve("https://peer.example/api/v1/federation/subscribe/zoe", {})
        pond.world.server.once("zoe listens", self._listen)
        pond.world.forget()

    def _listen(self) -> None:
        self.pond.join(self.pond.peer)
        self.turn()

    def answer(self, *answers: Any) -> None:
        self.pond.wire.serve(INBOX, *answers)

    def turn(self) -> list[Mapping[str, Any]]:
        """What it is told in one turn."""
        self.pond.wire.posted.clear()
        tell(PEER, now=lambda: self.now, pause=lambda _: None)
        return [body for _, body in self.pond.wire.posted]

    def waits(self) -> int:
        return self.pond.world.server.stored()["outgoing"]


@pytest.fixture
def peer(pond: Pond) -> Peer:
    return Peer(pond)


def test_new_message_is_told(pond: Pond, peer: Peer) -> None:
    said = pond.say("hello")

    [told] = peer.turn()

    assert told[said]["content"] == "hello"
    assert peer.waits() == 0
    assert peer.turn() == []


def test_an_instance_is_told_the_key_of_a_file_that_people_are_not(pond: Pond, peer: Peer) -> None:
    server = pond.world.server
    attached(server, pond.alice, pond.shore, ("plan.txt", b"the plan"))

    [told] = peer.turn()
    [url] = next(told[id_] for id_ in told["id_list"] if told[id_]["object_type"] == "message")["attached_files"]
    shown = pond.ask("GET", f"/channels/{pond.shore}/messages").json

    address, _, key = url.partition("?")
    assert key.startswith("key=")
    assert shown[shown["id_list"][-1]]["attached_files"] == [address]
    assert server.call("GET", url.removeprefix(ORIGIN)).data == b"the plan"


def test_several_are_told_in_one_stash_with_whom_they_name_first(pond: Pond, peer: Peer) -> None:
    pond.say("one")
    pond.say("two")

    [told] = peer.turn()

    kinds = [told[id_]["object_type"] for id_ in told["id_list"]]
    assert kinds == ["account", "message", "message"]


def test_whom_the_peer_knows_is_not_told_again(pond: Pond, peer: Peer) -> None:
    pond.say("one")
    alice = {"type": "object", "id": "alice-there", "remote_domain": "chat.example", "remote_id": pond.alice.id}
    peer.answer({"type": "stash", "id_list": ["alice-there"], "alice-there": alice})
    peer.turn()
    pond.say("two")

    [told] = peer.turn()

    assert (told["object_type"], told["author"]) == ("message", "alice-there")


def test_what_changes_twice_is_told_once_as_it_is_now(pond: Pond, peer: Peer) -> None:
    said = pond.say("first version")
    pond.ask("PATCH", f"/messages/{said}", json={"content": "second version"})
    pond.ask("PATCH", f"/messages/{said}", json={"content": "newest version"})

    assert peer.waits() == 1
    assert "newest version" in str(peer.turn())


def test_what_was_said_and_deleted_meanwhile_is_never_told(pond: Pond, peer: Peer) -> None:
    said = pond.say("never mind")
    pond.ask("DELETE", f"/messages/{said}")

    assert peer.turn() == []
    assert peer.waits() == 0


def test_what_nobody_there_may_read_is_not_told(pond: Pond, peer: Peer) -> None:
    pond.say("for nobody", channel=pond.secret)
    pond.ask("PATCH", f"/channels/{pond.secret}", json={"name": "hidden"})

    assert peer.turn() == []


def test_channel_that_is_closed_to_them_is_told_as_closed(pond: Pond, peer: Peer) -> None:
    named = {"type": "object", "id": "shore-there", "remote_domain": "chat.example", "remote_id": pond.shore}
    pond.ask("PATCH", f"/channels/{pond.shore}", json={"description": "for all"})
    peer.answer(named)
    peer.turn()
    pond.ask("PATCH", f"/channels/{pond.shore}", json={"permissions": 0, "name": "hidden"})

    [told] = peer.turn()

    assert (told["id"], told["permissions"], told["name"]) == (pond.shore, 0, "?")


def test_channel_that_is_moved_to_where_none_of_them_is_is_told_as_closed(pond: Pond, peer: Peer) -> None:
    named = {"type": "object", "id": "shore-there", "remote_domain": "chat.example", "remote_id": pond.shore}
    pond.ask("PATCH", f"/channels/{pond.shore}", json={"description": "for all"})
    peer.answer(named)
    peer.turn()
    elsewhere = pond.make("/conferences", name="The Sea")["id"]
    assert pond.ask("PATCH", f"/channels/{pond.shore}", json={"parent_conference": elsewhere}).status_code == 200
    pond.say("not for zoe")

    [told] = peer.turn()

    assert (told["id"], told["permissions"], told["name"]) == (pond.shore, 0, "?")
    assert told["parent_conference"] == pond.conference


def test_channel_that_is_moved_to_where_they_are_is_told_with_what_was_said_last(pond: Pond, peer: Peer) -> None:
    elsewhere = pond.make("/conferences", name="The Sea")["id"]
    cove = pond.make(f"/conferences/{elsewhere}/channels", name="cove")["id"]
    pond.say("at sea", channel=cove)

    assert pond.ask("PATCH", f"/channels/{cove}", json={"parent_conference": pond.conference}).status_code == 200

    assert "at sea" in str(peer.turn())


def test_channel_that_is_opened_to_them_is_told_with_what_was_said_last(pond: Pond, peer: Peer) -> None:
    pond.say("for members from now on", channel=pond.secret)
    zoe = pond.local_id(pond.peer, "zoe")
    role = pond.make(f"/conferences/{pond.conference}/roles", name="trusted", permissions=15)["id"]
    pond.ask("PATCH", f"/conferences/{pond.conference}/members/{zoe}", json={"roles": [role]})

    told = str(peer.turn())

    assert pond.secret in told
    assert "for members from now on" in told


def test_who_did_it_is_not_told_of_it(pond: Pond, peer: Peer) -> None:
    pond.told(pond.peer, a_message("m1", pond.shore, "zoe"))

    assert peer.turn() == []


def test_reaction_of_ours_is_told_with_the_message_and_whose_it_is(pond: Pond, peer: Peer) -> None:
    theirs = pond.told(pond.peer, a_message("m1", pond.shore, "zoe"))["id"]
    pond.ask("POST", f"/messages/{theirs}/react", json={"reaction": "thumbs_up"})

    told = next(body for body in peer.turn() if body.get("object_type") == "message" or "m1" in str(body))

    assert "thumbs_up" in str(told)
    assert pond.alice.id in str(told)


def test_who_is_banned_is_told_to_their_instance_and_nothing_after(pond: Pond, peer: Peer) -> None:
    zoe = pond.local_id(pond.peer, "zoe")
    pond.make(f"/conferences/{pond.conference}/members/{zoe}/ban")
    pond.say("without zoe")

    [told] = peer.turn()

    assert told["object_type"] == "conference_member"
    assert told["banned"] is True
    assert not {"user_id", "nickname"} & told.keys()
    assert pond.world.server.stored()["subscriptions"] == 0


def test_who_is_put_out_is_told_to_their_instance_as_a_deletion(pond: Pond, peer: Peer) -> None:
    zoe = pond.local_id(pond.peer, "zoe")
    members = pond.ask("GET", f"/conferences/{pond.conference}/members").json
    [member] = [id_ for id_ in members["id_list"] if members[id_]["user_id"] == zoe]
    peer.answer({"type": "object", "id": "zoe-m", "remote_domain": "chat.example", "remote_id": member})
    pond.ask("PATCH", f"/conferences/{pond.conference}/members/{zoe}", json={"nickname": "Z"})
    peer.turn()
    assert pond.ask("DELETE", f"/conferences/{pond.conference}/members/{zoe}").status_code == 200

    [told] = peer.turn()

    assert (told["request_method"], told["request_target_id"]) == ("DELETE", "zoe-m")
    assert pond.world.server.stored()["subscriptions"] == 0


# Silence.


def test_instance_that_has_too_much_to_do_is_not_silent(pond: Pond, peer: Peer) -> None:
    pond.say("hello")
    peer.answer(429, {})

    assert len(peer.turn()) == 1
    assert len(peer.turn()) == 1
    assert peer.waits() == 0


@pytest.mark.parametrize("answer", [AWAY, 500, 503, 401])
def test_silent_instance_is_left_alone_and_asked_after_ten_minutes(pond: Pond, peer: Peer, answer: Any) -> None:
    pond.say("are you there?")
    peer.answer(answer)
    assert len(peer.turn()) == 1

    peer.now += PROBE_AFTER - timedelta(seconds=1)
    pond.wire.asked.clear()
    assert (peer.turn(), pond.wire.asked) == ([], [])
    peer.now += timedelta(seconds=1)
    assert (peer.turn(), pond.wire.asked) == ([], [INBOX])
    assert peer.waits() == 1


def test_instance_that_is_back_is_told_all_in_order(pond: Pond, peer: Peer) -> None:
    peer.answer(AWAY)
    said = [pond.say(f"number {number}") for number in range(120)]
    peer.turn()
    peer.answer({})
    peer.now += PROBE_AFTER

    stashes = peer.turn()

    assert [id_ for stash in stashes for id_ in stash["id_list"] if id_ in said] == said
    assert all(len(stash["id_list"]) <= 100 for stash in stashes)
    assert peer.waits() == 0


def test_instance_that_speaks_is_told_at_once(pond: Pond, peer: Peer) -> None:
    peer.answer(AWAY)
    pond.say("are you there?")
    peer.turn()
    peer.answer({})

    pond.told(pond.peer, an_account("zoe"))

    assert len(peer.turn()) == 1


def test_instance_is_given_up_after_a_week_until_it_speaks(pond: Pond, peer: Peer) -> None:
    peer.answer(AWAY)
    pond.say("are you there?")
    peer.turn()
    peer.now += GIVEN_UP_AFTER
    pond.wire.asked.clear()
    peer.answer({})

    assert (peer.turn(), pond.wire.asked) == ([], [])
    pond.told(pond.peer, an_account("zoe"))
    assert len(peer.turn()) == 1


def test_what_is_refused_is_not_told_again_and_keeps_nothing_back(pond: Pond, peer: Peer) -> None:
    pond.say("one")
    pond.say("two")
    peer.answer(400)

    assert len(peer.turn()) == 4  # The stash, and then each of the three by itself.
    assert peer.waits() == 0


def test_what_happens_while_it_is_told_is_told_next(pond: Pond, peer: Peer) -> None:
    said = pond.say("first version")
    with reading() as session:
        [seen] = list_outgoing(session, PEER, now=peer.now, limit=2)
    pond.ask("PATCH", f"/messages/{said}", json={"content": "second version"})
    with transaction() as session:
        peers.settle(session, seen.position, seen.version)

    assert peer.waits() == 1
    assert "second version" in str(peer.turn())


def test_blocked_instance_is_told_nothing(pond: Pond, peer: Peer) -> None:
    pond.say("hello")
    settings = current()
    configure(replace(settings, blocked_domains=frozenset({PEER})))
    try:
        pond.say("hello again")
        assert peer.turn() == []
    finally:
        configure(settings)
    assert peer.waits() == 0


# Accounts.


@pytest.mark.parametrize("speaks_activitypub", [False, True])
def test_account_is_told_where_activitypub_does_not(pond: Pond, peer: Peer, speaks_activitypub: bool) -> None:
    pond.world.get(f"/api/v1/accounts/{pond.bob.id}", pond.peer, accept="application/json")
    with transaction() as session:
        peers.change(session, PEER, speaks_activitypub=speaks_activitypub)

    pond.ask("PATCH", f"/accounts/{pond.bob.id}", by=pond.bob, json={"display_name": "Bob B."})

    assert [body.get("display_name") for body in peer.turn()] == ([] if speaks_activitypub else ["Bob B."])
