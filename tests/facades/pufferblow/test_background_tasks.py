"""Background tasks by their ids: what runs, what is noted of it, and what no name can run."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from app import db
from app.actions import background
from app.actions.background import asking, registry
from app.db import reading, transaction
from app.errors import UnavailableError
from app.models import AuditEntry, BackgroundTask
from app.settings import configure, current
from tests.answers import refusal
from tests.facades.conftest import Person, Server
from tests.together import at_once

TASKS = (
    "storage_cleanup",
    "auth_token_cleanup",
    "server_stats_update",
    "chart_data_update",
    "activity_metrics_update",
    "ping_stale_cleanup",
    "database_backup",
)
ROUTES = ("status", "run", "toggle", "backup-config", "backup-config/get")
FORBIDDEN = refusal(403, "Access forbidden. Missing required privilege: manage_background_tasks.")


def ask(server: Server, by: Person, route: str, **given: Any) -> Any:
    return server.call("POST", f"/api/v1/background-tasks/{route}", json={"auth_token": by.token} | given)


def state(server: Server, by: Person, task_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = ask(server, by, "status").json["tasks"][task_id]
    return shown


@pytest.fixture
def _worker(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hears every hint at once."""
    monkeypatch.setattr(
        db, "_wake_listeners", [lambda kind, key: background.run(key) if kind == "background" else None]
    )


@contextmanager
def changes_nothing(server: Server) -> Iterator[None]:
    def rows() -> list[Any]:
        table = BackgroundTask.__table__
        with reading() as session:
            return [tuple(row) for row in session.execute(select(table).order_by(table.c.id))]

    before = rows(), server.stored()
    yield
    assert (rows(), server.stored()) == before


@pytest.fixture
def make_do(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the clean-up of tokens do something else."""

    def make_do(what: Callable[[datetime], object], **more: Any) -> None:
        task = msgspec.structs.replace(registry.TASKS["auth_token_cleanup"], run=what, **more)
        monkeypatch.setattr(registry, "TASKS", {**registry.TASKS, task.id: task})

    return make_do


@pytest.mark.usefixtures("_worker")
def test_each_task_runs_and_says_so(server: Server, owner: Person) -> None:
    for task_id in TASKS:
        answer = ask(server, owner, "run", task_id=task_id)

        assert answer.json == {"status_code": 200, "message": f"Background task '{task_id}' executed successfully"}
        after = state(server, owner, task_id)
        assert (after["registered"], after["running"], after["runs"], after["errors"]) == (True, False, 1, 0)
        assert after["last_error"] is None
        assert datetime.fromisoformat(after["last_run"]) <= datetime.now(UTC)
    with reading() as session:
        query = select(AuditEntry).where(AuditEntry.type == "background_task_run").order_by(AuditEntry.position)
        entries = session.scalars(query).all()
    assert [(entry.actor_id, entry.target) for entry in entries] == [(owner.id, task_id) for task_id in TASKS]


def test_every_task_has_its_schedule(server: Server, owner: Person) -> None:
    tasks = ask(server, owner, "status").json["tasks"]

    assert {name: task["schedule_label"] for name, task in tasks.items()} == {
        "storage_cleanup": "Every 24h",
        "auth_token_cleanup": "Every 12h",
        "server_stats_update": "Every 15m",
        "chart_data_update": "Every 1h",
        "github_releases_check": "Every 6h",
        "activity_metrics_update": "Every 6h",
        "ping_stale_cleanup": "Every 5m",
        "database_backup": "Every 24h",
    }
    assert {name for name, task in tasks.items() if not task["enabled"]} == {"github_releases_check", "database_backup"}
    assert [name for name, task in tasks.items() if not task["registered"]] == ["github_releases_check"]


@pytest.mark.usefixtures("_worker")
def test_no_other_name_runs_anything(server: Server, owner: Person) -> None:
    names = ("os.system", "../x", "tasks.background.run", "no_such_task", "github_releases_check", "x" * 64)

    with changes_nothing(server):
        for task_id in names:
            run = ask(server, owner, "run", task_id=task_id)
            toggled = ask(server, owner, "toggle", task_id=task_id, enabled=True)
            background.run(task_id)

            assert (run.status_code, toggled.status_code) == (400, 400)
            assert task_id in run.json["detail"]


def test_a_task_is_named_by_a_short_text(server: Server, owner: Person) -> None:
    senseless: list[dict[str, Any]] = [
        {},
        {"task_id": ""},
        {"task_id": "x" * 65},
        {"task_id": ["a"]},
        {"task": "os.system"},
    ]

    with changes_nothing(server):
        assert [ask(server, owner, "run", **given).status_code for given in senseless] == [400] * len(senseless)


def test_tasks_are_for_the_staff(server: Server, owner: Person, member: Person) -> None:
    given = {"task_id": "database_backup", "enabled": True, "max_files": 1}

    with changes_nothing(server):
        for route in ROUTES:
            asked = ask(server, member, route, **given)
            anonymous = server.call("POST", f"/api/v1/background-tasks/{route}", json=given)

            assert (asked.status_code, asked.json, anonymous.status_code) == (*FORBIDDEN, 401)


@pytest.mark.usefixtures("_worker")
def test_what_a_task_fails_with_is_told_as_far_as_it_is_safe(
    server: Server, owner: Person, make_do: Callable[..., None]
) -> None:
    def fail(_: datetime) -> None:
        raise RuntimeError("postgresql://shoal:secret@db/shoal is away")

    make_do(fail)

    answer = ask(server, owner, "run", task_id="auth_token_cleanup")

    assert answer.status_code == 400
    assert "Background task 'auth_token_cleanup' failed to execute" in answer.json["detail"]
    after = state(server, owner, "auth_token_cleanup")
    assert (after["runs"], after["errors"], after["running"]) == (0, 1, False)
    assert after["last_error"] == "RuntimeError; the log says more."


def test_without_a_worker_the_staff_is_told_so_and_the_task_runs_later(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_WAIT_SECONDS", 0.1)

    answer = ask(server, owner, "run", task_id="chart_data_update")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "chart_data_update" in answer.json["detail"]
    with reading() as session:
        assert "chart_data_update" in background.due(session, datetime.now(UTC))


def test_no_more_wait_for_tasks_than_the_server_can_bear(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_places", threading.BoundedSemaphore(1))
    asking._places.acquire()

    with changes_nothing(server):
        answer = ask(server, owner, "run", task_id="chart_data_update")

    assert answer.status_code == 429


def test_asked_for_at_once_by_many_it_runs_once(server: Server, owner: Person, make_do: Callable[..., None]) -> None:
    refused, begun = threading.Semaphore(0), []

    def work(_: datetime) -> None:
        begun.append(1)
        for _other in range(2):
            refused.acquire(timeout=10)

    def run_and_release() -> None:
        background.run("auth_token_cleanup")
        refused.release()  # Only whoever is told no comes here before the work ends.

    make_do(work)
    at_once(run_and_release, times=3)

    assert len(begun) == 1
    assert state(server, owner, "auth_token_cleanup")["runs"] == 1


def test_a_run_that_died_is_not_waited_for_for_ever(server: Server, owner: Person) -> None:
    def since(**before: int) -> list[str]:
        now = datetime.now(UTC)
        with transaction() as session:
            values = {"running_since": now - timedelta(**before)}
            session.execute(update(BackgroundTask).where(BackgroundTask.id == "server_stats_update").values(values))
        with reading() as session:
            return background.due(session, now)

    assert "server_stats_update" not in since(minutes=1)
    assert state(server, owner, "server_stats_update")["running"] is True
    assert "server_stats_update" in since(hours=3)
    assert state(server, owner, "server_stats_update")["running"] is False


def test_a_task_that_is_off_is_not_due_and_stays_off(server: Server, owner: Person) -> None:
    def due(at: datetime) -> bool:
        with reading() as session:
            return "server_stats_update" in background.due(session, at)

    now = datetime.now(UTC)
    seen = [due(now)]
    off = ask(server, owner, "toggle", task_id="server_stats_update", enabled=False)
    seen.append(due(now + timedelta(days=1)))
    on = ask(server, owner, "toggle", task_id="server_stats_update", enabled="true")
    seen += [due(now), due(now + timedelta(minutes=16))]

    assert seen == [True, False, False, True]
    assert [answer.json["message"] for answer in (off, on)] == [
        "Task 'server_stats_update' disabled.",
        "Task 'server_stats_update' enabled.",
    ]
    assert on.json["enabled"] is True
    with reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.type == "background_task_toggled")).all()
    assert [(entry.target, entry.data["enabled"]) for entry in entries] == [
        ("server_stats_update", False),
        ("server_stats_update", True),
    ]


@pytest.mark.usefixtures("_worker")
def test_releases_are_asked_for_only_where_the_operator_says_so(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/api/v1/system/latest-release"
    asked: list[str] = []

    def answer_as_github(url: str) -> dict[str, Any]:
        asked.append(url)
        return {"tag_name": "v2.0", "html_url": "https://github.com/a/b/releases/v2.0", "body": "x" * 30_000, "id": 1}

    monkeypatch.setattr("app.actions.releases._ask", answer_as_github)
    off = server.call("GET", path).json
    configure(dataclasses.replace(current(), check_releases="a/b"))
    unknown = server.call("GET", path).json
    assert ask(server, owner, "run", task_id="github_releases_check").status_code == 200
    known = server.call("GET", path).json["release"]

    assert (off["release"], unknown["release"]) == (None, None)
    assert "SHOAL_CHECK_RELEASES" in off["message"]
    assert asked == ["https://api.github.com/repos/a/b/releases/latest"]
    assert (known["version"], known["tag_name"], known["url"]) == ("2.0", "v2.0", known["html_url"])
    assert len(known["body"]) == 20_000


@pytest.mark.usefixtures("_worker")
def test_a_release_that_cannot_be_had_is_an_error_of_the_task(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> dict[str, Any]:
        raise UnavailableError("GitHub was not reached.")

    monkeypatch.setattr("app.actions.releases._ask", fail)
    configure(dataclasses.replace(current(), check_releases="a/b"))

    answer = ask(server, owner, "run", task_id="github_releases_check")

    assert (answer.status_code, answer.json["detail"][-23:]) == (400, "GitHub was not reached.")
