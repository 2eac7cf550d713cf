"""The command: `python -m tests.bench` measures both databases and prints what it found."""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench import figures, machine, names
from tests.bench.catalogue import lines
from tests.bench.deliveries import host_names
from tests.bench.peer import Peer
from tests.bench.plan import FULL, QUICK, SMOKE, Plan
from tests.bench.rounds import MEASUREMENTS, SOAK
from tests.bench.sinks import Sinks
from tests.bench.site import Site, postgresql_site, sqlite_site
from tests.bench.taking import Taken, take
from tests.bench.tools import Tools
from tests.e2e.hosts import HOSTS_FILE
from tests.e2e.shoal import INSTALLED
from tests.e2e.tls import CertificateAuthority

SITES: dict[str, Callable[[Path, CertificateAuthority, Path], AbstractContextManager[Site]]] = {
    "sqlite": sqlite_site,
    "postgresql": postgresql_site,
}


def main() -> int:
    """0 when everything was measured, however fast; 1 when something that should have happened did not."""
    options = _options()
    if options.soak is not None:
        options.plan = replace(QUICK, soak_seconds=60 * options.soak)
        options.measure = [SOAK]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that everything is put back then, too.
    plan = options.plan if options.rounds is None else replace(options.plan, rounds=options.rounds, seconds=math.inf)
    began_at = time.monotonic()
    about = machine.describe()
    width = max(map(len, about))
    print("\n".join(f"{name:<{width}}  {value}" for name, value in about.items()), flush=True)
    _append(options.json, [about])
    try:
        failures = _measure_all(options, plan)
    except PermissionError as error:
        print(f"The benchmark writes {HOSTS_FILE} and binds port 443, which only root may: {error}", file=sys.stderr)
        return 1
    print(f"\n{time.monotonic() - began_at:.0f} s")
    return 1 if failures else 0


def _measure_all(options: argparse.Namespace, plan: Plan) -> int:
    """How many measurements failed."""
    failures = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-bench-")))
        authority = CertificateAuthority(folder)
        tools = _tools(stack, plan, authority)
        for name in options.only or SITES:
            site = SITES[name](folder, authority, options.shoal.absolute())
            taken = take(site, plan, tools, options.measure or MEASUREMENTS)
            found = figures.rows(lines(plan), taken.samples)
            _print(name, taken, found)
            _append(options.json, ({"database": name, **row} for row in found))
            failures += len(taken.failures)
    return failures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Shoal on this machine.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="plan", action="store_const", const=QUICK, default=FULL, help="one short round")
    size.add_argument("--smoke", dest="plan", action="store_const", const=SMOKE, help="only show that it works")
    size.add_argument("--soak", type=float, metavar="MINUTES", help="only send for so long, and see what grows")
    parser.add_argument("--rounds", type=int, metavar="N", help="the figures are medians of so many rounds")
    parser.add_argument("--only", action="append", choices=SITES, help="measure this database only")
    parser.add_argument("--measure", action="append", choices=MEASUREMENTS, help="take this measurement only")
    parser.add_argument(
        "--shoal",
        type=Path,
        default=INSTALLED,
        metavar="FILE",
        help="what is measured, if not our own",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="append one JSON object for each figure")
    return parser.parse_args()


def _tools(stack: ExitStack, plan: Plan, authority: CertificateAuthority) -> Tools:
    peer = Peer()
    servers = {host.name: host.address for host in (names.SQLITE, names.POSTGRESQL)}
    remote = dict.fromkeys([peer.host, *host_names(plan)], names.SINKS.address)
    stack.enter_context(names.resolvable(servers | remote))
    # The sinks are forked, which is safe only while this process has no threads.
    sinks = stack.enter_context(Sinks(authority, peer.documents()))
    generator = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    stack.callback(generator.shutdown)
    return Tools(generator, sinks, peer)


def _print(name: str, taken: Taken, found: Sequence[Mapping[str, Any]]) -> None:
    heading = f"{name}, medians of {taken.rounds} rounds" if taken.rounds > 1 else f"{name}, one round"
    failures = [f"NOT MEASURED: {failure}" for failure in taken.failures]
    print("\n".join(["", heading, "", figures.table(found), *failures]), flush=True)


def _append(json_file: Path | None, found: Iterable[Mapping[str, Any]]) -> None:
    if json_file is not None:
        with json_file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in found)


if __name__ == "__main__":
    sys.exit(main())
