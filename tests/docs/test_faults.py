"""docs/faults.md names a test for each row of the fault matrix, or says why there is none; each named test is there."""

from __future__ import annotations

import re

import pytest

from tests.docs.markdown import ROOT, first_column, read, section
from tests.faults.nemesis import FAILPOINTS

FAULTS = "docs/faults.md"
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", read(FAULTS))))


def test_each_row_of_the_matrix_is_held_by_a_test_or_has_a_reason() -> None:
    rows = re.findall(r"^\| (F\d\d) \| [^|]+ \| ([^|]+) \|", read(FAULTS), re.MULTILINE)

    assert [name for name, _ in rows] == [f"F{number:02}" for number in range(1, 37)]
    assert [name for name, held in rows if not held.strip()] == []


@pytest.mark.parametrize(("path", "test"), TESTS)
def test_a_test_that_is_named_is_there(path: str, test: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")

    assert f"def {test}(" in text or not test


def test_the_failpoints_are_those_of_the_code() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    documented = first_column(section(read("docs/contributors.md"), "Failpoints"))

    assert sorted(documented) == sorted(FAILPOINTS)
    assert sorted(re.findall(r'failpoints\.reach\("([\w.]+)"\)', sources)) == sorted(FAILPOINTS)
