"""Rate limits: each route in one bucket, a window for each client, and what comes of going on."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, insert, select

from app.actions import passwords
from app.actions.pruning import prune
from app.db import reading, transaction
from app.models import BlockedNetwork, Setting
from app.queries.server_settings import forget_server_settings
from app.services.rates import Rate, Rates
from app.web.limiting import _MOST_COOLING, Limits, bucket_of
from tests.answers import refusal
from tests.e2e.valkey import ValkeyServer
from tests.facades.conftest import PASSWORD, Person, Server
from tests.live.conftest import valkey
from tests.together import at_once

__all__ = ["valkey"]

INFO = "/api/v1/info"
SIGN_IN = "/api/v1/users/signin"
EXCEEDED = "Rate limit exceeded. Please try again later."
COOLING = "Rate limit exceeded. Cooldown active."


def limit(**settings: int) -> None:
    """What an admin may set; `requests` is of the default bucket, in five minutes."""
    names = {
        "requests": "max_rate_limit_requests",
        "warnings": "max_rate_limit_warnings",
        "minutes": "rate_limit_duration",
    }
    with transaction() as session:
        for name, value in settings.items():
            session.execute(insert(Setting).values(name=f"server.{names[name]}", value=value))
    forget_server_settings()


def asks(server: Server, path: str = INFO, *, address: str = "203.0.113.7", method: str = "GET", **options: Any) -> Any:
    return server.call(method, path, environ_base={"REMOTE_ADDR": address}, **options)


def statuses(server: Server, times: int, *more: Any, **options: Any) -> list[int]:
    return [asks(server, *more, **options).status_code for _ in range(times)]


def test_a_window_is_no_longer_because_the_clock_was_put_back() -> None:
    rates, rate = Rates(None), Rate(2, 60)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)) as clock:
        hits = [rates.hit(rate, "somebody").is_within for _ in range(3)]
        clock.shift(timedelta(hours=-1))

        assert rates.has_room(rate, "somebody")
        hits.append(rates.hit(rate, "somebody").is_within)

    assert hits == [True, True, False, True]


def test_nothing_is_kept_of_those_who_are_no_longer_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.rates._FORGET_EVERY_SECONDS", 0)
    rates, rate = Rates(None), Rate(2, 60)
    with time_machine.travel(datetime.now(UTC)) as clock:
        for number in range(100):
            rates.hit(rate, f"guess {number}")
        rates.give_back(rate, "guess 99")
        clock.shift(timedelta(minutes=2))
        rates.hit(rate, "the next")

    assert len(rates._memory.events) == 1


def test_of_very_many_who_cool_down_the_latest_are_remembered() -> None:
    limits = Limits(Rates(None))

    for number in range(_MOST_COOLING + 1):
        limits.cooling[f"2001:db8:{number:x}::/64"] = 1.0

    assert len(limits.cooling) == _MOST_COOLING
    assert "2001:db8:0::/64" not in limits.cooling


def test_every_answer_says_how_much_is_left(server: Server) -> None:
    limit(requests=10)

    first, second = asks(server), asks(server)

    assert [answer.headers["X-RateLimit-Limit"] for answer in (first, second)] == ["10", "10"]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in (first, second)] == ["9", "8"]
    assert 290 <= int(second.headers["X-RateLimit-Reset"]) - time.time() <= 301


def test_too_many_are_told_when_to_come_back(server: Server) -> None:
    limit(requests=10)

    assert statuses(server, 10) == [200] * 10
    refused = asks(server)

    assert (refused.status_code, refused.json) == refusal(429, EXCEEDED, message=EXCEEDED)
    assert 1 <= int(refused.headers["Retry-After"]) <= 300
    assert refused.headers["X-RateLimit-Remaining"] == "0"


def test_the_window_moves(server: Server) -> None:
    limit(requests=10)
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        assert statuses(server, 10) == [200] * 10
    with time_machine.travel(now + timedelta(minutes=5, seconds=1), tick=False):
        assert asks(server).status_code == 200


def test_clients_and_buckets_are_counted_apart(server: Server) -> None:
    limit(requests=10)
    statuses(server, 10)

    assert asks(server, address="203.0.113.8").status_code == 200
    assert asks(server, SIGN_IN, method="POST", json={"username": "x", "password": "x"}).status_code == 404


def test_one_customer_of_ipv6_is_one_client(server: Server) -> None:
    limit(requests=10)

    answers = [asks(server, address=f"2001:db8::{number:x}").status_code for number in range(11)]

    assert answers == [200] * 10 + [429]


def test_who_goes_on_cools_down_longer_and_longer_and_is_blocked_in_the_end(server: Server) -> None:
    limit(requests=5, warnings=3)
    statuses(server, 5)
    waits = []
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        assert asks(server).json["detail"] == EXCEEDED
        for _ in range(2):
            refused = asks(server)
            waits.append(int(refused.headers["Retry-After"]))
            assert (refused.status_code, refused.json["detail"]) == (429, COOLING)
            server.client.application.extensions["shoal.limits"].cooling.clear()  # As if it had waited.
        clock.shift(0)
        assert asks(server).headers["Retry-After"] == "90"
        server.client.application.extensions["shoal.limits"].cooling.clear()
        assert asks(server).status_code == 403

    assert waits == [30, 60]
    assert asks(server, "/ap/instance").status_code == 403
    for later, left in ((timedelta(minutes=59), 1), (timedelta(minutes=61), 0)):
        prune(datetime.now(UTC) + later)
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(BlockedNetwork)) == left


def test_who_may_not_be_blocked_by_the_limit_cools_down_for_ever(server: Server) -> None:
    """The own machine and proxies, behind which everybody else is (hostile case RAT-05)."""
    limit(requests=5, warnings=1)
    limits = server.client.application.extensions["shoal.limits"]
    statuses(server, 5, address="127.0.0.1")

    refused = []
    for _ in range(4):
        refused.append(asks(server, address="127.0.0.1").status_code)
        limits.cooling.clear()  # As if it had waited.

    assert refused == [429] * 4


def test_who_cools_down_gets_nothing_of_the_api(server: Server) -> None:
    limit(requests=5)
    statuses(server, 7)

    refused = asks(server, SIGN_IN, method="POST", json={"username": "x", "password": "x"})
    assert refused.json["detail"] == COOLING
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["X-RateLimit-Reset"]) - time.time() <= int(refused.headers["Retry-After"]) + 1
    assert asks(server, f"/storage/{'0' * 64}").json["detail"] == COOLING
    assert asks(server, address="203.0.113.8").status_code == 200


def test_a_forwarded_address_of_the_clients_own_is_no_other_client(server: Server) -> None:
    limit(requests=10)

    answers = [asks(server, headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code for number in range(11)]

    assert answers == [200] * 10 + [429]


def test_a_setting_holds_at_once(server: Server) -> None:
    assert asks(server).headers["X-RateLimit-Limit"] == "6000"

    limit(requests=100, minutes=1)

    assert asks(server).headers["X-RateLimit-Limit"] == "100"


def test_preflights_health_and_deliveries_are_not_counted(server: Server) -> None:
    limit(requests=5)
    preflight = {"Origin": "https://client.example", "Access-Control-Request-Method": "POST"}

    for _ in range(10):
        assert asks(server, method="OPTIONS", headers=preflight).status_code == 204
        assert asks(server, "/healthz").status_code == 200
        assert asks(server, "/ap/inbox", method="POST", json={}).status_code != 429

    assert asks(server).headers["X-RateLimit-Remaining"] == "4"


def test_guesses_at_a_password_come_to_an_end(server: Server, owner: Person) -> None:
    wrong = {"username": "alice", "password": "guess"}

    answers = statuses(server, 12, SIGN_IN, method="POST", json=wrong)
    right = asks(server, SIGN_IN, method="POST", json={"username": "ALICE", "password": PASSWORD})
    elsewhere = asks(
        server, SIGN_IN, method="POST", address="198.51.100.1", json={"username": "alice", "password": PASSWORD}
    )

    assert answers == [401] * 10 + [429] * 2
    assert right.status_code == 429
    assert elsewhere.status_code == 200


def test_guesses_from_everywhere_come_to_an_end(server: Server, owner: Person) -> None:
    wrong = {"username": "alice", "password": "guess"}
    answers = [
        asks(server, SIGN_IN, method="POST", address=f"198.51.{number}.1", json=wrong).status_code
        for number in range(101)
    ]

    assert answers == [401] * 100 + [429]


@pytest.mark.parametrize("path", [SIGN_IN, "/auth/login"])
def test_guesses_at_the_same_moment_come_to_the_same_end(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    answers: list[int] = []
    tried: list[str] = []
    rest_is_refused = threading.Event()
    is_password = passwords.is_password

    def look(password: str, password_hash: str | None) -> bool:
        tried.append(password)
        rest_is_refused.wait(timeout=5)
        return is_password(password, password_hash)

    def guess() -> None:
        form = {"username": "alice", "password": "guess"}
        answers.append(server.client.application.test_client().post(path, json=form).status_code)
        if answers.count(429) == 20:
            rest_is_refused.set()

    monkeypatch.setattr("app.actions.accounts.is_password", look)
    with server.stores_nothing():
        at_once(guess, times=30)

    assert (sorted(answers), len(tried)) == ([401] * 10 + [429] * 20, 10)


def test_a_right_password_is_no_guess(server: Server, owner: Person) -> None:
    right = {"username": "alice", "password": PASSWORD}
    assert statuses(server, 9, SIGN_IN, method="POST", json=right | {"password": "guess"}) == [401] * 9
    assert statuses(server, 3, SIGN_IN, method="POST", json=right) == [200] * 3
    server.ban(owner)
    assert statuses(server, 3, SIGN_IN, method="POST", json=right) == [403] * 3

    assert statuses(server, 2, SIGN_IN, method="POST", json=right | {"password": "guess"}) == [401, 429]


def test_guesses_from_elsewhere_keep_nobody_out_where_they_signed_in_before(server: Server, owner: Person) -> None:
    home, right = "192.0.2.7", {"username": "Alice", "password": PASSWORD}
    wrong = right | {"password": "guess"}
    assert asks(server, SIGN_IN, method="POST", address=home, json=right).status_code == 200
    for number in range(100):
        asks(server, SIGN_IN, method="POST", address=f"198.51.{number}.1", json=wrong)

    with server.stores_nothing():
        elsewhere = asks(server, SIGN_IN, method="POST", address="203.0.113.8", json=right)
    assert elsewhere.status_code == 429
    assert asks(server, SIGN_IN, method="POST", address=home, json=right).status_code == 200
    there = [asks(server, SIGN_IN, method="POST", address=home, json=wrong).status_code for _ in range(11)]
    assert there == [401] * 10 + [429]


def test_a_network_is_theirs_for_a_month_after_the_last_sign_in(server: Server, owner: Person) -> None:
    home, right = "192.0.2.7", {"username": "alice", "password": PASSWORD}
    with time_machine.travel(datetime.now(UTC)) as clock:
        for _ in range(3):
            assert asks(server, SIGN_IN, method="POST", address=home, json=right).status_code == 200
            clock.shift(timedelta(days=20))
        for number in range(100):
            asks(server, SIGN_IN, method="POST", address=f"198.51.{number}.1", json=right | {"password": "guess"})

        assert asks(server, SIGN_IN, method="POST", address="203.0.113.8", json=right).status_code == 429
        assert asks(server, SIGN_IN, method="POST", address=home, json=right).status_code == 200


def test_whether_a_name_exists_cannot_be_told_from_the_limit(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_DECOY", passwords.hash_password("nobody's"))  # Cheap; ten of its own take seconds.
    unknown = statuses(server, 11, SIGN_IN, method="POST", json={"username": "nobody", "password": "guess"})

    assert unknown == [404] * 10 + [429]


@pytest.mark.parametrize(
    ("method", "rule", "bucket"),
    [
        ("POST", "/api/v1/users/signin", "auth"),
        ("POST", "/api/v1/users/signin/", "auth"),
        ("GET", "/api/v1/users/signin", "auth"),
        ("POST", "/api/v1/users/signup", "auth"),
        ("POST", "/api/v1/auth/refresh", "auth"),
        ("POST", "/api/v1/auth/decentralized/verify", "auth"),
        ("POST", "/api/v1/storage/upload", "uploads"),
        ("POST", "/api/v1/users/profile/avatar", "uploads"),
        ("POST", "/api/v1/channels/<channel_id>/send_message", "messages"),
        ("GET", "/api/v1/channels/<channel_id>/load_messages", "messages"),
        ("GET", "/ws", "messages"),
        ("GET", "/ws/channels/<channel_id>", "messages"),
        ("GET", "/api/v1/storage/file/<path:path>", "default"),
        ("GET", "/api/v1/cdn/file/<path:path>", "default"),
        ("POST", "/api/v1/users/profile", "default"),
        ("GET", "/storage/<digest>", "default"),
        ("POST", "/ap/inbox", None),
        ("GET", "/docs", None),
    ],
)
def test_each_route_has_one_bucket(method: str, rule: str, bucket: str | None) -> None:
    assert bucket_of(rule, method) == bucket


def test_every_route_of_the_api_has_a_bucket(server: Server) -> None:
    """And no other spelling of a path escapes it: what is not found is counted, too (hostile case RAT-03)."""
    rules = [rule for rule in server.client.application.url_map.iter_rules() if rule.rule.startswith("/api/")]
    assert rules
    assert all(bucket_of(rule.rule, method) for rule in rules for method in rule.methods or ())
    limit(requests=5)

    answers = statuses(server, 6, "/api/v1/users/SIGNIN")

    assert answers == [404] * 5 + [429]


def test_processes_count_together_over_redis(valkey: ValkeyServer) -> None:
    one, other, rate, key = Rates(valkey.url), Rates(valkey.url), Rate(3, 60), f"test-{time.time_ns()}"

    counted = [rates.hit(rate, key) for rates in (one, other, one, other)]

    assert [(standing.is_within, standing.remaining) for standing in counted] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
    ]
    assert not other.has_room(rate, key)
    one.give_back(rate, key)
    assert other.has_room(rate, key)


def test_two_installations_on_one_redis_count_apart(valkey: ValkeyServer) -> None:
    rate, key = Rate(1, 60), f"test-{time.time_ns()}"
    one = Rates(valkey.url, installation="https://one.example")
    other = Rates(valkey.url, installation="https://other.example")

    assert one.hit(rate, key).is_within

    assert not one.has_room(rate, key)
    assert other.has_room(rate, key)


def test_hit_costs_the_same_however_many_others_are_counted() -> None:
    rates, rate = Rates(None), Rate(2, 60)
    time.sleep(0.02)  # The library starts one thread for each of its counters.
    threads = threading.active_count()
    for number in range(3):
        time.sleep(0.011)
        rates.hit(rate, f"client {number}")
        assert threading.active_count() == threads


def test_without_redis_each_process_counts_alone() -> None:
    rates, rate = Rates("redis://127.0.0.1:1"), Rate(2, 60)
    began = time.monotonic()

    within = [rates.hit(rate, "key").is_within for _ in range(3)]

    assert within == [True, True, False]
    assert time.monotonic() - began < 2
