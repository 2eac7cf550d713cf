"""A client of Punctum's REST API on the test server, with a conference to try things in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.db import reading
from app.queries.channels import get_home_space
from tests.answers import refusal
from tests.facades.conftest import Person, Server
from tests.facades.federation.conftest import wire, world

__all__ = ["wire", "world"]  # Fixtures here, too.

NO_SUCH = "msg_nothing"
DENIED = "You may not do this here."
HIDDEN = "You may not read this object."

Shown = dict[str, Any]


class Client:
    """Asks below /api/v1 and says what came back."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def call(self, method: str, path: str, person: Person | None = None, /, **options: Any) -> Any:
        return self.server.call(method, f"/api/v1{path}", person=person, **options)

    def ok(self, method: str, path: str, person: Person | None, body: Any = None, /, *, status: int = 200) -> Shown:
        answer = self.call(method, path, person, json=body) if body is not None else self.call(method, path, person)
        assert answer.status_code == status, answer.text
        shown: Shown = answer.json
        return shown

    def get(self, path: str, person: Person | None) -> Shown:
        return self.ok("GET", path, person)

    def patch(self, path: str, person: Person, /, **body: Any) -> Shown:
        return self.ok("PATCH", path, person, body)

    def make(self, path: str, person: Person, /, **body: Any) -> Shown:
        """At a top-level address 201, below another object 200 (contracts/punctum.md, 6, H-1)."""
        return self.ok("POST", path, person, body, status=201 if path.count("/") == 1 else 200)

    def conference(self, person: Person, /, **body: Any) -> Shown:
        return self.make("/conferences", person, **({"name": "Harbour"} | body))

    def channel(self, person: Person, conference: Shown, /, **body: Any) -> Shown:
        return self.make(f"/conferences/{conference['id']}/channels", person, **({"name": "quay"} | body))

    def role(self, person: Person, conference: Shown, /, **body: Any) -> Shown:
        return self.make(f"/conferences/{conference['id']}/roles", person, **({"name": "crew"} | body))

    def send(self, person: Person, channel: Shown, text: str = "ahoy", /, **body: Any) -> Shown:
        return self.make(f"/channels/{channel['id']}/messages", person, content=text, **body)

    def join(self, owner: Person, conference: Shown, person: Person) -> Shown:
        """By an invite; the member that the person then is."""
        invite = self.make(f"/conferences/{conference['id']}/invites", owner, name=f"for-{person.username}")
        self.ok("POST", f"/invites/{invite['id']}/join", person)
        return self.get(f"/conferences/{conference['id']}/members/{person.id}", person)

    def listed(self, path: str, person: Person | None) -> list[str]:
        shown = self.get(path, person)
        assert shown["type"] == "stash"
        assert shown.keys() == {"type", "id_list", *shown["id_list"]}
        ids: list[str] = shown["id_list"]
        return ids


def outcome(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json


def is_refused(answer: Any, status: int, code: int, detail: str | None = None) -> bool:
    """With the one body that errors have; whatever it says, unless that is known."""
    said = answer.json.get("detail")
    assert isinstance(said, str), answer.text
    assert outcome(answer) == refusal(status, detail or said, code=code), answer.text
    return bool(said)


def without(shown: Mapping[str, Any], *keys: str) -> Shown:
    return {key: value for key, value in shown.items() if key not in keys}


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server)


@pytest.fixture
def home(server: Server) -> str:
    """The id of the conference that everybody of the server is in."""
    with reading() as session:
        return get_home_space(session).actor_id


@pytest.fixture
def conference(client: Client, owner: Person) -> Shown:
    """The owner's, with nobody else in it."""
    return client.server.once("conference", lambda: client.conference(owner))


@pytest.fixture
def channel(client: Client, owner: Person, conference: Shown) -> Shown:
    return client.server.once("channel", lambda: client.channel(owner, conference))
