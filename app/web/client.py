"""Whose address a request comes from, when proxies stand between."""

from __future__ import annotations

import ipaddress

from flask import request

from app.settings import current


def client_ip() -> str:
    """The peer's address, or, behind trusted proxies alone, the last address that no trusted proxy has.

    Whatever stands further left in X-Forwarded-For was written by the client itself (hostile case RAT-01).
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    address = request.remote_addr or ""
    while _is_trusted(address) and hops:
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def _is_trusted(address: str) -> bool:
    return _is_address(address) and any(
        ipaddress.ip_address(address) in network for network in current().trusted_proxies
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
