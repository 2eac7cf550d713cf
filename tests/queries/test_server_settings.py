"""Reading the settings of the server: seldom, one at a time, and never an old one for long."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.actions.server import change_server
from app.db import transaction
from app.models import Setting
from app.projections.server_settings import put
from app.queries import server_settings as module
from app.queries.server_settings import ServerSettings, forget_server_settings, read_server_settings, server_settings
from tests.world import World


def test_while_one_reads_anew_the_others_have_those_of_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server_settings()
    has_begun, may_end = threading.Event(), threading.Event()

    def read_slowly(session: Session) -> ServerSettings:
        has_begun.set()
        assert may_end.wait(10)
        return read_server_settings(session)

    monkeypatch.setattr(module, "read_server_settings", read_slowly)
    with transaction() as session:
        put(session, {"max_users": 7})
    forget_server_settings()
    reader = threading.Thread(target=server_settings)
    reader.start()
    assert has_begun.wait(10)
    meanwhile = server_settings().max_users
    may_end.set()
    reader.join()

    assert (meanwhile, server_settings().max_users) == (None, 7)


def test_a_change_that_comes_while_they_are_read_is_not_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_too_early(session: Session) -> ServerSettings:
        settings = read_server_settings(session)
        monkeypatch.setattr(module, "read_server_settings", read_server_settings)
        change_server(world.viewer(world.alice), {"max_users": 7})
        return settings

    monkeypatch.setattr(module, "read_server_settings", read_too_early)
    forget_server_settings()
    server_settings()

    assert server_settings().max_users == 7


def test_what_is_no_setting_is_not_kept_and_one_of_another_version_is_passed_over(world: World) -> None:
    with pytest.raises(ValueError, match="not a setting: max_dreams"), transaction() as session:
        put(session, {"max_dreams": 7})
    with transaction() as session:
        session.execute(insert(Setting).values(name="server.max_dreams", value=7))
    forget_server_settings()

    assert server_settings().max_users is None
