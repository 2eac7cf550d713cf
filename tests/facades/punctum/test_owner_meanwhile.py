"""Who is given a conference in the moment in which they leave it, or are put out, does not have it and be gone.

SQLite has one writer, so there is nothing to see there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from app.db import reading
from app.models import Event
from app.queries.bits import Bit
from tests import together
from tests.databases import ON_POSTGRESQL
from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown

pytestmark = ON_POSTGRESQL

Ask = Callable[[Client], Any]


def changes() -> list[str]:
    """What sockets are told of conferences and who is in them, all in all."""
    with reading() as session:
        types = session.scalars(select(Event.type).order_by(Event.position))
        return [told for told in types if told in ("space_changed", "member_removed", "member_kicked")]


def give(conference: Shown, old: Person, new: Person) -> Ask:
    return lambda client: client.call("PATCH", f"/conferences/{conference['id']}", old, json={"owner": new.id})


def leave(conference: Shown, person: Person) -> Ask:
    return lambda client: client.call("POST", f"/conferences/{conference['id']}/leave", person)


def put_out(how: str, conference: Shown, moderator: Person, member: Shown) -> Ask:
    path = f"/conferences/{conference['id']}/members/{member['id']}/{how}"
    return lambda client: client.call("POST", path, moderator, json={})


@pytest.fixture
def cross(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[Ask, Ask], list[int]]:
    def cross(first: Ask, second: Ask) -> list[int]:
        """The statuses of both; the second is asked when the first has done everything but commit."""
        statuses = [0, 0]

        def run(place: int, ask: Ask) -> None:
            statuses[place] = ask(Client(Server(server.client.application.test_client()))).status_code

        together.cross(monkeypatch, "submit.performed", partial(run, 0, first), partial(run, 1, second))
        return statuses

    return cross


@pytest.fixture
def mine(client: Client, owner: Person, member: Person, conference: Shown) -> Shown:
    return client.join(owner, conference, member)


@pytest.fixture
def moderator(client: Client, server: Server, owner: Person, conference: Shown) -> Person:
    """Who may put out whoever is not above them."""
    moderator = server.sign_up("carol")
    joined = client.join(owner, conference, moderator)
    path = f"/conferences/{conference['id']}/members/{joined['id']}"
    client.patch(path, owner, permissions=joined["permissions"] | Bit.KICK | Bit.BAN)
    return moderator


@pytest.mark.parametrize("is_given_first", [True, False])
def test_who_leaves_is_not_given_it(
    client: Client, owner: Person, member: Person, conference: Shown, mine: Shown, cross: Any, is_given_first: bool
) -> None:
    asked = [give(conference, owner, member), leave(conference, member)]

    before = changes()

    statuses = cross(*asked if is_given_first else asked[::-1])

    assert statuses == [200, 403]
    [told] = changes()[len(before) :]
    assert (told == "space_changed") is is_given_first
    shown = client.get(f"/conferences/{conference['id']}", owner)
    assert shown["owner"] == (member.id if is_given_first else owner.id)
    assert (mine["id"] in shown["members"]) is is_given_first


@pytest.mark.parametrize("how", ["kick", "ban"])
@pytest.mark.parametrize("is_given_first", [True, False])
def test_nor_is_who_is_put_out(
    client: Client,
    owner: Person,
    member: Person,
    moderator: Person,
    conference: Shown,
    mine: Shown,
    cross: Any,
    how: str,
    is_given_first: bool,
) -> None:
    asked = [give(conference, owner, member), put_out(how, conference, moderator, mine)]

    before = changes()

    statuses = cross(*asked if is_given_first else asked[::-1])

    assert statuses == [200, 403]
    [told] = changes()[len(before) :]
    assert (told == "space_changed") is is_given_first
    shown = client.get(f"/conferences/{conference['id']}", owner)
    assert shown["owner"] == (member.id if is_given_first else owner.id)
    assert (mine["id"] in shown["members"]) is is_given_first


def test_who_gives_it_away_twice_gives_it_once(
    client: Client, server: Server, owner: Person, member: Person, conference: Shown, mine: Shown, cross: Any
) -> None:
    carol = server.sign_up("carol")
    client.join(owner, conference, carol)

    before = changes()

    statuses = cross(give(conference, owner, member), give(conference, owner, carol))

    assert statuses == [200, 403]
    assert changes() == [*before, "space_changed"]
    assert client.get(f"/conferences/{conference['id']}", owner)["owner"] == member.id
