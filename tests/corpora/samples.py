"""The documents of four corpora, each with what its corpus says should become of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.corpus import corpus


@dataclass(frozen=True)
class Sample:
    """`expect` is what the index says the document means, where there is an index; `status` is what the corpus asks
    of whoever receives it."""

    name: str
    document: Any
    expect: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""

    def __str__(self) -> str:
        return self.name


def ap_corpus() -> list[Sample]:
    """Fixtures of fourteen ActivityPub projects."""
    folder = corpus("ap-corpus")
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    return [Sample(row["file"], _unmasked(folder / "docs" / row["file"]), row.get("expect") or {}) for row in rows]


def as2_documents() -> list[Sample]:
    """The examples of the ActivityStreams specifications; `status` is "valid" or "fail"."""
    folder = corpus("as2-test-documents")
    return [Sample(f"{path.parent.name}/{path.name}", _read(path), status=path.parent.name) for path in _below(folder)]


def pasture_inputs() -> list[Sample]:
    """Create activities of the Fediverse Pasture's support tables."""
    folder = corpus("fediverse-pasture-inputs")
    return [Sample(path.name, _read(path)) for path in _below(folder)]


def funfedi_cases() -> list[Sample]:
    """Parsing cases of funfedi.dev; `status` is "recommended", "may_fail", "should_fail" or "unknown"."""
    cases = json.loads((corpus("funfedi-parsing-cases") / "cases.json").read_text())
    return [
        Sample(f"{case['suite']}/{case['sub']}/{case['case']}", case["activity"], status=case["status"])
        for case in cases
    ]


def _below(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob("*/*.json")))


def _unmasked(path: Path) -> Any:
    """Mbin's snapshots hide ids and dates, which differ from run to run; each gets one that could be its own."""
    numbers = count(1)
    text = re.sub("SCRUBBED_ID", lambda _: f"https://kbin.test/scrubbed/{next(numbers)}", path.read_text())
    return json.loads(text.replace("SCRUBBED_DATE", "2026-01-01T00:00:00Z"))


def _read(path: Path) -> Any:
    return json.loads(path.read_text())
