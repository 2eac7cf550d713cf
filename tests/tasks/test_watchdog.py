"""The watchdog: sweeps nobody else makes, and the end of a worker that went deaf."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.exceptions import OperationalError

from app.actions.sweeps import is_overdue
from app.db import Database
from app.services.broker import TASKS
from tasks import watchdog as module
from tasks.delivery import lanes
from tasks.sweeps import pulse
from tasks.watchdog import Watchdog
from tests.actions.delivery.world import HOST, World
from tests.databases import database, database_url
from tests.e2e.waiting import eventually

__all__ = ["database", "database_url"]


class Broker:
    """Stands in for Celery's publishing: counts the pulses, and is away when told to."""

    def __init__(self) -> None:
        self.pulses = 0
        self.is_away = False

    def apply_async(self, **_: Any) -> None:
        if self.is_away:
            raise OperationalError("connection refused")
        self.pulses += 1


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    monkeypatch.setattr(module, "feel_pulse", broker)
    monkeypatch.setattr(module, "_PULSE_SECONDS", 0.0)
    return broker


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    ended: list[bool] = []
    monkeypatch.setattr(module, "_end_process", lambda: ended.append(True))
    return ended


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(kind, key) of the work the watchdog took on in this process."""
    given: list[tuple[str, str]] = []
    names = {name: kind for kind, name in TASKS.items()}
    monkeypatch.setattr(lanes, "put", lambda host: given.append(("deliver", host)))
    monkeypatch.setattr(module, "_run_task", lambda name, key: given.append((names[name], key)))
    return given


def test_a_sweep_that_nobody_made_is_made_here_without_a_broker(
    database: Database, broker: Broker, given: list[tuple[str, str]]
) -> None:
    world = World()
    world.queue()
    keyless = world.local_actor("new", has_key=False)
    broker.is_away = True

    Watchdog("worker@here").look()

    assert eventually(lambda: sorted(given) == [("deliver", HOST), ("keys", keyless)])
    assert not is_overdue()


def test_a_sweep_that_was_just_made_is_not_made_again(
    database: Database, broker: Broker, given: list[tuple[str, str]]
) -> None:
    Watchdog("worker@here").look()
    World().queue()

    Watchdog("worker@here").look()

    assert given == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_hears_its_own_messages_lives(database: Database, broker: Broker, ended: list[bool]) -> None:
    watchdog = Watchdog("worker@here")

    for _ in range(10):
        watchdog.look()
        pulse.beat()

    assert broker.pulses == 10
    assert ended == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_went_deaf_ends(database: Database, broker: Broker, ended: list[bool]) -> None:
    watchdog = Watchdog("worker@here")

    for _ in range(4):
        watchdog.look()
    assert ended == []
    watchdog.look()

    assert ended == [True]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_broker_that_is_away_is_no_reason_to_end(database: Database, broker: Broker, ended: list[bool]) -> None:
    watchdog = Watchdog("worker@here")
    broker.is_away = True

    for _ in range(10):
        watchdog.look()

    assert ended == []
