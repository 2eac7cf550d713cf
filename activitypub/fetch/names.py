"""Host names to addresses: looked up once for each connection, in bounded time."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

from activitypub.addresses import Address, AddressPolicy
from activitypub.errors import BlockedAddressError
from activitypub.fetch.failures import Deadline, Reason, UnreachableError
from activitypub.uris import domain_of

Resolver: TypeAlias = Callable[[str, int], list[Address]]
_Outcome: TypeAlias = "queue.SimpleQueue[list[Address] | OSError]"

LOOKUP_SECONDS: Final = 3.0
MAX_LOOKUPS: Final = 64
# Of the names of one domain, whose owner may let all of them go unanswered.
_MAX_OF_DOMAIN: Final = 8


def system_resolver(host: str, port: int) -> list[Address]:
    """The machine's own resolver, /etc/hosts included. Raises ``OSError``."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(answer[4][0]) for answer in answers]


class NameLookup:
    """Asks a resolver within three seconds and keeps what the policy permits."""

    def __init__(self, resolver: Resolver, policy: AddressPolicy) -> None:
        self._resolver = resolver
        self._policy = policy
        self._slots = threading.BoundedSemaphore(MAX_LOOKUPS)
        self._shares: WeakValueDictionary[str, threading.BoundedSemaphore] = WeakValueDictionary()
        self._shares_lock = threading.Lock()

    def addresses(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """At least one address that may be connected to, in the resolver's order.

        Raises ``BlockedAddressError`` if the policy permits none of them, ``UnreachableError`` if there
        are none.
        """
        answers = self._ask(host, port, min(LOOKUP_SECONDS, deadline.remaining()))
        if not answers:
            raise UnreachableError(f"{host} has no address", reason=Reason.NO_SUCH_HOST)
        permitted = [address for address in answers if self._policy.permits(address)]
        if not permitted:
            raise BlockedAddressError(f"{host} leads to {', '.join(map(str, answers))}")
        return permitted

    def _ask(self, host: str, port: int, seconds: float) -> list[Address]:
        share, ends_at = self._share_of(host), time.monotonic() + seconds
        if not share.acquire(timeout=seconds):
            raise UnreachableError(f"no lookup of {host}: too many of its domain are stuck", reason=Reason.DNS)
        if not self._slots.acquire(timeout=_left(ends_at)):
            share.release()
            raise UnreachableError(f"no lookup of {host}: too many are stuck", reason=Reason.DNS)
        outcome: _Outcome = queue.SimpleQueue()
        threading.Thread(target=self._look_up, args=(host, port, share, outcome), daemon=True).start()
        try:
            answer = outcome.get(timeout=_left(ends_at))
        except queue.Empty:
            raise UnreachableError(f"the lookup of {host} took too long", reason=Reason.DNS) from None
        if isinstance(answer, OSError):
            raise UnreachableError(f"{host} cannot be looked up: {answer}", reason=_dns_reason(answer))
        return answer

    def _look_up(self, host: str, port: int, share: threading.BoundedSemaphore, outcome: _Outcome) -> None:
        # getaddrinfo cannot be interrupted: a stuck one keeps its thread and its places until it gives up.
        try:
            outcome.put(self._resolver(host, port))
        except OSError as error:
            outcome.put(error)
        finally:
            self._slots.release()
            share.release()

    def _share_of(self, host: str) -> threading.BoundedSemaphore:
        """That of the name's domain, which is there as long as somebody holds it."""
        domain = domain_of(host)
        with self._shares_lock:
            share = self._shares.get(domain)
            if share is None:
                share = self._shares[domain] = threading.BoundedSemaphore(_MAX_OF_DOMAIN)
            return share


def _left(ends_at: float) -> float:
    return max(ends_at - time.monotonic(), 0)


def _dns_reason(error: OSError) -> Reason:
    return Reason.NO_SUCH_HOST if error.errno == socket.EAI_NONAME else Reason.DNS
