"""Background tasks on their schedule: the sweep finds what is due, and what they take away is what has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update

from app.actions import background, pruning
from app.actions.sweeps import sweep
from app.db import reading, transaction
from app.models import BackgroundTask, Ping
from tests.world import World

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ALWAYS_ON = [
    "activity_metrics_update",
    "auth_token_cleanup",
    "chart_data_update",
    "ping_stale_cleanup",
    "server_stats_update",
    "storage_cleanup",
]


def hints(now: datetime) -> list[str]:
    """The background tasks that a sweep tells of."""
    heard: list[tuple[str, str]] = []
    sweep(lambda kind, key: heard.append((kind, key)), now)
    return sorted(key for kind, key in heard if kind == "background")


def test_a_new_server_runs_each_task_at_once_and_again_when_its_time_has_come(world: World) -> None:
    now = datetime.now(UTC)
    first = hints(now)
    background.run("server_stats_update")
    later = [hints(now + timedelta(minutes=minutes)) for minutes in (14, 16)]

    assert first == ALWAYS_ON
    assert ["server_stats_update" in due for due in later] == [False, True]


def test_a_task_waits_no_longer_because_the_clock_was_put_back(world: World) -> None:
    """It was to run within 15 minutes, and somebody was at it when the clock was a year ahead."""
    now = datetime.now(UTC)
    to_come = now + timedelta(days=365)
    with transaction() as session:
        session.execute(update(BackgroundTask).values(next_run_at=to_come, running_since=to_come))

    assert "server_stats_update" in hints(now)
    background.run("server_stats_update")
    assert "server_stats_update" not in hints(datetime.now(UTC))


def test_a_task_that_is_switched_off_is_left_alone(world: World) -> None:
    with transaction() as session:
        session.execute(update(BackgroundTask).values(is_enabled=False))

    assert hints(datetime.now(UTC) + timedelta(days=9)) == []


def test_making_ready_again_forgets_nothing_of_how_tasks_fared(world: World) -> None:
    background.run("auth_token_cleanup")
    with transaction() as session:
        background.install(session, datetime.now(UTC))

    with reading() as session:
        runs = session.scalar(select(BackgroundTask.runs).where(BackgroundTask.id == "auth_token_cleanup"))
    assert runs == 1


def test_pings_that_nobody_answered_end_and_old_ones_are_forgotten(world: World) -> None:
    ends = {
        "sent": NOW - timedelta(minutes=1),
        "delivered": NOW - timedelta(days=2),
        "acked": NOW - timedelta(days=2),
        "waiting": NOW + timedelta(minutes=1),
        "old": NOW - timedelta(days=31),
    }
    with transaction() as session:
        for name, expires_at in ends.items():
            row = {"id": name, "type": "user", "sender_id": world.alice.id, "sent_at": NOW, "expires_at": expires_at}
            row["status"] = name if name in {"delivered", "acked"} else "sent"
            session.execute(insert(Ping).values(row))

    pruning.prune_pings(NOW)

    with reading() as session:
        left = {row.id: row.status for row in session.execute(select(Ping.id, Ping.status))}
    assert left == {"sent": "expired", "delivered": "expired", "acked": "acked", "waiting": "sent"}
