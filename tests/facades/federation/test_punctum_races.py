"""Requests of instances at one moment: never an error of ours, never two of one thing, and nothing dead comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from activitypub.signatures import HttpRequest
from app.db import reading
from app.queries.peers import list_subscribers
from app.queries.spaces import find_member_of
from tests.facades.federation.punctum import (
    COMMENTS,
    INBOX,
    JOIN,
    Pond,
    a_channel,
    a_conference,
    a_message,
    a_ping,
    a_stash,
    an_account,
    an_instance,
    pond,
)

__all__ = ["pond"]

# SQLite has one writer, so there is less to see there.
pytestmark = pytest.mark.parametrize(
    "database_url", [pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"], indirect=True
)

ROUNDS = 3

Call = Callable[[Any], Any]


@pytest.fixture
def marsh(pond: Pond) -> Pond:
    """Zoe's conference at the peer, and zoe in ours."""
    pond.join(pond.peer)
    pond.told(pond.peer, a_stash(a_conference("marsh", "zoe"), a_channel("reeds", "marsh")))
    return pond


def a_child(kind: str, id_: str, **values: Any) -> dict[str, Any]:
    of = {"conference_id": "marsh"} if kind == "invite" else {"parent_conference": "marsh"}
    return {"type": "object", "object_type": kind, "id": id_} | of | values


def things(number: int) -> dict[str, dict[str, Any]]:
    return {
        "account": an_account(f"a{number}"),
        "conference": a_conference(f"c{number}", "zoe"),
        "channel": a_channel(f"h{number}", "marsh"),
        "role": a_child("role", f"r{number}", name=f"r{number}"),
        "member": a_child("conference_member", f"m{number}", user_id="zoe"),
        "invite": a_child("invite", f"i{number}", name=f"i{number}", creator="zoe"),
        "emoji": a_child("emoji", f"e{number}", shortcode=f"e{number}", image="https://peer.example/e"),
        "message": a_message(f"t{number}", "reeds", "zoe"),
    }


def signed(pond: Pond, body: dict[str, Any], path: str = INBOX, **named: Any) -> Call:
    request: HttpRequest = named.get("by", pond.peer).post(body | {"...": str(next(COMMENTS))}, path)
    lines = [(name, value) for name, value in request.headers if name.lower() != "content-type"]
    options = {"headers": [*lines, ("Content-Type", "application/json")], "base_url": "https://chat.example"}
    return lambda client: client.open(request.target, method="POST", data=request.body, buffered=True, **options)


def by_alice(pond: Pond, method: str, path: str) -> Call:
    return lambda client: client.open(f"/api/v1{path}", method=method, headers=pond.alice.bearer, buffered=True)


def at_once(pond: Pond, *calls: Call) -> list[Any]:
    """The answers; every call is made by a thread of its own, all at the same moment."""
    barrier = threading.Barrier(len(calls))
    app = pond.world.server.client.application

    def run(call: Call) -> Any:
        client = app.test_client()
        barrier.wait(10)
        return call(client)

    with ThreadPoolExecutor(len(calls)) as threads:
        answers = list(threads.map(run, calls))
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    return answers


def ids(answers: Sequence[Any]) -> set[str]:
    assert all(answer.status_code == 200 for answer in answers), [answer.text for answer in answers]
    return {answer.json["id"] for answer in answers}


@pytest.mark.parametrize("kind", things(0))
def test_same_thing_at_once_is_one(marsh: Pond, kind: str) -> None:
    for number in range(ROUNDS):
        thing = things(number)[kind]
        before = marsh.rows()

        found = ids(at_once(marsh, *(signed(marsh, thing) for _ in range(4))))

        after = marsh.rows()
        assert len(found) == 1
        assert after["known_ids"] - before["known_ids"] <= 1
        for table in ("actors", "spaces", "channels", "roles", "members", "invites", "custom_emoji", "messages"):
            assert after[table] - before[table] <= 1


def test_instance_that_describes_itself_at_once_is_one(marsh: Pond) -> None:
    ours = [an_instance("peer.example", name=f"n{number}") for number in range(4)]

    found = ids(at_once(marsh, *(signed(marsh, one) for one in ours)))

    assert found == {marsh.local_id(marsh.peer, "0")}
    assert marsh.rows()["told_instances"] == 1


@pytest.mark.parametrize("kind", things(0))
def test_thing_is_dead_that_is_told_and_deleted_at_once(marsh: Pond, kind: str) -> None:
    for number in range(ROUNDS):
        thing = things(number)[kind]
        local_id = marsh.told(marsh.peer, thing)["id"]
        changed = thing | {"nickname": "n", "description": "d"}
        changed |= {"content": "other"} if kind == "message" else {}

        at_once(marsh, signed(marsh, changed), signed(marsh, a_ping("DELETE", thing["id"])), signed(marsh, changed))

        assert marsh.tell(marsh.peer, thing).status_code == 404
        assert marsh.ask("GET", f"/id/{local_id}").status_code == 404
    assert marsh.texts(marsh.shore) == []


def test_message_that_is_edited_at_once_is_one_of_the_two(marsh: Pond) -> None:
    for number in range(ROUNDS):
        versions = [a_message(f"m{number}", marsh.shore, "zoe", f"{number} {text}") for text in ("one", "two", "three")]

        assert len(ids(at_once(marsh, *(signed(marsh, one) for one in versions)))) == 1

    assert len(marsh.texts(marsh.shore)) == ROUNDS


def test_two_that_want_one_name_at_once_do_not_share_it(marsh: Pond) -> None:
    for number in range(ROUNDS):
        emoji = [a_child("emoji", f"x{number}{one}", shortcode="duck", image="https://peer.example/d") for one in "ab"]
        invites = [a_child("invite", f"y{number}{one}", name="in", creator="zoe") for one in "ab"]

        at_once(marsh, *(signed(marsh, one) for one in (*emoji, *invites)))

    stored = marsh.rows()
    assert stored["custom_emoji"] == 1
    assert stored["invites"] == 2  # The pond's own is the other one.


def test_name_for_one_of_ours_is_noted_at_once(marsh: Pond) -> None:
    ours = [pond.id for pond in (marsh.alice, marsh.bob)]
    for number in range(ROUNDS):
        said = [an_account(f"n{number}", remote_domain="chat.example", remote_id=id_) for id_ in (*ours, *ours)]

        at_once(marsh, *(signed(marsh, one) for one in said))

        assert marsh.local_id(marsh.peer, f"n{number}") in ours


def test_who_joins_several_times_at_once_is_in_once(marsh: Pond) -> None:
    for number in range(ROUNDS):
        user = marsh.told(marsh.peer, an_account(f"g{number}"))["id"]
        before = marsh.rows()["members"]

        path = f"{JOIN}/{marsh.invite}"
        joined = [signed(marsh, {"user_id": user}, path), signed(marsh, a_ping("JOIN", marsh.invite, user))]
        answers = at_once(marsh, *joined, signed(marsh, {"user_id": user}, path))

        assert {answer.status_code for answer in answers} == {200}
        assert marsh.rows()["members"] == before + 1


def test_who_is_banned_while_joining_is_not_in(marsh: Pond) -> None:
    for number in range(ROUNDS):
        user = marsh.told(marsh.peer, an_account(f"b{number}"))["id"]

        at_once(
            marsh,
            signed(marsh, {"user_id": user}, f"{JOIN}/{marsh.invite}"),
            by_alice(marsh, "POST", f"/conferences/{marsh.conference}/members/{user}/ban"),
            signed(marsh, a_ping("JOIN", marsh.invite, user)),
        )

        with reading() as session:
            member = find_member_of(session, marsh.conference, user)
        assert member is not None
        assert member.banned_at is not None
        answer = marsh.tell(marsh.peer, {"user_id": user}, f"{JOIN}/{marsh.invite}")
        assert answer.status_code == 403
        assert marsh.tell(marsh.peer, a_message(f"m{number}", marsh.shore, f"b{number}")).status_code in (403, 404)


def test_instance_goes_on_to_be_told_when_one_leaves_and_another_comes(pond: Pond) -> None:
    stash = pond.join(pond.evil, "eve0")
    for number in range(ROUNDS):
        own = pond.local_id(pond.evil, f"eve{number}")
        [member] = [id_ for id_ in stash["id_list"] if stash[id_].get("user_id") == f"eve{number}"]
        user = pond.told(pond.evil, an_account(f"eve{number + 1}"))["id"]

        _, joined = at_once(
            pond,
            signed(pond, a_ping("DELETE", member, own), by=pond.evil),
            signed(pond, {"user_id": user}, f"{JOIN}/{pond.invite}", by=pond.evil),
        )

        stash = joined.json
        with reading() as session:
            assert list_subscribers(session, pond.conference) == ["evil.example"]


def test_reaction_that_is_wanted_several_times_at_once_is_one(marsh: Pond) -> None:
    zoe = str(marsh.local_id(marsh.peer, "zoe"))
    for _ in range(ROUNDS):
        ping = a_ping("REACT", marsh.say("hi"), zoe, reaction="thumbs_up", is_set=True)
        before = marsh.rows()["reactions"]

        at_once(marsh, *(signed(marsh, ping) for _ in range(4)))

        assert marsh.rows()["reactions"] == before + 1


def test_what_is_reported_and_blocked_several_times_at_once_is_noted_once(marsh: Pond) -> None:
    zoe, before = str(marsh.local_id(marsh.peer, "zoe")), marsh.rows()
    pings = (a_ping("REPORT", marsh.bob.id), a_ping("BLOCK", marsh.bob.id, zoe))

    at_once(marsh, *(signed(marsh, ping) for ping in (*pings, *pings, *pings)))

    after = marsh.rows()
    assert (after["reports"] - before["reports"], after["blocks"] - before["blocks"]) == (1, 1)
