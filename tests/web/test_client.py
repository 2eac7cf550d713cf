"""Whose address a request comes from: the client's own word counts for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.settings import Settings, configure
from app.web.client import client_ip, client_network

PROXIES = "10.0.0.0/8, 192.0.2.7, 2001:db8:aa::/48, fe80::/10"


@pytest.fixture
def flask(tmp_path: Path) -> Flask:
    environ = {"SHOAL_DATA": str(tmp_path), "SHOAL_SECRET_KEY": "s" * 32, "SHOAL_TRUSTED_PROXIES": PROXIES}
    configure(Settings.from_env(environ, None))
    return Flask("test")


CASES = [
    # peer, X-Forwarded-For, whose address it is
    ("198.51.100.1", None, "198.51.100.1"),
    ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
    ("198.51.100.1", "10.0.0.1", "198.51.100.1"),
    ("10.0.0.1", None, "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "10.0.0.5, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "203.0.113.9, 192.0.2.7, 10.9.9.9", "203.0.113.9"),
    ("10.0.0.1", "1.1.1.1,203.0.113.9,192.0.2.7", "203.0.113.9"),
    ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
    ("10.0.0.1", " 203.0.113.9 ", "203.0.113.9"),
    # Junk is nobody's address: the last one that a proxy of ours stands for is all that is known.
    ("10.0.0.1", "unknown", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
    ("10.0.0.1", "<script>, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.999", "10.0.0.1"),
    ("10.0.0.1", "0x7f.1", "10.0.0.1"),
    ("10.0.0.1", "127.1", "10.0.0.1"),
    ("10.0.0.1", "2130706433", "10.0.0.1"),
    ("10.0.0.1", "010.0.0.1", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9/24", "10.0.0.1"),
    ("10.0.0.1", "for=203.0.113.9", "10.0.0.1"),
    ("10.0.0.1", ", ".join(["203.0.113.9"] * 2000), "203.0.113.9"),
    # Some proxies add the port.
    ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
    ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
    ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
    ("10.0.0.1", "203.0.113.9:port", "10.0.0.1"),
    ("10.0.0.1", "[2001:db8::1]junk", "10.0.0.1"),
    # IPv6, and IPv4 inside it.
    ("2001:db8:aa::1", "2001:DB8::1", "2001:db8::1"),
    ("2001:db8:bb::1", "2001:db8::1", "2001:db8:bb::1"),
    ("fe80::1%eth0", "203.0.113.9", "203.0.113.9"),
    ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("::ffff:198.51.100.1", "203.0.113.9", "198.51.100.1"),
    ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
    # A Unix socket has no address.
    ("", "203.0.113.9", ""),
]


@pytest.mark.parametrize(("peer", "forwarded", "client"), CASES)
def test_address_is_the_last_that_no_trusted_proxy_has(
    flask: Flask, peer: str, forwarded: str | None, client: str
) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    with flask.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": peer}):
        assert client_ip() == client


def test_header_that_is_sent_twice_is_one_list(flask: Flask) -> None:
    headers = [("X-Forwarded-For", "203.0.113.1"), ("X-Forwarded-For", "203.0.113.2")]

    with flask.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"}):
        assert client_ip() == "203.0.113.2"


def test_without_trusted_proxies_the_header_is_not_read(flask: Flask, tmp_path: Path) -> None:
    configure(Settings.from_env({"SHOAL_DATA": str(tmp_path), "SHOAL_SECRET_KEY": "s" * 32}, None))

    headers = {"X-Forwarded-For": "203.0.113.9"}
    with flask.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        assert client_ip() == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"),
        ("2001:db8:0:8::1", "2001:db8:0:8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_limits_count_an_ipv6_network_as_one_client(flask: Flask, peer: str, network: str) -> None:
    with flask.test_request_context(environ_base={"REMOTE_ADDR": peer}):
        assert client_network() == network
