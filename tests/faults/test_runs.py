"""A short run of the nemesis; `make faults` makes long ones."""

from __future__ import annotations

import pytest

from tests.faults.fleet import Fleet
from tests.faults.runs import Trial

SEED, FAULTS = 4, 4


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_every_promise_holds_while_things_break(fleet: Fleet) -> None:
    with Trial(fleet) as trial:
        verdict = trial.run_nemesis(seed=SEED, count=FAULTS)

    assert verdict.violations == [], verdict
    assert verdict.results["ok"] > 20
    assert verdict.looks > 20  # Of those who may not see (I7).
