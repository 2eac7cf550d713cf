"""What every process of the server under test loads first: names come from the test, and it hears of every connect.

Python imports a module of this name by itself, from the folder that the test puts into PYTHONPATH. It stands below
the socket module and gevent, so that what runs above it is the product's own code, unchanged.
"""

import _socket
import errno
import ipaddress
import json
import os
import sys
from typing import Any

_TEST = os.environ["HOSTILE_NAME_SERVICE"]
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_system_getaddrinfo = _socket.getaddrinfo


def _tell(**said: object) -> Any:
    """What the test answers, which it does at once."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        channel.connect(_TEST)
        channel.send(json.dumps(said).encode() + b"\n")
        return json.loads(channel.recv(65536) or b"null")
    finally:
        channel.close()


def _getaddrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[Any, ...]]:
    name = host.decode("ascii") if isinstance(host, bytes) else host
    if name is None or name == "localhost" or _is_number(name):
        return _system_getaddrinfo(host, port, family, type, proto, flags)
    addresses = _tell(name=name)
    if not addresses:
        raise _socket.gaierror(_socket.EAI_NONAME, "Name or service not known")
    kind = type or _socket.SOCK_STREAM
    return [
        (_socket.AF_INET6, kind, _socket.IPPROTO_TCP, "", (address, port, 0, 0))
        if ":" in address
        else (_socket.AF_INET, kind, _socket.IPPROTO_TCP, "", (address, port))
        for address in addresses
    ]


def _is_number(name: str) -> bool:
    """Whatever the system reads as an address without asking anybody: 2130706433 and 0x7f.1 too."""
    try:
        _system_getaddrinfo(name, None, 0, 0, 0, _socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Report each connection on its way out; nothing leaves the machine."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    address, port = arguments[1][:2]
    _tell(connect=str(address), port=port)
    if ipaddress.ip_address(str(address).partition("%")[0]) not in _LOOPBACK:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "the test lets nothing leave the machine")


_socket.getaddrinfo = _getaddrinfo
sys.addaudithook(_watch)
