"""What a database holds, for comparing: all rows but those that only limit, log or remember what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

import app.models  # noqa: F401  It fills the metadata.
from app.actions.sweeps import LAST_PRUNE, LAST_SWEEP
from app.db import Base
from app.queries.snapshots import ACTIVITY, STATISTICS

# Wakes and presence, what is known of hosts, what was seen, keys that are made before they are needed, and samples.
_LEFT_OUT = frozenset({"events", "hosts", "inbox_items", "seen_signatures", "presences", "data_keys", "samples"})
# A look at an actor's home, or somebody's visit, is no change; a delivery goes its way by itself.
_VOLATILE: Mapping[str, frozenset[str]] = {
    "actors": frozenset({"fetched_at", "updated_at"}),
    "actor_keys": frozenset({"created_at"}),
    # How often somebody who is blocked has tried.
    "blocked_networks": frozenset({"attempts", "last_attempt_at"}),
    "accounts": frozenset({"last_seen_at", "status"}),
    # They run by the clock; a run that somebody asked for is in the audit log.
    "background_tasks": frozenset(
        {"runs", "errors", "total_runtime", "last_run_at", "last_error", "running_since", "next_run_at"}
    ),
    "deliveries": frozenset(
        {"state", "attempts", "next_attempt_at", "last_status", "last_error", "finished_at", "position"}
    ),
}

_BY_THE_CLOCK = frozenset({LAST_SWEEP, LAST_PRUNE, STATISTICS, ACTIVITY})

Snapshot = Mapping[str, Counter[tuple[Any, ...]]]


def take(engine: Engine) -> Snapshot:
    """One consistent look at every table that counts."""
    with engine.connect() as connection:
        found = {}
        for table in Base.metadata.sorted_tables:
            if table.name in _LEFT_OUT:
                continue
            ignored = _VOLATILE.get(table.name, frozenset())
            columns = ", ".join(column.name for column in table.columns if column.name not in ignored)
            # As the driver gives them: a row is compared hundreds of times, and seldom looked at.
            rows = map(tuple, connection.exec_driver_sql(f"SELECT {columns} FROM {table.name}"))
            found[table.name] = Counter(_hashable(row) for row in rows if row[0] not in _BY_THE_CLOCK)
        return found


def _hashable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(str(value) if isinstance(value, dict | list) else value for value in row)


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """A line for each row that came, went or changed."""
    lines = []
    for table in before:
        lines += [f"{table} lost {_short(row)}" for row in (before[table] - after[table]).elements()]
        lines += [f"{table} got {_short(row)}" for row in (after[table] - before[table]).elements()]
    return lines


def _short(row: tuple[Any, ...]) -> str:
    return str(row)[:400]
