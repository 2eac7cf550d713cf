"""What fuzzing has kept, tried again: the corpus for what it reaches, the findings for what they once broke."""

from __future__ import annotations

import pytest

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_no_kept_input_breaks_a_promise(target: Target) -> None:
    kept = target.kept()

    for path in kept:
        try:
            target.timed_check(path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name}: {error}") from error

    assert len(kept) > 3
