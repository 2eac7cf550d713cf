"""Looking up names: what failed is told apart, and stuck lookups cannot pile up."""

import errno
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network

import pytest

from activitypub.addresses import Address, AddressPolicy
from activitypub.fetch import Reason, UnreachableError
from activitypub.fetch.failures import Deadline
from activitypub.fetch.names import NameLookup, Resolver, system_resolver

LOOPBACK = AddressPolicy((ip_network("127.0.0.0/8"), ip_network("::1/128")))


def looked_up(resolver: Resolver, *, seconds: float = 5) -> list[Address]:
    return NameLookup(resolver, LOOPBACK).addresses("good.test", 443, Deadline(seconds))


def failing(error: OSError) -> Resolver:
    def resolver(host: str, port: int) -> list[Address]:
        raise error

    return resolver


def test_machine_knows_itself() -> None:
    assert ip_address("127.0.0.1") in system_resolver("localhost", 443)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), Reason.NO_SUCH_HOST),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), Reason.DNS),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), Reason.DNS),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Reason.DNS),
    ],
)
def test_name_that_does_not_exist_is_told_from_a_failing_name_service(error: OSError, reason: Reason) -> None:
    with pytest.raises(UnreachableError) as failed:
        looked_up(failing(error))

    assert failed.value.reason is reason
    assert not failed.value.permanent


def test_name_without_addresses_does_not_exist() -> None:
    with pytest.raises(UnreachableError) as failed:
        looked_up(lambda host, port: [])

    assert failed.value.reason is Reason.NO_SUCH_HOST


def test_stuck_lookups_are_bounded_and_make_room_when_they_end() -> None:
    released = threading.Event()
    started: list[str] = []

    def stuck(host: str, port: int) -> list[Address]:
        started.append(host)
        released.wait(20)
        return [ip_address("127.0.0.1")]

    lookup = NameLookup(stuck, LOOPBACK)

    _give_up(lookup, [f"stuck{number}.test" for number in range(64)])
    with pytest.raises(UnreachableError, match="too many are stuck"):
        lookup.addresses("one-more.test", 443, Deadline(0.05))
    released.set()

    assert len(started) == 64
    assert lookup.addresses("good.test", 443, Deadline(5)) == [ip_address("127.0.0.1")]


def test_the_stuck_names_of_one_domain_leave_room_for_those_of_others() -> None:
    released = threading.Event()
    started: list[str] = []

    def resolver(host: str, port: int) -> list[Address]:
        started.append(host)
        if host.endswith("stuck.test"):
            released.wait(20)
        return [ip_address("127.0.0.1")]

    lookup = NameLookup(resolver, LOOPBACK)
    _give_up(lookup, [f"h{number}.stuck.test" for number in range(8)])
    with pytest.raises(UnreachableError, match="too many of its domain are stuck"):
        lookup.addresses("h8.stuck.test", 443, Deadline(0.05))

    assert lookup.addresses("good.test", 443, Deadline(5)) == [ip_address("127.0.0.1")]
    assert len(started) == 9
    released.set()
    assert lookup.addresses("h8.stuck.test", 443, Deadline(5)) == [ip_address("127.0.0.1")]


def test_a_place_and_the_answer_are_waited_for_together() -> None:
    ended = threading.Event()
    free = threading.Event()

    def stuck(host: str, port: int) -> list[Address]:
        (free if host == "h0.stuck.test" else ended).wait(20)
        return [ip_address("127.0.0.1")]

    lookup = NameLookup(stuck, LOOPBACK)
    _give_up(lookup, [f"h{number}.stuck.test" for number in range(8)])
    threading.Timer(1.0, free.set).start()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="took too long"):
        lookup.addresses("h8.stuck.test", 443, Deadline(1.5))
    waited = time.monotonic() - began
    ended.set()

    assert waited < 2.25


def _give_up(lookup: NameLookup, names: Sequence[str]) -> None:
    """Ask for all of them at once, in vain."""

    def ask(name: str) -> None:
        with pytest.raises(UnreachableError, match="took too long"):
            lookup.addresses(name, 443, Deadline(0.3))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(ask, names))
