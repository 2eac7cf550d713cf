"""People have us ask other servers: nobody else waits meanwhile, and they do not do so without end (FET-21)."""

from __future__ import annotations

from typing import Any

import pytest

from app.web.admission import Admission
from app.web.limiting import LEAST
from tests.facades.federation.conftest import World
from tests.facades.federation.punctum import Pond, a_conference, a_stash, an_account, pond
from tests.facades.test_rate_limits import limit

__all__ = ["pond"]

_FEWEST = 100  # Of which the share of asking elsewhere is the least that there is.
_EXCEEDED = "Rate limit exceeded. Please try again later."


def follow(world: World, name: str) -> Any:
    body = {"remote_handle": f"https://peer.example/users/{name}"}
    return world.server.call("POST", "/api/v1/federation/follow", person=world.bob, json=body)


def write(world: World, name: str) -> Any:
    body = {"peer": f"https://peer.example/users/{name}", "message": "hello"}
    return world.server.call("POST", "/api/v1/dms/send", person=world.bob, json=body)


def ping(world: World, name: str) -> Any:
    body = {"target_instance_url": f"https://{name}.example"}
    return world.server.call("POST", "/api/v1/ping/instance", person=world.bob, json=body)


def come_in(world: World, name: str) -> Any:
    return world.server.call("POST", f"/api/v1/invites/by-name/{name}@peer.example/join", person=world.bob)


@pytest.mark.parametrize(
    ("ask", "url"),
    [
        (follow, "https://peer.example/users/slow"),
        (write, "https://peer.example/users/slow"),
        (ping, "https://slow.example/healthz"),
        (come_in, "https://peer.example/api/v1/invites/by-name/slow"),
    ],
)
def test_a_request_that_waits_for_another_server_is_not_counted_as_at_work(world: World, ask: Any, url: str) -> None:
    """Or as many as a process works at would keep everybody from being served."""
    admission: Admission = world.server.client.application.extensions["shoal.admission"]
    at_work: list[int] = []

    def answer(_: object) -> int:
        at_work.append(admission.open_requests)
        return 404

    world.wire.serve(url, answer)
    before = admission.open_requests

    ask(world, "slow")

    assert at_work == [before]
    assert admission.open_requests == before


@pytest.mark.parametrize("ask", [follow, write, ping, come_in])
def test_one_account_has_others_be_asked_only_so_often(world: World, ask: Any) -> None:
    limit(requests=_FEWEST)
    for number in range(LEAST):
        assert ask(world, f"nobody{number}").status_code in (200, 400, 404)
    world.forget()

    with world.server.stores_nothing():
        answer = ask(world, "one-more")

    assert (answer.status_code, answer.json["detail"]) == (429, _EXCEEDED)
    assert int(answer.headers["Retry-After"]) >= 1
    assert world.wire.asked == []


def test_invite_that_we_know_is_no_way_around_that(pond: Pond) -> None:
    limit(requests=_FEWEST)
    invite = {"type": "object", "object_type": "invite", "id": "inv", "name": "marsh", "creator": "zoe"}
    pond.told(pond.peer, a_stash(an_account(), a_conference("marsh", "zoe"), invite | {"conference_id": "marsh"}))
    path = f"/invites/{pond.local_id(pond.peer, 'inv')}/join"
    for _ in range(LEAST):
        assert pond.ask("POST", path, by=pond.bob).status_code == 404
    pond.world.forget()

    with pond.world.server.stores_nothing():
        answer = pond.ask("POST", path, by=pond.bob)

    assert (answer.status_code, answer.json["detail"]) == (429, _EXCEEDED)
    assert pond.wire.posted == []


def test_whom_we_know_is_followed_and_written_to_all_the_same(world: World) -> None:
    limit(requests=_FEWEST)
    world.known(world.zoe)
    for number in range(LEAST + 1):
        follow(world, f"nobody{number}")

    assert follow(world, "zoe").status_code == 200
    assert write(world, "zoe").status_code == 201
