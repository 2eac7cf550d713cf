"""Fault F34: a migration that is killed half way is done again, and a half of it is never served."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.processes import ManagedProcess
from tests.e2e.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SHOAL = Path(sys.executable).parent / "shoal"
KILLS = 3
# From the moment at which the database's file is there.
LONGEST_SECONDS = 0.4


def test_f34_a_killed_migration_is_done_again_from_wherever_it_was(tmp_path: Path) -> None:
    rng = random.Random(34)
    whole = _migrated(tmp_path / "whole")

    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = ManagedProcess([SHOAL, "migrate"], log=folder / "migrate.log", env=_env(folder), folder=folder)
        process.start()
        eventually((folder / "shoal.db").exists, what="the migration has begun")
        time.sleep(rng.uniform(0, LONGEST_SECONDS))
        process.kill()

        assert _migrated(folder) == whole


def _migrated(folder: Path) -> list[str]:
    """Every statement of the schema, and the revision."""
    folder.mkdir(exist_ok=True)
    subprocess.run([SHOAL, "migrate"], env=_env(folder), cwd=folder, check=True)
    with closing(sqlite3.connect(folder / "shoal.db")) as database:
        schema = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
        return [str(row) for row in [*schema, *database.execute("SELECT version_num FROM alembic_version")]]


def _env(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(folder), "SHOAL_DATA": str(folder)}
