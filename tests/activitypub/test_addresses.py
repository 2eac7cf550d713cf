"""Which addresses the guarded client may reach."""

from ipaddress import ip_address, ip_network

import pytest

from activitypub.addresses import AddressPolicy
from activitypub.errors import BlockedAddressError

PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2003::1",
    "2400:cb00::1",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2620:4f:7fff::1",
    "2a00:1450:4001::1",
    "3ffe::1",
]

# Both ends of each range, and each way IPv6 has of carrying 127.0.0.1 or 169.254.169.254.
BLOCKED = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:1::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_address_is_permitted(text: str) -> None:
    assert AddressPolicy().permits(ip_address(text))


@pytest.mark.parametrize("text", BLOCKED)
def test_special_address_is_refused_for_good(text: str) -> None:
    with pytest.raises(BlockedAddressError) as refused:
        AddressPolicy().check(ip_address(text))

    assert refused.value.permanent


def test_opened_network_is_permitted_and_nothing_beside_it() -> None:
    policy = AddressPolicy((ip_network("127.0.0.8/29"), ip_network("fd00:7e57::/64")))

    assert policy.permits(ip_address("127.0.0.8"))
    assert policy.permits(ip_address("127.0.0.15"))
    assert policy.permits(ip_address("fd00:7e57::1"))
    assert not policy.permits(ip_address("127.0.0.1"))
    assert not policy.permits(ip_address("127.0.0.16"))
    assert not policy.permits(ip_address("fd00:7e58::1"))


def test_opening_a_v4_network_does_not_open_its_v6_disguises() -> None:
    policy = AddressPolicy((ip_network("127.0.0.0/8"),))

    assert not policy.permits(ip_address("::ffff:127.0.0.1"))
    assert not policy.permits(ip_address("64:ff9b::127.0.0.1"))
    assert not policy.permits(ip_address("2002:7f00:1::"))
