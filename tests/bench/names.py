"""Names of the benchmark's hosts: a marked block of the hosts file, there only while the benchmark runs."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.hosts import HOSTS_FILE, Host

SQLITE = Host("bench-sqlite.shoal.test", "127.0.0.61")
POSTGRESQL = Host("bench-postgresql.shoal.test", "127.0.0.62")
# Every remote host is one TLS server, which tells them apart by the Host header.
SINKS = Host("*.sink.shoal.test", "127.0.1.1")

_BEGIN = "# begin: shoal benchmark"
_END = "# end: shoal benchmark"


def sink(label: str) -> str:
    """The name of a remote host."""
    return SINKS.name.replace("*", label)


@contextmanager
def resolvable(addresses: Mapping[str, str], *, hosts_file: Path = HOSTS_FILE) -> Iterator[None]:
    """Have these names lead to these addresses meanwhile. What a killed run has left there goes, too."""
    block = "\n".join([_BEGIN, *(f"{address} {name}" for name, address in addresses.items()), _END])
    _rewrite(hosts_file, lambda text: f"{_without_block(text)}{block}\n")
    try:
        yield
    finally:
        _rewrite(hosts_file, _without_block)


def _rewrite(hosts_file: Path, change: Callable[[str], str]) -> None:
    """In place, because container platforms mount the file itself and then it cannot be replaced."""
    with hosts_file.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        changed = change(file.read())
        file.seek(0)
        file.write(changed)
        file.truncate()


def _without_block(text: str) -> str:
    kept: list[str] = []
    is_inside = False
    for line in text.splitlines(keepends=True):
        is_inside = is_inside or line.strip() == _BEGIN
        if not is_inside:
            kept.append(line)
        is_inside = is_inside and line.strip() != _END
    rest = "".join(kept)
    return rest if rest.endswith("\n") or not rest else rest + "\n"
