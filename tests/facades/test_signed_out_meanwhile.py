"""A session that ends while the body of a request is on its way: nothing is done for it, on any route."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO, RawIOBase
from typing import Any

import msgspec
from sqlalchemy import update

from app.db import transaction
from app.facades.pufferblow import API
from app.models import LoginSession
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server
from tests.facades.punctum.cast import PREFIX, Cast
from tests.facades.punctum.routes import PUNCTUM
from tests.facades.test_authorization_matrix import fill


class Slow(RawIOBase):
    """A body; something happens before it is there."""

    def __init__(self, body: bytes, meanwhile: Callable[[], None]) -> None:
        self._body = BytesIO(body)
        self._meanwhile = meanwhile

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._meanwhile()
        return self._body.readinto(buffer)


def ask(server: Server, person: Person, method: str, path: str, body: Any) -> Any:
    _set_sessions(ended_at=None)
    encoded = msgspec.json.encode(body)
    slow = Slow(encoded, lambda: _set_sessions(ended_at=datetime.now(UTC)))
    given = {"wsgi.input": slow, "CONTENT_LENGTH": str(len(encoded)), "CONTENT_TYPE": "application/json"}
    return server.call(method, path, person=person, environ_overrides=given)


def _set_sessions(*, ended_at: datetime | None) -> None:
    with transaction() as session:
        session.execute(update(LoginSession).values(revoked_at=ended_at))


@ON_SQLITE
def test_nothing_is_done_over_pufferblow(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        answers = {
            (route.method, route.path): ask(server, owner, route.method, fill(route.path), {}).status_code
            for route in API.routes
            if route.needs_viewer
        }

    assert {key: status for key, status in answers.items() if status != 401} == {}


@ON_SQLITE
def test_nothing_is_done_over_punctum(server: Server) -> None:
    cast = Cast(server)
    owner = cast.people["owner"]
    with server.stores_nothing():
        answers = {
            (method, path): ask(server, owner, method, PREFIX + cast.fill(path), cast.body_of(method, path) or {})
            for (method, path), row in PUNCTUM.items()
            if row.cells["anonymous"].status == 401
        }

    assert {key: one.text for key, one in answers.items() if one.status_code != 401} == {}
