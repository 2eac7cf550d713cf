"""What the protocol federates beside names and texts: statuses, owners of bots, pins and reports, each way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.actions.peers.sending import tell
from app.db import reading
from app.facades.punctum.news import News
from app.facades.punctum.sights import Sights
from app.queries.events import list_after
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


class Peer:
    """The peer as somebody who listens: zoe, of it, is in the pond, and marsh is her conference."""

    def __init__(self, pond: Pond) -> None:
        self.pond = pond
        pond.join(pond.peer)
        pond.told(pond.peer, a_stash(a_conference("marsh", "zoe"), a_channel("reeds", "marsh")))
        pond.wire.serve(f"{PEER}/federation/inbox", {})
        pond.wire.serve(f"{PEER}/federation/subscribe/zoe", {})
        self.turn()

    def turn(self) -> list[Mapping[str, Any]]:
        """What it is told in one turn, in order, each object by itself."""
        self.pond.wire.posted.clear()
        tell("peer.example", pause=lambda _: None)
        bodies = [body for url, body in self.pond.wire.posted if url.endswith("/inbox")]
        return [one for body in bodies for one in ([body[id_] for id_ in body.get("id_list", ())] or [body])]

    def local_id(self, id_: str) -> str:
        return str(self.pond.local_id(self.pond.peer, id_))


@pytest.fixture
def peer(pond: Pond) -> Peer:
    return Peer(pond)


def test_status_of_theirs_is_shown_here(pond: Pond, peer: Peer) -> None:
    pond.told(pond.peer, an_account(short_status=2, status="at the shore"))

    shown = pond.ask("GET", f"/accounts/{peer.local_id('zoe')}").json

    assert (shown["short_status"], shown["status"]) == (2, "at the shore")
    pond.told(pond.peer, an_account())
    shown = pond.ask("GET", f"/accounts/{peer.local_id('zoe')}").json
    assert (shown["short_status"], shown.get("status")) == (0, None)


def test_status_of_ours_is_told(pond: Pond, peer: Peer) -> None:
    pond.told(pond.peer, {}, f"/api/v1/federation/subscribe/{pond.alice.id}")
    pond.ask("PATCH", f"/accounts/{pond.alice.id}", json={"status": "by the water", "short_status": 3})

    [told] = peer.turn()

    assert (told["short_status"], told["status"]) == (3, "by the water")


def test_who_owns_a_bot_is_told_and_known(pond: Pond, peer: Peer) -> None:
    bot = pond.make("/accounts", username="quackbot")["id"]
    pond.make(f"/conferences/{pond.conference}/members", user_id=bot)
    pond.told(pond.peer, an_account("their-bot", bot=True, bot_owner="zoe"))

    told = {one.get("id"): one for one in peer.turn()}

    assert (told[bot]["bot"], told[bot]["bot_owner"]) == (True, pond.alice.id)
    shown = pond.ask("GET", f"/accounts/{peer.local_id('their-bot')}").json
    assert (shown["bot"], shown["bot_owner"]) == (True, peer.local_id("zoe"))


def test_new_member_is_told(pond: Pond, peer: Peer) -> None:
    assert pond.ask("POST", f"/invites/{pond.invite}/join", by=pond.bob).status_code == 200

    told = peer.turn()

    assert [one["object_type"] for one in told] == ["account", "conference_member"]
    assert told[1]["user_id"] == told[0]["id"] == pond.bob.id


def test_instance_whose_last_member_is_deleted_is_told_no_more(pond: Pond, peer: Peer) -> None:
    pond.told(pond.peer, an_account("zara"))
    pond.told(pond.peer, {"user_id": peer.local_id("zara")}, f"{JOIN}/{pond.invite}")

    pond.told(pond.peer, a_ping("DELETE", "zara"))
    assert pond.rows()["subscriptions"] == 1
    pond.told(pond.peer, a_ping("DELETE", "zoe"))

    assert pond.rows()["subscriptions"] == 0


def test_pin_of_ours_is_told(pond: Pond, peer: Peer) -> None:
    said = pond.say("remember this")
    peer.turn()

    pond.ask("PATCH", f"/messages/{said}", json={"pinned": True})
    told = peer.turn()[-1]
    assert (told["id"], told["pinned"]) == (said, True)

    pond.ask("PATCH", f"/messages/{said}", json={"pinned": False})
    told = peer.turn()[-1]
    assert (told["id"], told.get("pinned")) == (said, None)


def test_pin_is_believed_from_the_home_of_the_channel_alone(pond: Pond, peer: Peer) -> None:
    theirs = pond.told(pond.peer, a_message("m1", "reeds", "zoe", pinned=True))
    ours = pond.told(pond.peer, a_message("m2", pond.shore, "zoe", pinned=True))

    assert theirs["pinned"] is True
    assert "pinned" not in ours
    assert "pinned" not in pond.told(pond.peer, a_message("m1", "reeds", "zoe"))


def test_report_goes_to_the_home_of_what_it_is_about_and_says_not_by_whom(pond: Pond, peer: Peer) -> None:
    zoe = peer.local_id("zoe")
    assert pond.ask("POST", f"/accounts/{zoe}/report", by=pond.bob, json={"note": "spam"}).status_code == 201
    assert pond.ask("POST", f"/accounts/{zoe}/report", by=pond.bob, json={"note": "spam"}).status_code == 201

    [told] = peer.turn()

    assert (told["request_method"], told["request_target_id"]) == ("REPORT", "zoe")
    assert told["request_data"] == {"note": "spam"}
    assert "request_source_user" not in told
    assert pond.bob.id not in str(told)


def test_report_of_what_is_ours_stays_here(pond: Pond, peer: Peer) -> None:
    pond.ask("POST", f"/accounts/{pond.alice.id}/report", by=pond.bob, json={"note": "spam"})

    assert peer.turn() == []


@pytest.mark.parametrize("data", [{}, {"note": "spam"}])
def test_report_by_an_instance_has_no_person_behind_it(pond: Pond, peer: Peer, data: dict[str, str]) -> None:
    report = pond.told(pond.peer, a_ping("REPORT", pond.shore, **data))["id"]

    shown = pond.ask("GET", f"/reports/{report}").json
    assert shown["target"] == pond.shore
    assert shown["creator"] not in (peer.local_id("zoe"), pond.alice.id, pond.bob.id)


def test_what_is_gone_is_told_before_what_is_new(pond: Pond, peer: Peer) -> None:
    duck: Any = {"shortcode": "duck", "image": "/static/placeholder.svg"}
    old = pond.make(f"/conferences/{pond.conference}/emoji", **duck)["id"]
    pond.wire.serve(
        f"{PEER}/federation/inbox", {"type": "object", "id": "e1", "remote_domain": "chat.example", "remote_id": old}
    )
    assert peer.turn()[0]["image"] == "https://chat.example/static/placeholder.svg"
    pond.ask("DELETE", f"/emoji/{old}")
    pond.make(f"/conferences/{pond.conference}/emoji", **duck)

    told = peer.turn()

    assert [one.get("request_method") for one in told] == ["DELETE", None]


def test_only_what_was_told_is_named_in_an_answer(pond: Pond, peer: Peer) -> None:
    said = pond.say("hello")
    names = {said: "m1", pond.bob.id: "x", "msg_that_never_was": "y"}
    objects = {name: {"id": name, "remote_domain": "chat.example", "remote_id": id_} for id_, name in names.items()}
    pond.wire.serve(f"{PEER}/federation/inbox", {"type": "stash", "id_list": [*objects], **objects})

    before = pond.rows()["known_ids"]
    peer.turn()

    assert pond.local_id(pond.peer, "m1") == said
    assert pond.rows()["known_ids"] == before + 1


def test_sight_of_ours_is_no_longer_for_who_lost_it(pond: Pond, peer: Peer) -> None:
    """Who reacts by their instance has to see the message, as everybody."""
    hidden = pond.say("for nobody", channel=pond.secret)

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_ping("REACT", hidden, peer.local_id("zoe"), reaction="eyes")), 404, 4)


def test_account_elsewhere_is_news_to_whoever_is_with_them(pond: Pond, peer: Peer) -> None:
    """Alice is in a conference with zoe, and bob is not."""
    pond.told(pond.peer, an_account(display_name="Zoe Z."))

    with reading() as session:
        batch = [one for one in list_after(session, 0, limit=1000) if one.type == "account_changed"][-1:]
        news = News(session, batch, [pond.alice.id, pond.bob.id], Sights())
        told = [telling for event in batch for telling in news.of(event)]

    assert [(one.users, one.body["display_name"]) for one in told] == [(frozenset({pond.alice.id}), "Zoe Z.")]
