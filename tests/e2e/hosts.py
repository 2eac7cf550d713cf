"""The test hosts: names under .test on loopback addresses of their own."""

import socket
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

HOSTS_FILE = Path("/etc/hosts")


@dataclass(frozen=True, slots=True)
class Host:
    """A server's public name and the loopback address its port 443 is on."""

    name: str
    address: str

    @property
    def origin(self) -> str:
        return f"https://{self.name}"


A = Host("a.shoal.test", "127.0.0.21")
B = Host("b.shoal.test", "127.0.0.22")
FEDIFY = Host("fedify.shoal.test", "127.0.0.23")
OTHER_FEDIFY = Host("fedify2.shoal.test", "127.0.0.24")
PUNCTUM_HOME = Host("home.shoal.test", "127.0.0.25")
PUNCTUM_GUEST = Host("guest.shoal.test", "127.0.0.26")
ALL = (A, B, FEDIFY, OTHER_FEDIFY, PUNCTUM_HOME, PUNCTUM_GUEST)


class HostsUnavailableError(RuntimeError):
    """The names do not resolve and may not be written, or port 443 may not be bound."""


def ensure_hosts(hosts: tuple[Host, ...] = ALL, *, hosts_file: Path = HOSTS_FILE) -> None:
    """Make every name resolve to its address and check that port 443 is ours to bind.

    Only missing names are appended, so a second run writes nothing. They are left in place: other runs on
    the machine may be using them, and .test never exists elsewhere (RFC 6761).
    """
    missing = [host for host in hosts if not _resolves(host)]
    if missing:
        _append(missing, hosts_file)
    for host in missing:
        if not _resolves(host):
            raise HostsUnavailableError(f"{host.name} does not resolve to {host.address}")
    for host in hosts:
        _check_bindable(host)


def _append(hosts: list[Host], hosts_file: Path) -> None:
    lines = "".join(f"{host.address} {host.name}\n" for host in hosts)
    try:
        with hosts_file.open("r+", encoding="utf-8") as file:
            flock(file, LOCK_EX)  # Two test processes may come to this at once.
            text = file.read()
            file.write(lines if text.endswith("\n") or not text else "\n" + lines)
    except OSError as error:
        names = ", ".join(host.name for host in hosts)
        raise HostsUnavailableError(f"{names}: not in {hosts_file}, which cannot be written: {error}") from error


def _resolves(host: Host) -> bool:
    try:
        return socket.gethostbyname(host.name) == host.address
    except OSError:
        return False


def _check_bindable(host: Host) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.address, 443))
        except OSError as error:
            raise HostsUnavailableError(f"{host.address}:443 cannot be bound: {error}") from error
