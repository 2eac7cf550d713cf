"""The background tasks there are, by the ids that the clients of PufferBlow know. No other name runs anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from app.actions import releases, snapshots
from app.actions.backups import back_up, read_backup_config
from app.actions.files.orphans import clean_up
from app.actions.pruning import prune_pings, prune_tokens
from app.settings import current


class BackgroundTask(msgspec.Struct, frozen=True):
    """`every` is when it runs again after it has run; a run that takes longer than `longest` is taken for dead.

    `run` may be called twice, at once too. `is_available` says whether the settings of this server have it at all.
    """

    id: str
    name: str
    description: str
    every: Callable[[], timedelta]
    run: Callable[[datetime], object]
    longest: timedelta = timedelta(minutes=15)
    is_on_at_first: bool = True
    is_available: Callable[[], bool] = lambda: True


def _each(**time: int) -> Callable[[], timedelta]:
    return lambda: timedelta(**time)


_TASKS: Final = (
    BackgroundTask(
        "storage_cleanup",
        "Storage Cleanup",
        "Deletes uploaded files that nothing shows any more.",
        _each(hours=24),
        clean_up,
        longest=timedelta(hours=1),
    ),
    BackgroundTask(
        "auth_token_cleanup",
        "Auth Token Cleanup",
        "Deletes tokens, cookies and sessions that have ended.",
        _each(hours=12),
        prune_tokens,
    ),
    BackgroundTask(
        "server_stats_update",
        "Server Stats Update",
        "Counts people, channels and messages, and how many people are online.",
        _each(minutes=15),
        snapshots.update_statistics,
    ),
    BackgroundTask(
        "chart_data_update",
        "Chart Data Update",
        "Counts the messages of the hours that are over, for the charts.",
        _each(hours=1),
        snapshots.count_hours,
        longest=timedelta(hours=1),
    ),
    BackgroundTask(
        "github_releases_check",
        "GitHub Release Check",
        "Asks GitHub for the newest release. Only where SHOAL_CHECK_RELEASES is set.",
        _each(hours=6),
        releases.check,
        is_available=lambda: current().check_releases is not None,
    ),
    BackgroundTask(
        "activity_metrics_update",
        "Activity Metrics Update",
        "Counts who and what was busy in the last day.",
        _each(hours=6),
        snapshots.update_activity,
    ),
    BackgroundTask(
        "ping_stale_cleanup",
        "Ping Stale Cleanup",
        "Lets pings end that nobody answered, and forgets those older than a month.",
        _each(minutes=5),
        prune_pings,
    ),
    BackgroundTask(
        "database_backup",
        "Database Backup",
        "Copies the database into the folder for back-ups. The secret that opens it is not in the copy.",
        lambda: timedelta(hours=read_backup_config().schedule_hours),
        back_up,
        longest=timedelta(hours=2),
        is_on_at_first=False,
    ),
)

TASKS: Final[Mapping[str, BackgroundTask]] = {task.id: task for task in _TASKS}


def find_task(task_id: str) -> BackgroundTask | None:
    """One that there is and that the settings allow."""
    task = TASKS.get(task_id)
    return task if task is not None and task.is_available() else None
