"""The command measures all that it promises, and puts everything back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.catalogue import lines
from tests.bench.plan import SMOKE
from tests.bench.site import ROOT
from tests.e2e.hosts import HOSTS_FILE


@pytest.mark.e2e
def test_every_figure_is_measured(tmp_path: Path) -> None:
    json_file = tmp_path / "figures.jsonl"

    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--smoke", "--only", "sqlite", "--json", json_file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    about, *found = [json.loads(line) for line in json_file.read_text().splitlines()]
    assert about["commit"]
    # A queue this short may be empty before anybody looks.
    optional = {"inbox.processed.rate"}
    assert {row["key"] for row in found} | optional == {line.key for line in lines(SMOKE)} | optional
    assert "bench-sqlite" not in HOSTS_FILE.read_text()
