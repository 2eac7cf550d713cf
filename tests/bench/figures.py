"""Figures: samples of every round, and what they come to beside their limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Sample = tuple[str, float]


class NotMeasuredError(Exception):
    """What was to be measured did not happen, or not as often as it should have."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: the figure of a key, and the key of the limit it is held against."""

    key: str
    label: str
    unit: str
    limit: str | None = None


class Samples:
    """The samples of one database."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def add(self, samples: Iterable[Sample]) -> None:
        for key, value in samples:
            self._values.setdefault(key, []).append(value)

    def of(self, key: str) -> list[float]:
        return self._values.get(key, [])

    def median(self, key: str | None) -> float | None:
        values = self._values.get(key or "")
        return median(values) if values else None


def rows(lines: Sequence[Line], samples: Samples) -> list[dict[str, Any]]:
    """One object for each line that was measured; `ratio` is the figure divided by its limit."""
    labels = {line.key: line.label for line in lines}
    found: list[dict[str, Any]] = []
    for line in lines:
        value, limit = samples.median(line.key), samples.median(line.limit)
        if value is None:
            continue
        found.append(
            {
                "key": line.key,
                "figure": line.label,
                "value": value,
                "unit": line.unit,
                "samples": samples.of(line.key),
                "limit": line.limit,
                "limit_figure": labels.get(line.limit or ""),
                "ratio": value / limit if limit else None,
            }
        )
    return found


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """Aligned in columns, for people."""
    cells = [("figure", "median", "", "ratio", "to")]
    for row in found:
        ratio = "" if row["ratio"] is None else _number(row["ratio"])
        cells.append((row["figure"], _number(row["value"]), row["unit"], ratio, row["limit_figure"] or ""))
    widths = [max(len(cell[column]) for cell in cells) for column in range(5)]
    return "\n".join(
        f"{figure:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {ratio:>{widths[3]}}  {limit}".rstrip()
        for figure, value, unit, ratio, limit in cells
    )


def _number(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
