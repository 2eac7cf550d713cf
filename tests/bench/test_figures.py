"""A figure is a median, and its ratio is to the median of its limit."""

from __future__ import annotations

from tests.bench.figures import Line, Samples, rows, table

LINES = [Line("bare", "limit: bare", "/s"), Line("send", "sends", "/s", "bare"), Line("never", "never taken", "ms")]


def _samples() -> Samples:
    samples = Samples()
    for bare, send in ((1000.0, 90.0), (400.0, 100.0), (401.0, 120.0)):
        samples.add([("bare", bare), ("send", send)])
    return samples


def test_figures_are_medians_beside_their_limits() -> None:
    found = rows(LINES, _samples())

    assert [(row["key"], row["value"]) for row in found] == [("bare", 401.0), ("send", 100.0)]
    assert found[1]["ratio"] == 100.0 / 401.0
    assert found[1]["limit_figure"] == "limit: bare"
    assert found[0]["ratio"] is None


def test_the_table_is_aligned() -> None:
    lines = table(rows(LINES, _samples())).splitlines()

    assert len(lines) == 3
    assert lines[1].index("/s") == lines[2].index("/s")
    assert lines[2].split() == ["sends", "100", "/s", "0.25", "limit:", "bare"]
