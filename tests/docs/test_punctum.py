"""What docs/punctum.md says of routes and scopes is so."""

from __future__ import annotations

import re

from app.facades.punctum import ROUTES
from app.facades.punctum.scopes import DEPENDS, READING, WRITING
from tests.docs.markdown import read, section

PUNCTUM = read("docs/punctum.md")


def test_every_route_is_there_with_its_scope() -> None:
    rows = re.findall(r"^\| `(\w+) /api/v1(/[^`]*)` \| ([^|]+) \|", section(PUNCTUM, "Routes"), re.MULTILINE)

    assert {(method, path): scope for method, path, scope in rows} == {
        (route.method, route.path): _said(route.scope) for route in ROUTES
    }


def test_every_kind_is_there_with_its_scopes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", section(PUNCTUM, "Scopes"), re.MULTILINE)
    told = {kind: (reading, writing) for kind, reading, writing in rows}

    assert told.keys() == READING.keys() - {"instance"}
    for kind, (reading, writing) in told.items():
        assert reading == f"`{READING[kind]}`"
        assert WRITING[kind] is None or writing.startswith(f"`{WRITING[kind]}`"), kind


def test_every_object_is_there() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", section(PUNCTUM, "Objects"), re.MULTILINE)) == READING.keys()


def _said(scope: str | None) -> str:
    return {None: "-", DEPENDS: "by kind"}.get(scope, f"`{scope}`")
