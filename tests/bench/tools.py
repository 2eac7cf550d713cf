"""What every measurement uses: the load generator's process, the remote hosts, and the checks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from tests.bench.figures import NotMeasuredError
from tests.bench.load import Load
from tests.bench.peer import Peer
from tests.bench.sinks import Sinks

P = ParamSpec("P")
T = TypeVar("T")
_LOAD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Tools:
    generator: ProcessPoolExecutor
    sinks: Sinks
    peer: Peer

    def generate(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of `load` in the process of the load generator."""
        return self.generator.submit(work, *args, **kwargs).result(_LOAD_SECONDS)

    @staticmethod
    def check_all_expected(what: str, load: Load) -> None:
        """Raises NotMeasuredError for a load with any answer that was wrong, or with none that was good."""
        if load.unexpected or not load.count:
            raise NotMeasuredError(f"{what}: {load.count} good answers and {dict(load.unexpected.most_common(3))}")


def check_equal(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise NotMeasuredError(f"{what}: {found} instead of {expected}")
