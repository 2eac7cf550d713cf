"""`python -m tests.faults`: nemesis runs or kills by the number, each by a seed that is printed (`make faults`)."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.fleet import open_fleet
from tests.faults.runs import Trial, Verdict


def main() -> int:
    """0 if every promise held."""
    options = _options()
    seeds = [options.seed] if options.seed is not None else [random.randrange(10**6) for _ in range(options.runs)]
    verdicts: list[Verdict] = []
    with (
        tempfile.TemporaryDirectory(prefix="shoal-faults-") as folder,
        open_fleet(Path(folder), seed=seeds[0], is_split=options.kills > 0) as fleet,
        Trial(fleet) as trial,
    ):
        for seed in seeds:
            verdict = _run(trial, seed, options)
            print(verdict, *verdict.violations, sep="\n  ", flush=True)
            verdicts.append(verdict)
            if verdict.violations or options.keep_all:
                trial.keep(verdict, options.keep / f"seed-{seed}")
    failed = [verdict.seed for verdict in verdicts if verdict.violations]
    print(f"{len(verdicts)} runs, {len(failed)} with violations{': ' if failed else ''}{failed or ''}")
    return 1 if failed else 0


def _run(trial: Trial, seed: int, options: argparse.Namespace) -> Verdict:
    if options.kills:
        return trial.run_kills(seed=seed, count=options.kills)
    return trial.run_nemesis(seed=seed, count=options.faults)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="how many seeds")
    parser.add_argument("--seed", type=int, help="run this one instead")
    parser.add_argument("--faults", type=int, default=8, help="faults of each nemesis run")
    parser.add_argument("--kills", type=int, default=0, help="kill -9 so often in each run, and break nothing else")
    parser.add_argument("--keep", type=Path, default=Path("build/faults"), help="where histories and logs are kept")
    parser.add_argument("--keep-all", action="store_true", help="keep them also where nothing was violated")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
