"""Up, and ready."""

from __future__ import annotations

import pytest

from app import db
from tests.facades.conftest import Server


def test_a_process_that_answers_is_up_and_ready(server: Server) -> None:
    assert server.call("GET", "/healthz").json == server.call("GET", "/readyz").json == {"status": "ok"}


def test_without_its_database_it_is_up_but_not_ready(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "_database", db.Database("sqlite:////nowhere/shoal.db"))

    assert server.call("GET", "/healthz").status_code == 200
    answer = server.call("GET", "/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
