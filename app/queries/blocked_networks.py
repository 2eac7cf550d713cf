"""Who is blocked by address, cheap enough to be asked in every request."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.db import Database, database
from app.models import BlockedNetwork

MAX_LISTED: Final = 1000
_LIVES_SECONDS: Final = 5.0  # In a process that missed the word that something changed.

Network = IPv4Network | IPv6Network


class Blocked(msgspec.Struct, frozen=True):
    """The network that an address is blocked by, and whether a person blocked it or the rate limit."""

    network: str
    is_automatic: bool


class _Cache:
    def __init__(self) -> None:
        self._read: tuple[Database, float, list[tuple[Network, BlockedNetwork]]] | None = None

    def forget(self) -> None:
        self._read = None

    def get(self) -> list[tuple[Network, BlockedNetwork]]:
        here, now = database(), time.monotonic()
        if (read := self._read) and read[0] is here and now - read[1] < _LIVES_SECONDS:
            return read[2]
        with here.reading() as session:
            rows = [(ip_network(row.network), row) for row in list_blocked(session)]
        self._read = (here, now, rows)
        return rows


_cache = _Cache()


def find_block(address: str) -> Blocked | None:
    """What the address is blocked by now; None for one that is not, or is none."""
    rows = _cache.get()
    if not rows or not address:
        return None
    asked, now = ip_address(address.partition("%")[0]), datetime.now(UTC)
    for network, row in rows:
        if asked in network and (row.expires_at is None or row.expires_at > now):
            return Blocked(row.network, row.blocked_by is None)
    return None


def forget_blocks() -> None:
    """Have the next question read the database: something has changed."""
    _cache.forget()


def list_blocked(session: Session) -> list[BlockedNetwork]:
    """Those in force, the newest first."""
    in_force = or_(BlockedNetwork.expires_at.is_(None), BlockedNetwork.expires_at > datetime.now(UTC))
    query = select(BlockedNetwork).where(in_force).order_by(BlockedNetwork.blocked_at.desc()).limit(MAX_LISTED)
    return list(session.scalars(query))
