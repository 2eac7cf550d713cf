"""A server that shows strangers nothing without a login still shows instances what is theirs to read."""

from __future__ import annotations

import pytest

from tests.facades.federation.conftest import World
from tests.facades.federation.punctum import INBOX, Pond, is_error, pond

__all__ = ["pond"]

CONFIG = "/api/v1/system/runtime-config"


@pytest.fixture(autouse=True)
def login_is_required(pond: Pond) -> None:
    changed = {"settings": {"REQUIRE_LOGIN_TO_READ": True}}
    assert pond.world.server.call("PUT", CONFIG, person=pond.alice, json=changed).status_code == 200


def test_signed_reads_are_answered(pond: Pond, world: World) -> None:
    for path in (f"/id/{pond.alice.id}", f"/ids/{pond.alice.id}", f"/accounts/{pond.alice.id}"):
        assert world.get(f"/api/v1{path}", pond.peer, accept="application/json").json["username"] == "alice"
    invite = world.get("/api/v1/invites/by-name/come-in", pond.peer, accept="application/json").json
    assert invite["conference_id"] == pond.conference
    assert world.server.call("GET", INBOX).json["id"] == "0"


def test_people_of_instances_join(pond: Pond) -> None:
    assert pond.conference in pond.join(pond.peer)["id_list"]


def test_a_signature_that_proves_nothing_opens_nothing(pond: Pond, world: World) -> None:
    forged = {"Signature": 'keyId="https://pond.example/zoe#main-key",headers="date",signature="AAAA"'}
    there = (f"/id/{pond.alice.id}", f"/accounts/{pond.alice.id}", f"/conferences/{pond.conference}")
    for path in (*there, "/id/user_nothing", "/invites/by-name/come-in", "/invites/by-name/stay-out"):
        is_error(world.server.call("GET", f"/api/v1{path}"), 401, 3)
        is_error(world.server.call("GET", f"/api/v1{path}", headers=forged), 401, 3)
    is_error(world.get(f"/api/v1/conferences/{pond.conference}", pond.peer, accept="application/json"), 401, 3)
