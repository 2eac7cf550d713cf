"""A new installation with alice and bob, made once and given to each test afresh."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, insert, select

from activitypub import build
from app import db, sealing
from app.actions.installation import prepare_installation
from app.db import Base, Database
from app.ids import new_id
from app.keyring import Keyring
from app.pipeline import submit
from app.process import prepare
from app.queries.server_settings import forget_server_settings
from app.settings import Settings, configure
from app.uris import Uris
from tests.databases import SECRET, empty, kept
from tests.snapshots import Snapshot, take_snapshot

ORIGIN = "https://chat.example"
URIS = Uris(ORIGIN)


def person(uri: str, name: str, **described: Any) -> dict[str, Any]:
    """An actor document."""
    values: dict[str, Any] = {
        "type": "Person",
        "summary": "",
        "shared_inbox": f"{ORIGIN}/ap/inbox",
        "manually_approves": False,
        "rsa_key": None,
        "ed25519_key": None,
    }
    return build.actor(
        build.Person(
            uri=uri,
            username=name.lower(),
            name=name,
            url=uri,
            published=datetime.now(UTC),
            discoverable=True,
            **(values | described),
        )
    )


def sign_up(name: str) -> str:
    """The URI of a new account."""
    uri = URIS.user(new_id("user"))
    submit(build.create(actor=URIS.instance, object=person(uri, name), to=[]), private={"password_hash": "hash"})
    return uri


@dataclass
class Founding:
    """An installation with alice and bob, made once and put into a database of each kind for each test."""

    settings: Settings
    rows: dict[str, list[dict[str, Any]]]
    snapshots: dict[str, Snapshot]

    def open(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the database that of this process, and the installation all there is in it."""
        configure(self.settings)
        sealing.configure(Keyring(self.settings.secret_keys))
        database = kept(url)
        monkeypatch.setattr(db, "_database", database)
        forget_server_settings()
        if url in self.snapshots:
            self.snapshots[url].put_back(database)
        else:
            empty(url)
            self._fill(database)
            self.snapshots[url] = take_snapshot(database)

    def _fill(self, database: Database) -> None:
        with database.writing_engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                if rows := self.rows[table.name]:
                    connection.execute(insert(table), rows)


@pytest.fixture(scope="session")
def founding(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, sqlite_folder: Path
) -> Iterator[Founding]:
    data, path = tmp_path_factory.mktemp("founding") / "data", sqlite_folder / "founding.db"
    shutil.copy(sqlite_template, path)
    environ = {"SHOAL_DATA": str(data), "SHOAL_ORIGIN": ORIGIN, "SHOAL_SECRET_KEY": SECRET}
    settings = replace(Settings.from_env(environ, None), database_url=f"sqlite:///{path}")
    prepare(settings)
    prepare_installation(settings)
    sign_up("alice")
    sign_up("bob")
    with db.database().engine.connect() as connection:
        rows = {table.name: list(map(_row, connection.execute(select(table)))) for table in Base.metadata.sorted_tables}
    yield Founding(settings, rows, {settings.database_url: take_snapshot(db.database())})
    kept(settings.database_url).engine.dispose()


def _row(row: Row[Any]) -> dict[str, Any]:
    """Positions are given anew, or the next of them would be given twice."""
    return {name: value for name, value in row._mapping.items() if name != "position"}
