"""The official SDK and web client find in every answer the fields they read, each of the type they take it for."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.facades.conftest import Person, Server
from tests.facades.pufferblow.client_calls import CLIENT_CALLS
from tests.facades.pufferblow.sdk_calls import PICTURE, SDK_CALLS, Call

PLACES = {"query": "query_string", "json": "json", "form": "data"}


def mistakes(value: Any, wanted: Any, where: str = "") -> list[str]:
    """Where the value is not as wanted: a type, types, fields of an object, or what every entry of a list that is not
    empty must be."""
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        return [
            wrong for name, part in wanted.items() for wrong in mistakes(value.get(name, ...), part, f"{where}.{name}")
        ]
    if isinstance(wanted, list):
        if not isinstance(value, list) or not value:
            return [f"{where} is no list, or empty"]
        return [wrong for entry in value for wrong in mistakes(entry, wanted[0], f"{where}[]")]
    types = wanted if isinstance(wanted, tuple) else (wanted,)
    return [] if type(value) in types else [f"{where} is {type(value).__name__}"]


def picture() -> tuple[BytesIO, str]:
    """As the SDK names one: by its whole path."""
    drawn = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(drawn, "PNG")
    drawn.seek(0)
    return drawn, "/home/alice/portrait.png"


def fill(value: Any, words: dict[str, str]) -> Any:
    if value == PICTURE:
        return picture()
    return value.format(**words) if isinstance(value, str) else value


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # Their answers do not depend on it.
@pytest.mark.parametrize("call", [*SDK_CALLS, *CLIENT_CALLS], ids=lambda call: f"{call.who}: {call.asks}")
def test_what_they_read_is_there(server: Server, owner: Person, member: Person, call: Call) -> None:
    method, path, place, status = call.asks.split()
    channel = server.create_channel(owner, is_private=True)["channel_id"]
    message = server.send(owner, channel, "hello")["message_id"]
    words = {"channel": channel, "message": message, "bob": member.id}
    token = {"auth_token": owner.token} if call.has_token else {}
    given = token | {name: fill(value, words) for name, value in call.given.items()}
    sent: dict[str, Any] = {PLACES[place]: given}

    answer = server.call(method, f"/api/v1/{path.format(**words)}", **sent)

    assert answer.status_code == int(status), answer.text
    assert mistakes(answer.json, call.reads) == []
