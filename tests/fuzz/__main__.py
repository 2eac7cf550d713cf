"""`make fuzz`: libFuzzer on each target for a time, with what it found, how much it ran, and the slowest input."""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "fuzz-results"
DEFAULT_SECONDS = 60
# libFuzzer counts by the clock, so what others took of the processor is made up for in further rounds.
_MIN_ROUND_SECONDS = 3
_MAX_INPUT_SECONDS = 20
_MAX_MEMORY_MB = 1024
_MAX_KEPT_BYTES = 400
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+)")


@dataclass
class Run:
    """What a target was put through: seconds of the processor, the rest as libFuzzer counts it."""

    target: Target
    cpu_seconds: float = 0.0
    executions: int = 0
    coverage: int = 0
    features: int = 0
    is_broken: bool = False

    @property
    def folder(self) -> Path:
        return RESULTS / self.target.name

    def __str__(self) -> str:
        report = self.folder / "slowest"
        seconds, size = report.read_text().split() if report.is_file() else ("0", "0")
        outcome = "a FINDING" if self.is_broken else "no finding"
        return (
            f"{self.target.name}: {outcome}; {self.executions:,} executions in {self.cpu_seconds / 60:.1f} CPU minutes,"
            f" coverage {self.coverage} ({self.features} features),"
            f" slowest {float(seconds) * 1000:.0f} ms ({size} bytes)"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all of them, if none is named")
    parser.add_argument("--seconds", type=int, default=DEFAULT_SECONDS, help="of the processor, for each target")
    parser.add_argument("--keep", action="store_true", help="only add to the committed corpus what it lacks")
    chosen = parser.parse_args(arguments)
    targets = [TARGETS[name] for name in chosen.targets or TARGETS]
    if chosen.keep:
        for target in targets:
            _keep(target)
        return 0
    runs = [_run(target, chosen.seconds) for target in targets]
    print("\n".join(map(str, runs)))
    return int(any(run.is_broken for run in runs))


def _run(target: Target, seconds: int) -> Run:
    run = Run(target)
    _prepare(run.folder, target)
    while not run.is_broken and (left := seconds - run.cpu_seconds) >= 1:
        _round(run, max(int(left), _MIN_ROUND_SECONDS))
    return run


def _prepare(folder: Path, target: Target) -> None:
    """What libFuzzer finds goes to `corpus` and stays for the next time; seeds are written anew."""
    shutil.rmtree(folder / "seeds", ignore_errors=True)
    (folder / "seeds").mkdir(parents=True)
    (folder / "corpus").mkdir(exist_ok=True)
    (folder / "slowest").unlink(missing_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / "seeds" / f"{number:05}").write_bytes(seed)


def _round(run: Run, seconds: int) -> None:
    target, began = run.target, _cpu_seconds()
    command = [
        *_harness(run),
        f"-max_total_time={seconds}",
        f"-max_len={target.max_bytes}",
        f"-timeout={_MAX_INPUT_SECONDS}",
        f"-rss_limit_mb={_MAX_MEMORY_MB}",
        f"-dict={target.dictionary}",
        f"-artifact_prefix={run.folder}/",
        "-print_final_stats=1",
        str(run.folder / "corpus"),
        *(str(folder) for folder in (target.corpus, target.findings, run.folder / "seeds") if folder.is_dir()),
    ]
    with (run.folder / "log").open("wb") as log:
        outcome = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False)
    text = (run.folder / "log").read_text(errors="replace")
    run.cpu_seconds += _cpu_seconds() - began
    run.executions += sum(map(int, _EXECUTED.findall(text)))
    covered = [tuple(map(int, found)) for found in _COVERED.findall(text)]
    run.coverage, run.features = max([(run.coverage, run.features), *covered])
    if outcome.returncode != 0:
        run.is_broken = True
        print(text[-4000:], file=sys.stderr)


def _keep(target: Target) -> None:
    """Add what the committed corpus lacks of the coverage that earlier runs reached, in as few inputs as do."""
    run = Run(target)
    target.corpus.mkdir(exist_ok=True)
    command = [
        *_harness(run),
        "-merge=1",
        f"-max_len={_MAX_KEPT_BYTES}",
        str(target.corpus),
        str(run.folder / "corpus"),
        str(run.folder / "seeds"),
    ]
    subprocess.run(command, cwd=ROOT, check=True)


def _harness(run: Run) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.harness", run.target.name, str(run.folder / "slowest")]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
