"""The addresses of the web process, and whether they are to be had."""

from __future__ import annotations

import socket
import time

from app.settings import Settings, SettingsError

_PORT_WAIT_SECONDS = 3.0


def wait_for_port(settings: Settings) -> None:
    """Find out now, in one line, what gunicorn would say in many; a predecessor's web process may need a moment."""
    deadline = time.monotonic() + _PORT_WAIT_SECONDS
    while True:
        try:
            for address in listen_addresses(settings):
                _try_to_bind(address, settings.port)
        except OSError as error:
            if time.monotonic() > deadline:
                raise SettingsError(f"PORT {settings.port} cannot be listened on: {error.strerror}") from error
            time.sleep(0.1)
        else:
            return


def listen_addresses(settings: Settings) -> list[str]:
    """`settings.bind` without an IPv6 loopback that this machine does not have."""
    return [address for address in settings.bind if address != "::1" or len(settings.bind) == 1 or _has_ipv6_loopback()]


def _has_ipv6_loopback() -> bool:
    try:
        _try_to_bind("::1", 0)
    except OSError:
        return False
    return True


def _try_to_bind(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address, port))
