"""An instance that signs well and means ill: what it gets to know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.actions.peers.sending import tell
from app.db import reading
from app.queries.actors import get_by_id
from app.queries.placement import conversation_id
from tests.facades.federation.conftest import World
from tests.facades.federation.punctum import (
    Pond,
    a_channel,
    is_error,
    pond,
)

__all__ = ["pond"]

EVIL = "https://evil.example/api/v1"
OURS = "chat.example"


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
