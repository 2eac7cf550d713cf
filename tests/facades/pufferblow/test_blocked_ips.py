"""Blocked addresses: who is shut out, what cannot be blocked by mistake, and how somebody gets in again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.actions.blocked_networks import block_for_a_while
from app.db import reading
from app.models import BlockedNetwork, Event
from app.queries.blocked_networks import forget_blocks
from app.settings import configure, current
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server

BASE = "/api/v1/blocked-ips"
INFO = "/api/v1/info"
BLOCKED = "Malicious activities detected, you have been blocked."


def block(server: Server, person: Person, ip: Any, reason: Any = "spam") -> Any:
    return server.call("POST", f"{BASE}/block", person=person, json={"ip": ip, "reason": reason})


def unblock(server: Server, person: Person, ip: str) -> Any:
    return server.call("POST", f"{BASE}/unblock", person=person, json={"ip": ip})


def listed(server: Server, person: Person) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = server.call("POST", f"{BASE}/list", person=person).json["blocked_ips"]
    return rows


def asks(server: Server, address: str, path: str = INFO, **options: Any) -> Any:
    return server.call("GET", path, environ_base={"REMOTE_ADDR": address}, **options)


def test_a_blocked_address_gets_nothing_until_it_is_unblocked(server: Server, owner: Person) -> None:
    answer = block(server, owner, "203.0.113.7")

    assert (answer.status_code, answer.json) == (
        201,
        {"status_code": 201, "message": "IP 203.0.113.7 has been blocked", "reason": "spam"},
    )
    for path in (INFO, "/ap/instance", "/.well-known/webfinger?resource=acct:alice@chat.example", "/docs"):
        refused = asks(server, "203.0.113.7", path)
        assert (refused.status_code, refused.json) == refusal(403, BLOCKED, message=BLOCKED)
    assert asks(server, "203.0.113.8").status_code == 200

    assert unblock(server, owner, "203.0.113.7").json["message"] == "IP 203.0.113.7 has been unblocked"
    assert asks(server, "203.0.113.7").status_code == 200


@pytest.mark.parametrize(
    ("blocked", "inside", "outside"),
    [
        ("198.51.100.0/24", "198.51.100.200", "198.51.101.1"),
        ("198.51.100.77/24", "198.51.100.200", "198.51.101.1"),
        ("2001:db8:1::/48", "2001:db8:1:2::3", "2001:db8:2::1"),
        ("2001:DB8::0:1", "2001:db8::1", "2001:db8::2"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.10"),
        ("203.0.113.9", "::ffff:203.0.113.9", "::ffff:203.0.113.10"),
    ],
)
def test_blocks_are_of_both_kinds_of_addresses(
    server: Server, owner: Person, blocked: str, inside: str, outside: str
) -> None:
    assert block(server, owner, blocked).status_code == 201

    assert (asks(server, inside).status_code, asks(server, outside).status_code) == (403, 200)


@pytest.mark.parametrize(
    "ip",
    [
        "abc",
        "",
        "1.2.3.4/33",
        "1.2.3",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8",
        "2001::/16",
        "1.2.3.4 OR 1=1",
        7,
        None,
        "x" * 60,
    ],
)
@ON_SQLITE
def test_what_is_no_address_or_far_too_many_is_a_400(server: Server, owner: Person, ip: Any) -> None:
    with server.stores_nothing():
        assert block(server, owner, ip).status_code == 400


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.0.0.0/24"])
def test_nobody_shuts_themselves_out(server: Server, owner: Person, ip: str) -> None:
    with server.stores_nothing():
        answer = block(server, owner, ip)

    assert (answer.status_code, answer.json) == refusal(400, "This would block your own address.")


def test_the_proxy_in_front_is_not_blocked(server: Server, owner: Person) -> None:
    configure(replace(current(), trusted_proxies=(ip_network("192.0.2.0/28"),)))

    with server.stores_nothing():
        answers = [block(server, owner, ip).status_code for ip in ("192.0.2.1", "192.0.0.0/16")]
        block_for_a_while("192.0.2.1")

    assert answers == [400, 400]


def test_a_block_is_made_once_and_undone_once(server: Server, owner: Person) -> None:
    block(server, owner, "203.0.113.7")

    with server.stores_nothing():
        again, other = block(server, owner, "203.0.113.7/32"), unblock(server, owner, "203.0.113.8")

    assert (again.status_code, again.json) == refusal(400, "IP address is already blocked")
    assert (other.status_code, other.json) == refusal(400, "IP address is not blocked")


@pytest.mark.parametrize("reason", ["", "x" * 501, None])
def test_a_block_has_a_reason(server: Server, owner: Person, reason: Any) -> None:
    with server.stores_nothing():
        assert block(server, owner, "203.0.113.7", reason).status_code == 400


def test_only_some_may_see_or_change_what_is_blocked(server: Server, owner: Person, member: Person) -> None:
    with server.stores_nothing():
        answers = [
            block(server, member, "203.0.113.7"),
            unblock(server, member, "203.0.113.7"),
            server.call("POST", f"{BASE}/list", person=member),
        ]

    assert [answer.json["detail"] for answer in answers] == [
        "Access forbidden. Missing required privilege: manage_blocked_ips."
    ] * 3


def test_a_header_of_the_client_changes_nothing(server: Server, owner: Person) -> None:
    block(server, owner, "203.0.113.7")

    spoofed = asks(server, "203.0.113.7", headers={"X-Forwarded-For": "198.51.100.1"})
    framed = asks(server, "198.51.100.1", headers={"X-Forwarded-For": "203.0.113.7"})

    assert (spoofed.status_code, framed.status_code) == (403, 200)


def test_attempts_are_counted(server: Server, owner: Person) -> None:
    block(server, owner, "203.0.113.7", "noise")
    asks(server, "203.0.113.7")

    (row,) = listed(server, owner)

    assert {name: row[name] for name in ("ip", "reason", "block_attempts_count", "expires_at")} == {
        "ip": "203.0.113.7",
        "reason": "noise",
        "block_attempts_count": 1,
        "expires_at": None,
    }
    assert row["last_attempt_at"] >= row["blocked_at"]


def test_what_the_rate_limit_blocked_ends_in_an_hour(server: Server, owner: Person) -> None:
    block_for_a_while("203.0.113.7")
    assert asks(server, "203.0.113.7").status_code == 403
    assert [row["reason"] for row in listed(server, owner)] == ["Rate limit exceeded too often"]

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1, seconds=1), tick=False):
        assert asks(server, "203.0.113.7").status_code == 200


def test_what_was_blocked_for_good_stays_so(server: Server, owner: Person) -> None:
    block(server, owner, "203.0.113.7")

    block_for_a_while("203.0.113.7")

    with reading() as session:
        assert session.scalars(select(BlockedNetwork.expires_at)).all() == [None]
    assert block(server, owner, "203.0.113.7").status_code == 400


def test_what_was_blocked_for_a_while_may_be_blocked_for_good(server: Server, owner: Person) -> None:
    block_for_a_while("203.0.113.7")

    assert block(server, owner, "203.0.113.7").status_code == 201
    assert [row["expires_at"] for row in listed(server, owner)] == [None]


def test_our_own_machine_is_never_blocked_by_itself(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        block_for_a_while("127.0.0.1")
        block_for_a_while("::1")


def test_the_sockets_from_there_are_told(server: Server, owner: Person) -> None:
    block(server, owner, "203.0.113.0/24")

    with reading() as session:
        events = session.execute(select(Event.type, Event.data).where(Event.type == "network_blocked")).all()
    assert [tuple(event) for event in events] == [("network_blocked", {"network": "203.0.113.0/24"})]


def test_another_process_hears_of_it(server: Server, owner: Person) -> None:
    """What it remembered is read anew when it is told, and after five seconds at the latest."""
    asks(server, "203.0.113.7")
    block(server, owner, "203.0.113.7")
    forget_blocks()

    assert asks(server, "203.0.113.7").status_code == 403
