"""Names of invites let in whoever knows one: nobody finds them by trying (hostile case AUZ-10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.services.rates import Rate
from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown
from tests.facades.test_rate_limits import asks, statuses


def test_names_of_invites_are_not_guessed(server: Server, owner: Person, member: Person) -> None:
    """Ten a minute that there are not, however they are asked for; then not even a good one is looked up."""
    conference = server.call("POST", "/api/v1/conferences", person=owner, json={"name": "Pond"}).json["id"]
    server.call("POST", f"/api/v1/conferences/{conference}/invites", person=owner, json={"name": "wade-in"})
    good, bad = "/api/v1/invites/by-name/wade-in", "/api/v1/invites/by-name/dive-in"

    assert statuses(server, 20, good) == [200] * 20
    assert statuses(server, 5, bad) + statuses(server, 5, f"{bad}/join", method="POST", person=member) == [404] * 10

    with server.stores_nothing():
        refused = asks(server, f"{good}/join", method="POST", person=member)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert statuses(server, 1, bad) == statuses(server, 1, good) == [429]
    assert asks(server, good, address="203.0.113.8").status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        assert asks(server, good).status_code == 200


def test_nor_by_trying_to_take_them(client: Client, server: Server, member: Person) -> None:
    """What may be chosen and what is taken tells as much; a name that the server makes up tells nothing."""
    mine = client.conference(member)
    invites = f"/conferences/{mine['id']}/invites"
    path = f"/invites/{client.make(invites, member, name='try-0')['id']}"
    tried = [client.call("PATCH", path, member, json={"name": f"try-{number}"}) for number in range(1, 100)]
    assert {answer.status_code for answer in tried} == {200}

    with server.stores_nothing():
        refused = [
            client.call("PATCH", path, member, json={"name": "wade-in"}),
            client.call("PATCH", "/invites/by-name/try-99", member, json={"name": "wade-in"}),
            client.call("POST", invites, member, json={"code": "wade-in"}),
            client.call("POST", "/invites", member, json={"name": "wade-in", "conference_id": mine["id"]}),
            client.call("POST", "/id", member, json=_invite("wade-in", mine)),
        ]

    assert [answer.status_code for answer in refused] == [429] * 5
    assert client.make(invites, member)["conference_id"] == mine["id"]
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=601)):
        assert client.patch(path, member, name="wade-in")["name"] == "wade-in"


def test_who_may_make_none_uses_up_nobodys_names(
    client: Client, server: Server, owner: Person, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted is counted for all of a network."""
    monkeypatch.setattr("app.web.limiting._CHOSEN_NAMES", Rate(2, 600))
    theirs, mine = client.conference(owner), client.conference(member)
    client.join(owner, theirs, member)
    invites = f"/conferences/{theirs['id']}/invites"

    with server.stores_nothing():
        refused = [
            *(client.call("POST", invites, member, json={"code": "wade-in"}) for _ in range(3)),
            client.call("POST", "/invites", member, json={"name": "wade-in", "conference_id": theirs["id"]}),
            client.call("POST", "/id", member, json=_invite("wade-in", theirs)),
        ]

    assert [answer.status_code for answer in refused] == [403] * 5
    assert client.make(f"/conferences/{mine['id']}/invites", member, name="wade-in")["name"] == "wade-in"


def _invite(name: str, conference: Shown) -> Shown:
    return {"object_type": "invite", "name": name, "conference_id": conference["id"]}
