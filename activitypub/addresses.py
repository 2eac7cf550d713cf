"""Which IP addresses an outbound connection may reach."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

import msgspec

from activitypub.errors import BlockedAddressError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# The IANA IPv4 special-purpose registry and multicast. `ipaddress.is_global` is no substitute: it calls
# 224.0.0.1, 192.88.99.1 and 192.0.0.8 global, and changes between Python releases.
_DENIED_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network; the kernel takes 0.0.0.0 for loopback
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata service
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, and most clouds' metadata services
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments, and one cloud's metadata service
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnelling
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

# Everything outside this is loopback, mapped or translated IPv4 (::ffff:0:0/96, 64:ff9b::/96), unique-local,
# link-local, site-local, multicast, segment routing, or not assigned to anybody.
_GLOBAL_UNICAST_V6: Final = IPv6Network("2000::/3")
_DENIED_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments; Teredo carries an IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4 carries an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)


class AddressPolicy(msgspec.Struct, frozen=True):
    """The public internet, and the named networks (of tests, of a private fediverse) opened besides."""

    allowed_networks: tuple[Network, ...] = ()

    def permits(self, address: Address) -> bool:
        return any(address in network for network in self.allowed_networks) or _is_public(address)

    def check(self, address: Address) -> None:
        """Raise ``BlockedAddressError`` for an address that may not be connected to."""
        if not self.permits(address):
            raise BlockedAddressError(f"{address} is not a public address")


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _DENIED_V4)
    return address in _GLOBAL_UNICAST_V6 and not any(address in network for network in _DENIED_V6)
