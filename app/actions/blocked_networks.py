"""Addresses that get nothing but 403: blocked by an admin, or for a while by the rate limit."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.db import row_count, transaction, upsert, wake
from app.errors import InvalidInputError
from app.models import BlockedNetwork
from app.projections import audit, events
from app.queries.blocked_networks import Network, forget_blocks
from app.queries.viewers import Viewer
from app.services.bus import SETTINGS, Bus
from app.settings import current

AUTOMATIC_TTL: Final = timedelta(hours=1)
AUTOMATIC_REASON: Final = "Rate limit exceeded too often"
# A wider block would be a slip of the hand that shuts out whole countries.
_LEAST_BITS: Final = {4: 16, 6: 32}
_FLUSH_SECONDS: Final = 10.0


def follow_blocks(bus: Bus) -> None:
    """Have this process hear at once of what others block and unblock."""
    bus.listen(SETTINGS, lambda _topic, _payload: forget_blocks())
    bus.on_reconnect(forget_blocks)


def block(viewer: Viewer, text: str, reason: str, *, own_address: str) -> str:
    """Block an address or a CIDR block for good; returns it as it is written from now on.

    Raises InvalidInputError for what is none, is too wide, is blocked already, or would shut out the viewer or one of
    the proxies in front of this server.
    """
    network = _read(text)
    _check(network, own_address)
    now = datetime.now(UTC)
    written = _write(network)
    values = {"network": str(network), "reason": reason, "blocked_by": viewer.actor_id, "blocked_at": now}
    with transaction() as session:
        # What the rate limit blocked for an hour may be blocked for good.
        session.execute(
            delete(BlockedNetwork).where(BlockedNetwork.network == str(network), BlockedNetwork.blocked_by.is_(None))
        )
        added = session.execute(
            upsert(session, BlockedNetwork)
            .values(**values, attempts=0)
            .on_conflict_do_nothing()
            .returning(BlockedNetwork.network)
        )
        if added.one_or_none() is None:
            raise InvalidInputError("IP address is already blocked")
        audit.note(session, "ip_blocked", actor_id=viewer.actor_id, target=written, now=now)
        _tell(session, network, now)
    forget_blocks()
    return written


def unblock(viewer: Viewer, text: str) -> str:
    """Raises InvalidInputError for what is no address, or is not blocked under exactly this name."""
    network = _read(text)
    written = _write(network)
    with transaction() as session:
        removed = session.execute(delete(BlockedNetwork).where(BlockedNetwork.network == str(network)))
        if row_count(removed) == 0:
            raise InvalidInputError("IP address is not blocked")
        audit.note(session, "ip_unblocked", actor_id=viewer.actor_id, target=written)
        wake(session, SETTINGS)
    forget_blocks()
    return written


def block_for_a_while(address: str) -> bool:
    """What the rate limit does to who never stops; False for our own machine and the proxies in front of it, which
    stay open."""
    network = _read(address)
    if network.is_loopback or _overlaps_a_proxy(network):
        return False
    now = datetime.now(UTC)
    values = {"network": str(network), "reason": AUTOMATIC_REASON, "blocked_at": now, "attempts": 0}
    with transaction() as session:
        session.execute(
            upsert(session, BlockedNetwork)
            .values(**values, expires_at=now + AUTOMATIC_TTL)
            .on_conflict_do_update(
                index_elements=["network"],
                set_={"expires_at": now + AUTOMATIC_TTL},
                where=BlockedNetwork.blocked_by.is_(None),
            )
        )
        audit.note(session, "ip_blocked", actor_id=None, target=_write(network), now=now, is_automatic=True)
        _tell(session, network, now)
    forget_blocks()
    return True


def prune_blocks(session: Session, now: datetime) -> int:
    """Forget the automatic blocks that have ended; how many they were."""
    return row_count(session.execute(delete(BlockedNetwork).where(BlockedNetwork.expires_at <= now)))


class Attempts:
    """Requests of blocked addresses, counted here and written down now and then: a flood must not become writes."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._flushed_at = 0.0

    def note(self, network: str) -> None:
        with self._lock:
            self._counts[network] += 1
            if time.monotonic() - self._flushed_at < _FLUSH_SECONDS:
                return
            self._flushed_at = time.monotonic()
            counts, self._counts = self._counts, Counter()
        now = datetime.now(UTC)
        with transaction() as session:
            for written, count in counts.items():
                counted = {"attempts": BlockedNetwork.attempts + count, "last_attempt_at": now}
                session.execute(update(BlockedNetwork).where(BlockedNetwork.network == written).values(counted))


def _read(text: str) -> Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise InvalidInputError("Invalid IP address format") from error
    if network.version == 6 and (mapped := network.network_address.ipv4_mapped) and network.prefixlen >= 96:
        return ip_network((mapped, network.prefixlen - 96), strict=False)
    return network


def _check(network: Network, own_address: str) -> None:
    if network.prefixlen < _LEAST_BITS[network.version]:
        least = _LEAST_BITS[network.version]
        raise InvalidInputError(f"Invalid IP address format: a block of addresses has at least /{least}")
    if own_address and ip_address(own_address.partition("%")[0]) in network:
        raise InvalidInputError("This would block your own address.")
    if _overlaps_a_proxy(network):
        raise InvalidInputError("This would block a proxy of this server.")


def _overlaps_a_proxy(network: Network) -> bool:
    return any(network.version == proxy.version and network.overlaps(proxy) for proxy in current().trusted_proxies)


def _write(network: Network) -> str:
    """One address without the length that says so."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _tell(session: Session, network: Network, now: datetime) -> None:
    """The other processes, and the sockets that are open from there."""
    events.tell(session, "network_blocked", now=now, network=str(network))
    wake(session, SETTINGS)
