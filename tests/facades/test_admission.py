"""What a busy server answers, and that nothing of a refused request is kept."""

from __future__ import annotations

import time
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.web.admission import LEAST_RATE, MAX_OPEN, TICK_SECONDS, WINDOW_TICKS, Admission
from tests.answers import refusal
from tests.facades.conftest import Person, Server


@pytest.fixture
def admission(server: Server) -> Admission:
    admission: Admission = server.client.application.extensions["shoal.admission"]
    return admission


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return str(server.create_channel(owner, channel_name="lobby")["channel_id"])


def test_a_full_server_says_when_to_come_again_and_stores_nothing(
    server: Server, admission: Admission, member: Person, lobby: str
) -> None:
    for _ in range(MAX_OPEN):
        admission.enter()
    path = f"/api/v1/channels/{lobby}/send_message"

    with server.stores_nothing():
        answer = server.call("POST", path, person=member, data={"message": "hello"})

    assert answer.headers["Retry-After"] == "2"
    assert (answer.status_code, answer.json) == refusal(503, "The server is busy. Try again.")
    assert server.call("GET", "/healthz").status_code == 200
    admission.leave()
    for _ in range(3):  # Each one leaves when it is done, whatever came of it.
        assert server.call("POST", path, person=member, data={"message": "hello"}).status_code == 201
        assert server.call("POST", path, data={"message": "hello"}).status_code == 401


def test_a_delivery_too_many_is_sent_again_later(server: Server, admission: Admission, member: Person) -> None:
    _keep_people_waiting(server, admission, member)

    with server.stores_nothing():
        answer = _post_until_refused(server)

    assert answer.headers["Retry-After"] == "5"
    assert server.call("POST", "/api/v1/channels/list/", person=member).status_code == 200


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
@pytest.mark.parametrize("path", ["/ap/inbox", "/api/v1/channels/list/"])
def test_nobody_comes_past_by_asking_for_a_socket_where_there_is_none(
    server: Server, admission: Admission, path: str, protocol: str
) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": protocol}
    open_before = admission.open_requests
    seen: list[int] = []
    server.client.application.before_request_funcs[None].append(lambda: seen.append(admission.open_requests))

    server.call("POST", path, json={}, headers=upgrade)

    assert seen == [open_before + 1]
    assert admission.open_requests == open_before


def test_a_socket_is_not_counted_for_as_long_as_it_is_open(server: Server, admission: Admission) -> None:
    seen: list[int] = []
    server.client.application.before_request_funcs[None].append(lambda: seen.append(admission.open_requests))

    answer = server.call("GET", "/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket"})

    assert (answer.status_code, seen) == (400, [0])  # It is no whole handshake.
    assert admission.open_requests == 0


def test_a_delivery_that_asks_for_a_socket_is_counted_like_any_other(
    server: Server, admission: Admission, member: Person
) -> None:
    _keep_people_waiting(server, admission, member)
    upgrade = {"Connection": "Upgrade", "Upgrade": "h2c"}

    with server.stores_nothing():
        _post_until_refused(server, headers=upgrade)


def _post_until_refused(server: Server, **request: Any) -> TestResponse:
    """The 429 that comes after some deliveries, all of which are taken and unsigned."""
    statuses: list[int] = []
    while len(statuses) <= LEAST_RATE:
        answer: TestResponse = server.call("POST", "/ap/inbox", json={"type": "Create"}, **request)
        if answer.status_code == 429:
            assert {*statuses} == {401}
            return answer
        statuses.append(answer.status_code)
    raise AssertionError(f"none of {len(statuses)} deliveries was refused")


def _keep_people_waiting(server: Server, admission: Admission, person: Person) -> None:
    admission.tick()
    assert server.call("POST", "/api/v1/channels/list/", person=person).status_code == 200
    for _ in range(int(LEAST_RATE)):
        admission.take_delivery("203.0.113.1")
    time.sleep(TICK_SECONDS * 2)
    for _ in range(WINDOW_TICKS):
        admission.tick()  # The first of them so late that somebody here has waited.
