"""The application of a web process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import db, factory
from app.live import process
from app.services import broker
from app.settings import Settings


@pytest.fixture
def _left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a process has one of."""
    monkeypatch.setattr(db, "_wake_listeners", [])
    monkeypatch.setattr(db, "_database", None)
    monkeypatch.setattr(process, "_live", None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_left_as_it_was")
def test_commits_are_told_to_workers_and_sockets_until_the_process_stops(tmp_path: Path) -> None:
    settings = Settings.from_env({"SHOAL_DATA": str(tmp_path), "SHOAL_SECRET_KEY": "s" * 32}, None)

    app = factory.create_app(settings)

    assert broker.hint in db._wake_listeners
    assert len(db._wake_listeners) == 2
    assert app.extensions["shoal.on_shutdown"][:2] == [broker.close, process.live().stop]
    for stop in app.extensions["shoal.on_shutdown"]:
        stop()
