"""Every route of Punctum times everybody who may ask: what each is answered, and what is stored for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.facades.punctum import ROUTES
from tests.databases import ON_SQLITE
from tests.facades.conftest import Server
from tests.facades.federation.conftest import World
from tests.facades.punctum.cast import ASKERS, Cast
from tests.facades.punctum.routes import PUNCTUM, Cell, Row


def test_every_route_has_its_row() -> None:
    assert {(route.method, route.path) for route in ROUTES} == PUNCTUM.keys()


def test_every_row_says_what_it_does() -> None:
    assert {row.does for row in PUNCTUM.values()} == {"read", "activity", "knocks", "never"}
    assert not [key for key, row in PUNCTUM.items() if key[0] in {"PATCH", "DELETE"} and row.does == "read"]
    activities = [(key, row) for key, row in PUNCTUM.items() if row.does == "activity"]
    assert [key for key, row in activities if not any(_is_done(row, cell) for cell in row.cells.values())] == []


@pytest.mark.parametrize("asker", ASKERS)
def test_each_cell(world: World, asker: str) -> None:
    """Who is refused and who only reads stores nothing; what others could need to know is an activity. That a signature
    was seen is stored of what is signed, or it could come again."""
    server, cast = world.server, Cast(world.server, world)
    before, activities = _stored(server), cast.count_activities()
    wrong = []
    for (method, path), row in PUNCTUM.items():
        expected = row.cells[asker]
        answer = cast.try_route(asker, method, path)
        is_stored, is_recorded = _stored(server) != before, cast.count_activities() > activities
        is_done = _is_done(row, expected)
        if (answer.status_code, is_stored, is_recorded) != (expected.status, is_done or expected.mark == "+", is_done):
            wrong.append((method, path, answer.status_code, is_stored, is_recorded, answer.text[:120]))
        if is_stored:
            cast.put_back()

    assert wrong == [], "\n".join(map(str, wrong))


def test_who_was_put_out_is_one_of_those_outside(world: World) -> None:
    """Whatever they could do before."""
    server, cast = world.server, Cast(world.server, world)
    path = f"/conferences/{cast.things['conferences']}/members/{cast.people['moderator'].id}/kick"
    assert cast.ask("owner", "POST", path).status_code == 200
    cast.hold()
    before, wrong = _stored(server), []
    for (method, path), row in PUNCTUM.items():
        expected = row.cells["outsider"]
        answer = cast.try_route("moderator", method, path)
        is_stored = _stored(server) != before
        if (answer.status_code, is_stored) != (expected.status, _is_done(row, expected) or expected.mark == "+"):
            wrong.append((method, path, answer.status_code, is_stored, answer.text[:120]))
        if is_stored:
            cast.put_back()

    assert wrong == [], "\n".join(map(str, wrong))


@ON_SQLITE
def test_no_route_tells_that_others_talk(world: World) -> None:
    """A conversation's id follows from who is in it, so that one is there must not show anywhere."""
    server, cast = world.server, Cast(world.server, world)
    two = {"channel_type": "direct_message", "members": [cast.people["bystander"].id]}
    talk, nothing = cast.ask("founder", "POST", "/channels", two).json["id"], "dm-" + "0" * 32
    cast.hold()
    before, wrong = _stored(server), []
    for method, path in PUNCTUM:
        for asker in ("admin", "owner", "instance"):
            for (named, body), (other, other_body) in zip(
                _naming(cast, method, path, talk), _naming(cast, method, path, nothing), strict=True
            ):
                there, not_there = cast.ask(asker, method, named, body), cast.ask(asker, method, other, other_body)
                same = (there.status_code, there.text.replace(talk, nothing)) == (not_there.status_code, not_there.text)
                if not same or _stored(server) != before:
                    wrong.append((asker, method, named, body, there.text[:80], not_there.text[:80]))
                    cast.put_back()

    assert wrong == [], "\n".join(map(str, wrong))


def _naming(cast: Cast, method: str, path: str, id: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The route's request once for each place in which it names something, with `id` there."""
    parts, body = path.split("/"), cast.body_of(method, path)
    for number, part in enumerate(parts):
        if part.startswith("{"):
            yield cast.fill("/".join([*parts[:number], id, *parts[number + 1 :]])), body
    for key, value in (body or {}).items():
        if "{" in path and key in {"conference_id", "parent_channel", "parent_conference"}:
            continue  # Which is that of the path.
        if value in cast.things.values() or isinstance(value, list):
            yield cast.fill(path), {**(body or {}), key: [id] if isinstance(value, list) else id}


def _stored(server: Server) -> dict[str, int]:
    return {name: rows for name, rows in server.stored().items() if name != "seen_signatures"}


def _is_done(row: Row, cell: Cell) -> bool:
    return row.does == "activity" and cell.status < 300 and cell.mark != "="
