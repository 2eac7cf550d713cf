"""One process of libFuzzer on one target: `python -m tests.fuzz.harness TARGET REPORT [libFuzzer's arguments]`.

It has to be a process of its own, because libFuzzer never gives it back.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import atheris

# Whose branches guide the fuzzer. json and urllib, being imported by everything, are too late for it.
_INSTRUMENTED = ["activitypub", "h11", "html5lib", "http_message_signatures", "http_sf", "idna", "linkify_it"]


def main() -> None:
    name, report, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=_INSTRUMENTED):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.documents import mutated

    target = TARGETS[name]
    slowest = 0.0

    def run(data: bytes) -> None:
        nonlocal slowest
        seconds = target.timed_check(data)
        if seconds > slowest:
            slowest = seconds
            Path(report).write_text(f"{seconds:.4f} {len(data)}", encoding="ascii")

    def mutate(data: bytes, max_bytes: int, seed: int) -> bytes:
        return mutated(data, max_bytes, seed, otherwise=atheris.Mutate)

    # To merge, libFuzzer starts itself again by this name, through a shell.
    itself = shlex.join([sys.executable, "-m", "tests.fuzz.harness", name, report])
    atheris.Setup([itself, *arguments], run, **({"custom_mutator": mutate} if target.is_json else {}))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
