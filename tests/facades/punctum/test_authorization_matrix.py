"""Every route of Punctum times everybody who may ask: what each is answered, and what is stored for it."""

from __future__ import annotations

import pytest

from app.facades.punctum import ROUTES
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


def _stored(server: Server) -> dict[str, int]:
    return {name: rows for name, rows in server.stored().items() if name != "seen_signatures"}


def _is_done(row: Row, cell: Cell) -> bool:
    return row.does == "activity" and cell.status < 300 and cell.mark != "="
