"""What instances ask for over Punctum: by pings, by subscribing and by reading."""

from __future__ import annotations

import pytest

from tests.databases import ON_SQLITE
from tests.facades.federation.conftest import World
from tests.facades.federation.punctum import (
    Pond,
    a_message,
    a_ping,
    an_account,
    is_error,
    pond,
    subscribed,
)

__all__ = ["pond"]


# Pings.


def test_deletion_is_believed_from_its_home_alone(pond: Pond) -> None:
    pond.join(pond.peer)
    pond.join(pond.evil, "eve")
    theirs = pond.told(pond.peer, a_message("m1", pond.shore, "zoe", "stays"))["id"]
    ours = pond.say("stays, too")

    with pond.stores_nothing():
        for target in (theirs, ours, pond.conference, pond.shore, pond.bob.id, pond.local_id(pond.peer, "zoe")):
            is_error(pond.tell(pond.evil, a_ping("DELETE", str(target))), 403, 3)

    assert pond.texts(pond.shore) == ["stays", "stays, too"]


@pytest.mark.parametrize("whose", ["ours", "a third instance's", "nobody's"])
@pytest.mark.parametrize("method", ["JOIN", "REACT", "BLOCK", "REPORT"])
@ON_SQLITE
def test_instance_acts_for_its_own_accounts_alone(pond: Pond, method: str, whose: str) -> None:
    pond.join(pond.peer)
    pond.join(pond.evil, "eve")
    message = pond.say("hello")
    target = {"JOIN": pond.invite, "REACT": message, "BLOCK": pond.bob.id, "REPORT": message}[method]
    source = {"ours": pond.bob.id, "a third instance's": pond.local_id(pond.peer, "zoe"), "nobody's": "nobody"}[whose]

    with pond.stores_nothing():
        answer = pond.tell(pond.evil, a_ping(method, target, source, reaction="heart"))

    is_error(answer, *((404, 9) if whose == "nobody's" else (403, 3)))


@pytest.mark.parametrize(("method", "target"), [("JOIN", "shore"), ("REACT", "conference"), ("BLOCK", "invite")])
@ON_SQLITE
def test_ping_about_another_type_is_refused(pond: Pond, method: str, target: str) -> None:
    pond.join(pond.peer)

    with pond.stores_nothing():
        ping = a_ping(method, getattr(pond, target), pond.local_id(pond.peer, "zoe"), reaction="heart")
        is_error(pond.tell(pond.peer, ping), 400, 5)


def test_report_reaches_the_moderators(pond: Pond) -> None:
    pond.join(pond.peer)
    message = pond.say("rude")

    shown = pond.told(pond.peer, a_ping("REPORT", message, pond.local_id(pond.peer, "zoe"), note="rude"))

    report = pond.ask("GET", f"/id/{shown['id']}").json
    assert (report["target"], report["note"]) == (message, "rude")


def test_block_is_honoured(pond: Pond) -> None:
    pond.join(pond.peer)

    pond.told(pond.peer, a_ping("BLOCK", pond.bob.id, pond.local_id(pond.peer, "zoe")))

    assert pond.world.server.stored()["blocks"] == 1


def test_change_is_read_at_the_home_of_what_changed(pond: Pond) -> None:
    zoe = pond.told(pond.peer, an_account())["id"]
    pond.wire.serve("https://peer.example/api/v1/id/zoe", an_account(display_name="As it is there"))

    shown = pond.told(pond.peer, a_ping("PATCH", zoe, display_name="As it is said"))

    assert shown["display_name"] == "As it is there"
    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_ping("PATCH", zoe, display_name="Forged")), 403, 3)


# Subscriptions.


def test_instance_is_told_of_what_it_subscribes_to(pond: Pond) -> None:
    for target in (pond.bob.id, pond.conference):
        assert subscribed(pond, target, pond.peer).json["id"] == target
    assert pond.world.server.stored()["subscriptions"] == 2

    for _ in range(2):
        assert subscribed(pond, pond.bob.id, pond.peer, verb="unsubscribe").json == {"id": pond.bob.id}
    assert pond.world.server.stored()["subscriptions"] == 1


@pytest.mark.parametrize(
    ("target", "status", "code"), [("shore", 400, 5), ("invite", 400, 5), ("nothing", 404, 4), ("zoe", 403, 3)]
)
@ON_SQLITE
def test_of_other_things_no_instance_is_told(pond: Pond, target: str, status: int, code: int) -> None:
    zoe = pond.told(pond.peer, an_account())["id"]

    with pond.stores_nothing():
        is_error(subscribed(pond, zoe if target == "zoe" else getattr(pond, target, target), pond.evil), status, code)


def test_subscription_shows_nothing_that_the_instance_may_not_read(pond: Pond) -> None:
    subscribed(pond, pond.conference, pond.evil)
    said = pond.say("for members")

    with pond.stores_nothing():
        answer = pond.world.get(f"/api/v1/id/{said}", pond.evil, accept="application/json")

    is_error(answer, 403, 3)


# What is shown to instances.


def test_instance_reads_what_its_people_may_read(pond: Pond, world: World) -> None:
    said, hidden = pond.say("for members"), pond.say("for nobody", channel=pond.secret)
    pond.join(pond.peer)

    assert world.get(f"/api/v1/id/{said}", pond.peer, accept="application/json").json["content"] == "for members"
    for path, by in ((f"/api/v1/id/{hidden}", pond.peer), (f"/api/v1/id/{said}", pond.evil)):
        is_error(world.get(path, by, accept="application/json"), 403, 3)


def test_who_asks_for_an_account_is_told_of_it_from_then_on(pond: Pond, world: World) -> None:
    shown = world.get(f"/api/v1/accounts/{pond.bob.id}", pond.peer, accept="application/json").json

    assert shown["username"] == "bob"
    assert world.server.stored()["subscriptions"] == 1
    assert not {"friends", "blocklist", "joined_conferences", "known_ids"} & shown.keys()
