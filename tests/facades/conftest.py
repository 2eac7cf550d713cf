"""A server behind Flask's test client, on a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

import msgspec
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, update

from app import sealing
from app.actions import passwords
from app.actions.installation import prepare_installation
from app.db import Base, database, transaction
from app.factory import make_app
from app.keyring import Keyring
from app.models import Account, RoleGrant, Space
from app.queries.blocked_networks import forget_blocks
from app.queries.server_settings import forget_server_settings
from app.services.rates import Rates
from app.settings import Settings, configure
from app.web import api
from app.web.admission import Admission
from app.web.answers import json_answer
from app.web.limiting import Limits
from app.web.shapes import Shape
from tests.databases import connected_to, database_url, kept
from tests.snapshots import Snapshot, take_snapshot

__all__ = ["database_url"]

ORIGIN = "https://chat.example"
PASSWORD = "correct horse battery staple"

T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """An account, signed in."""

    id: str
    username: str
    session: dict[str, Any]

    @property
    def token(self) -> str:
        return str(self.session["auth_token"])

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Server:
    """What a client sees of a server, and what the tests may look at behind its back."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.founders: Sequence[Person] = ()
        self._founding: _Founding | None = None
        self._done: tuple[str, ...] = ()
        self._is_written = False

    def call(self, method: str, path: str, *, person: Person | None = None, **options: Any) -> Any:
        """The answer, read to its end; untyped, because `json` of a typed one may always be None."""
        headers = dict(options.pop("headers", {})) | (person.bearer if person else {})
        return self.client.open(path, method=method, headers=headers, buffered=True, **options)

    def sign_up(self, username: str) -> Person:
        answer = self.call("POST", "/api/v1/users/signup", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        person = Person("", username, answer.json)
        profile = self.call("POST", "/api/v1/users/profile", person=person).json
        return Person(profile["user_data"]["user_id"], username, answer.json)

    def once(self, what: str, do: Callable[[], T]) -> T:
        """Do what several tests begin with and return what it returns: it is done for the first of them, and put back
        for those after it on the same installation, if they, too, wrote nothing before that was not done by `once`.

        It must leave nothing behind but rows, and return what can be copied.
        """
        founding, done = self._founding, (*self._done, f"{do.__module__}: {what}")
        if founding is None or self._is_written or not founding.is_of_now:
            return do()
        if done in founding.later:
            snapshot, found = founding.later[done]
            snapshot.put_back(database())
        else:
            found = do()
            founding.later[done] = take_snapshot(database()), found
        self._done, self._is_written = done, False
        forget_what_is_remembered(self.client.application)
        return cast("T", deepcopy(found))

    def begin_with(self, founding: _Founding) -> None:
        self._founding = founding
        self.founders = deepcopy(founding.people)

    def note_writing(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self._is_written = self._is_written or statement.startswith(("INSERT", "UPDATE", "DELETE", "WITH"))

    def create_channel(self, person: Person, **given: Any) -> dict[str, Any]:
        answer = self.call("POST", "/api/v1/channels/create/", person=person, json={"channel_name": "Lobby"} | given)
        assert answer.status_code == 200, answer.text
        channel: dict[str, Any] = answer.json["channel_data"]
        return channel

    def send(self, person: Person, channel_id: str, text: str) -> dict[str, Any]:
        path = f"/api/v1/channels/{channel_id}/send_message"
        answer = self.call("POST", path, person=person, data={"message": text})
        assert answer.status_code == 201, answer.text
        message: dict[str, Any] = answer.json["message_data"]
        return message

    def give_role(self, person: Person, role: str) -> None:
        with transaction() as session:
            home = session.scalar(select(Space.actor_id).where(Space.is_home))
            session.execute(insert(RoleGrant).values(actor_id=person.id, space_id=home, role=role))

    def give_privileges(self, by: Person, person: Person, *privileges: str) -> None:
        """By a role made for it, the only one that the person then has."""
        role = {"role_name": f"Role of {person.username}", "privileges_ids": list(privileges)}
        made = self.call("POST", "/api/v1/system/roles", person=by, json=role)
        assert made.status_code == 201, made.text
        given = {"roles_ids": [made.json["role"]["role_id"]]}
        answer = self.call("PUT", f"/api/v1/system/users/{person.id}/roles", person=by, json=given)
        assert answer.status_code == 200, answer.text

    def ban(self, person: Person) -> None:
        with transaction() as session:
            banned = update(Account).where(Account.actor_id == person.id)
            session.execute(banned.values(banned_at=datetime.now(UTC), ban_reason="spam"))

    def stored(self) -> dict[str, int]:
        """How many rows each table has."""
        with database().engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(_rows_of_every_table())
            return dict(cursor.fetchall())

    @contextmanager
    def stores_nothing(self) -> Iterator[None]:
        before = self.stored()
        yield
        assert self.stored() == before

    @contextmanager
    def counted_queries(self) -> Iterator[list[str]]:
        """The statements that are executed meanwhile."""
        statements: list[str] = []
        forget_server_settings()
        forget_blocks()
        self.call("GET", "/api/v1/info")  # What is remembered for seconds is not what is counted.

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        event.listen(database().engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(database().engine, "before_cursor_execute", note)


@cache
def _rows_of_every_table() -> str:
    """As text: each test of a refusal asks it twice, and a statement of seventy tables takes seven times as long."""
    return " UNION ALL ".join(f"SELECT '{name}', count(*) FROM \"{name}\"" for name in Base.metadata.tables)


@cache
def _application() -> Flask:
    """One for all tests of a process: it holds nothing of a server but what it counts, and its routes take longer to
    mount than most tests."""
    with TemporaryDirectory() as folder:
        return make_app(
            Settings.from_env({"SHOAL_DATA": folder, "SHOAL_ORIGIN": ORIGIN, "SHOAL_SECRET_KEY": "s" * 32}, None)
        )


@dataclass(frozen=True)
class _Founding:
    """An installation at the moment when the first of its people had signed up."""

    snapshot: Snapshot
    people: Sequence[Person]
    moment: datetime
    later: dict[tuple[str, ...], tuple[Snapshot, Any]] = field(default_factory=dict)

    @property
    def is_of_now(self) -> bool:
        """Whether a test could not tell it from one of its own: tokens expire, and charts have a bar for each hour."""
        now = datetime.now(UTC)
        return abs(now - self.moment) < timedelta(seconds=55) and now.hour == self.moment.hour


_foundings: dict[tuple[str, int], _Founding] = {}


def _found(server: Server, settings: Settings, names: Sequence[str]) -> _Founding:
    """Prepare the installation and sign those people up; or put back what came of it a moment ago, which takes a tenth
    of the time."""
    key = (settings.database_url, len(names))
    founding = _foundings.get(key)
    if founding is None or not founding.is_of_now:
        prepare_installation(settings)
        people = [server.sign_up(name) for name in names]
        founding = _foundings[key] = _Founding(take_snapshot(database()), people, datetime.now(UTC))
    else:
        founding.snapshot.put_back(database())
    return founding


def forget_what_is_remembered(app: Flask) -> None:
    """Of requests, and for a moment of the database."""
    app.extensions["shoal.limits"] = Limits(Rates(None))
    app.extensions["shoal.admission"] = Admission()
    forget_server_settings()
    forget_blocks()


def _answer_as_declared(answer: Shape, status: int = 200) -> Response:
    """Nothing looks at what an answer's fields hold but mypy, which does not see into rows and dictionaries."""
    msgspec.convert(msgspec.to_builtins(answer), type(answer))
    return json_answer(answer, status)


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A new installation, on which those of `owner` and `member` that the test asks for have signed up."""
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(api, "json_answer", _answer_as_declared)
    environ = {"SHOAL_DATA": str(tmp_path / "data"), "SHOAL_ORIGIN": ORIGIN, "SHOAL_SECRET_KEY": "s" * 32}
    settings = replace(Settings.from_env(environ, None), database_url=database_url)
    app = _application()
    configure(settings)
    sealing.configure(Keyring(settings.secret_keys))
    with connected_to(database_url):
        server = Server(app.test_client())
        forget_what_is_remembered(app)
        names = [name for name, fixture in (("alice", "owner"), ("bob", "member")) if fixture in request.fixturenames]
        server.begin_with(_found(server, settings, names))
        forget_what_is_remembered(app)
        event.listen(kept(database_url).engine, "before_cursor_execute", server.note_writing)
        yield server
        event.remove(kept(database_url).engine, "before_cursor_execute", server.note_writing)


@pytest.fixture
def owner(server: Server) -> Person:
    """The first account."""
    return server.founders[0]


@pytest.fixture
def member(server: Server, owner: Person) -> Person:
    return server.founders[1]
