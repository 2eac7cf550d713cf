"""Runs: a seed decides what breaks and when; then everything heals, and the checker has the word."""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults import nemesis
from tests.faults.checker import Violation, check
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.listener import Listener
from tests.faults.observation import Observation, look, observe, without
from tests.faults.workload import Workload

_FAILPOINT_SHARE = 0.7
_LONGEST_STEP_SECONDS = 5.0


@dataclass(slots=True)
class Verdict:
    """What one run came to: how its requests ended, how often somebody looked for what is not theirs, and the
    violations that were not there before it."""

    seed: int
    results: Counter[str]
    looks: int
    observation: Observation
    violations: list[Violation]
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {result}" for result, count in sorted(self.results.items()))
        drained = f"drained in {self.observation.drained_in_seconds:.0f} s"
        verdict = f"{len(self.violations)} VIOLATIONS" if self.violations else "held"
        return f"seed {self.seed}: {verdict}; {len(self.faults)} faults; {counts}; {self.looks} looks; {drained}"


class Trial:
    """A fleet and all that was ever asked of it: later runs check what earlier ones were promised once more."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.history = History()
        self._listeners = {
            name: Listener(fleet.people[f"owner_{name}"], site.port) for name, site in fleet.sites.items()
        }
        self._before = look(fleet)
        self._leaks: list[str] = []
        self._looks = 0
        self._known: set[Violation] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for listener in self._listeners.values():
            self._stack.enter_context(listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run_nemesis(self, *, seed: int, count: int) -> Verdict:
        """`count` faults, one after the other."""
        rng = random.Random(seed)
        faults: list[str] = []
        before = len(self.history.ops)
        with self._load(seed, pause_seconds=2.0):
            for fault, seconds in nemesis.schedule(rng, count=count):
                _say(f"  {fault.name}, {seconds:.1f} s")
                faults.append(fault.name)
                fault.run(self.fleet, rng, seconds)
                time.sleep(rng.uniform(0.2, 1.5))
            self.fleet.heal()
        return self._judge(seed, faults, before)

    def run_kills(self, *, seed: int, count: int) -> Verdict:
        """SIGKILL to web processes and workers, `count` or a few more, on all servers at once."""
        rng = random.Random(seed)
        faults: list[str] = []
        before = len(self.history.ops)
        with self._load(seed, pause_seconds=1.5):
            while len(faults) < count:
                faults += _kill_everywhere(self.fleet, rng)
                _say(f"  {len(faults)}: {'; '.join(faults[-len(self.fleet.sites) :])}")
            self.fleet.heal()
        return self._judge(seed, faults, before)

    def keep(self, verdict: Verdict, folder: Path) -> None:
        """What is needed to look into a violation: the history and the servers' logs."""
        folder.mkdir(parents=True, exist_ok=True)
        self.history.write(folder / "history.jsonl")
        lines = [str(verdict), *map(str, verdict.violations), *verdict.faults]
        (folder / "verdict.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for site in self.fleet.sites.values():
            site.keep_logs(folder)

    @contextlib.contextmanager
    def _load(self, seed: int, *, pause_seconds: float) -> Iterator[None]:
        with Workload(self.fleet, self.history, seed=seed, pause_seconds=pause_seconds) as workload:
            yield
        self._leaks += workload.watcher.leaks
        self._looks = workload.watcher.looks

    def _judge(self, seed: int, faults: list[str], before: int) -> Verdict:
        told = {name: listener.connections for name, listener in self._listeners.items()}
        seen = without(observe(self.fleet, told, self._leaks), self._before)
        ops = self.history.ops
        found = check(ops, seen)
        new = [violation for violation in found if violation not in self._known]
        self._known |= {*found}
        return Verdict(seed, Counter(op.result for op in ops[before:]), self._looks, seen, new, faults)


def _kill_everywhere(fleet: Fleet, rng: random.Random) -> list[str]:
    """One process of each server, as it comes to a failpoint; or, in three of ten cases or where it does not come
    there, at some moment. Says what died."""
    chosen = {site: rng.choice(nemesis.DRAWN) for _, site in sorted(fleet.sites.items())}
    armed = {site: site.arm(failpoint) for site, failpoint in chosen.items() if rng.random() < _FAILPOINT_SHARE}
    ends_at = time.monotonic() + rng.uniform(0.5, 1.0) * _LONGEST_STEP_SECONDS
    while time.monotonic() < ends_at:
        time.sleep(0.05)
        for site, file in armed.items():
            if not file.exists():
                site.revive()
    died = []
    for site, failpoint in chosen.items():
        program = nemesis.program_of(failpoint)
        if site in armed and not armed[site].exists():
            died.append(f"{failpoint} of {site.host.name}")
            continue
        site.disarm()
        site.crash(program)
        died.append(f"{program} of {site.host.name}" + f", waiting for {failpoint}" * (site in armed))
    return died


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
