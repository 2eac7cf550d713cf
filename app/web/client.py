"""Whose address a request comes from, when proxies stand between."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address

from flask import g, request

from app.settings import current

_IPV6_CLIENT_BITS = 64  # What one customer is given: whoever has one address there has all of them.
# Some proxies write the client's port, too.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?")


def client_ip() -> str:
    """The peer's address, or, behind trusted proxies alone, the last address that no trusted proxy has.

    Whatever stands further left in X-Forwarded-For was written by the client itself (hostile case RAT-01). Empty where
    the peer has no address, as on a Unix socket.
    """
    if "client_ip" not in g:
        g.client_ip = _find_client_ip()
    return str(g.client_ip)


def _find_client_ip() -> str:
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    address = _read(request.remote_addr or "")
    while address is not None and hops and _is_trusted(address):
        hop = _read(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address or "")


def client_network() -> str:
    """What limits for one client are counted by: its IPv4 address, or its IPv6 network of 64 bits."""
    address = client_ip()
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], _IPV6_CLIENT_BITS), strict=False))


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in current().trusted_proxies)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """None for what is no address. An IPv4 address stays one, whatever socket it came through (RFC 4291, 2.5.5.2)."""
    text = text.strip()
    if (port := _WITH_PORT.fullmatch(text)) is not None:
        text = port[1] or port[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
