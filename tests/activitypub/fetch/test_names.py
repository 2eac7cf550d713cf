"""Looking up names: what failed is told apart, and stuck lookups cannot pile up."""

import errno
import socket
import threading
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

    def give_up() -> None:
        with pytest.raises(UnreachableError, match="took too long"):
            lookup.addresses("stuck.test", 443, Deadline(0.3))

    waiting = [threading.Thread(target=give_up) for _ in range(64)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    with pytest.raises(UnreachableError, match="too many are stuck"):
        lookup.addresses("one-more.test", 443, Deadline(0.05))
    released.set()

    assert len(started) == 64
    assert lookup.addresses("good.test", 443, Deadline(5)) == [ip_address("127.0.0.1")]
