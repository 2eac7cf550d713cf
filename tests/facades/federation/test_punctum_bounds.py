"""An instance that signs well and means ill: what it gets to cost."""

from __future__ import annotations

from typing import Any

import pytest

from app.facades.punctum import taking
from app.facades.punctum.taking import MAX_FETCHES
from tests.facades.federation.punctum import (
    INBOX,
    Pond,
    a_conference,
    a_message,
    a_stash,
    an_account,
    is_error,
    pond,
    swamp,
)

__all__ = ["pond", "swamp"]

EVIL = "https://evil.example/api/v1"


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
