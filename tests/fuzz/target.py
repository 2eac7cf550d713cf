"""A target of fuzzing, and the inputs of it that are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Of the CPU, for one input under instrumentation, which costs a few times what the code itself does.
MAX_SECONDS = 2.0


@dataclass(frozen=True)
class Target:
    """`check` raises for a broken promise, `seeds` are inputs read from the shared corpus, none where it is absent.

    `max_bytes` is the longest input that the fuzzer makes, `is_json` has it change inputs as JSON.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    max_bytes: int = 4096
    is_json: bool = False

    @property
    def corpus(self) -> Path:
        return HERE / "corpus" / self.name

    @property
    def findings(self) -> Path:
        """Inputs that once broke a promise; the default suite replays them."""
        return HERE / "findings" / self.name

    @property
    def dictionary(self) -> Path:
        return HERE / "dictionaries" / f"{self.name}.dict"

    def kept(self) -> list[Path]:
        return sorted([*self.corpus.glob("*"), *self.findings.glob("*")])

    def timed_check(self, data: bytes) -> float:
        """CPU seconds that one input took; raises AssertionError for too many."""
        began = time.process_time()
        self.check(data)
        seconds = time.process_time() - began
        assert seconds < MAX_SECONDS, f"{seconds:.1f} CPU seconds for {len(data)} bytes"
        return seconds
