"""Taking the figures of one database, round after round."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.bench.figures import NotMeasuredError, Sample, Samples
from tests.bench.plan import Plan
from tests.bench.rounds import Rounds
from tests.bench.site import Site
from tests.bench.tools import Tools

# What a measurement says when it could not be taken; anything else is a mistake of the benchmark.
_FAILURES = (NotMeasuredError, AssertionError, OSError)


@dataclass(slots=True)
class Taken:
    """The samples of all rounds, and what went wrong in them."""

    samples: Samples = field(default_factory=Samples)
    failures: list[str] = field(default_factory=list)
    rounds: int = 0


def take(starting: AbstractContextManager[Site], plan: Plan, tools: Tools, measurements: Sequence[str]) -> Taken:
    """One figure's failure does not end the others. Says on stderr what it is at."""
    taken = Taken()
    ends_at = time.monotonic() + plan.seconds
    try:
        with starting as site, Rounds(site, plan, tools) as rounds:
            round_seconds = 0.0
            while taken.rounds < plan.rounds and time.monotonic() + round_seconds < ends_at:
                taken.rounds += 1
                began_at = time.monotonic()
                print(f"{site.name}, round {taken.rounds} of {plan.rounds}", file=sys.stderr)
                for measurement in measurements:
                    _collect(taken, measurement, rounds.samples(measurement))
                round_seconds = time.monotonic() - began_at
            if taken.failures:
                print(site.server.process.log_tail(), file=sys.stderr)
    except _FAILURES as error:
        taken.failures.append(str(error))
    return taken


def _collect(taken: Taken, measurement: str, samples: Iterable[Sample]) -> None:
    print(f"  {measurement} ...", end="", file=sys.stderr, flush=True)
    began_at = time.monotonic()
    try:
        taken.samples.add(samples)
    except _FAILURES as error:
        taken.failures.append(f"{measurement}: {error}")
    print(f" {time.monotonic() - began_at:.1f} s", file=sys.stderr, flush=True)
