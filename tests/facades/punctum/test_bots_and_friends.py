"""Accounts beside one's own: bots and their owners, whom one blocks, and friends (contracts/punctum.md, 1.2)."""

from __future__ import annotations

import pytest

from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum import accounts
from app.models import Account
from app.projections.accounts import NO_HASH
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused


@pytest.fixture
def bot(client: Client, member: Person) -> Shown:
    return client.server.once(
        "bot", lambda: client.make("/accounts", member, username="Gull", bot=False, bot_owner="somebody")
    )


def test_a_bot_is_owned_by_who_made_it_and_signs_in_nowhere(
    client: Client, server: Server, owner: Person, member: Person, bot: Shown
) -> None:
    path = f"/accounts/{bot['id']}"

    assert (bot["bot"], bot["bot_owner"]) == (True, member.id)
    assert client.patch(path, member, bio="I cry.", display_name="The gull")["bio"] == "I cry."
    assert is_refused(client.call("PATCH", path, owner, json={"bio": "x"}), 403, 3)
    signing_in = server.call("POST", "/api/v1/users/signin", json={"username": "Gull", "password": PASSWORD})
    assert signing_in.status_code in (401, 404)
    assert client.get("/accounts/by-name/gULL", None)["id"] == bot["id"]
    assert "friends" not in client.get(path, owner)
    assert client.ok("DELETE", "/accounts/by-name/Gull", member) == {"id": bot["id"]}
    assert is_refused(client.call("GET", path, member), 404, 4)


def test_a_bot_is_given_to_another(client: Client, owner: Person, member: Person, bot: Shown) -> None:
    path = f"/accounts/{bot['id']}"
    other = client.make("/accounts", owner, username="tern")
    for wrong, status, code in (("user_nobody", 404, 9), ("0", 400, 10), (other["id"], 400, 10)):
        answer = client.call("PATCH", path, member, json={"bot_owner": wrong})
        assert is_refused(answer, status, code), wrong

    assert client.patch(path, member, bot_owner=owner.id)["bot_owner"] == owner.id

    assert is_refused(client.call("PATCH", path, member, json={"bio": "x"}), 403, 3)
    assert client.patch(path, owner, bio="x")["bio"] == "x"
    assert is_refused(client.call("PATCH", f"/accounts/{owner.id}", owner, json={"bot_owner": member.id}), 400, 6)


def test_ones_own_account(client: Client, server: Server, member: Person) -> None:
    shown = client.patch("/accounts/by-name/bob", member, username="Bobby", short_status=2, status="at sea")

    assert (shown["username"], shown["display_name"], shown["status"]) == ("Bobby", "Bobby", "at sea")
    profile = server.call("POST", "/api/v1/users/profile", person=member).json["user_data"]
    assert profile["username"] == "Bobby"
    assert client.patch(f"/accounts/{member.id}", member, display_name="Bob B.")["display_name"] == "Bob B."
    assert client.patch(f"/accounts/{member.id}", member, display_name=None)["display_name"] == "Bobby"


def test_an_account_is_changed_as_a_whole_or_not_at_all(
    client: Client, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ForbiddenError("no")

    monkeypatch.setattr(accounts, "set_status", refuse)
    before = client.get("/accounts", member)

    with client.server.stores_nothing():
        answer = client.call("PATCH", f"/accounts/{member.id}", member, json={"bio": "loud", "short_status": 2})

    assert is_refused(answer, 403, 3)
    assert client.get("/accounts", member) == before


def test_who_deletes_accounts(client: Client, server: Server, owner: Person, member: Person) -> None:
    carol = server.sign_up("carol")
    assert is_refused(client.call("DELETE", f"/accounts/{carol.id}", member), 403, 3)
    assert is_refused(client.call("DELETE", f"/accounts/{owner.id}", owner), 403, 3)

    assert client.ok("DELETE", f"/accounts/{carol.id}", owner) == {"id": carol.id}

    assert is_refused(client.call("GET", f"/accounts/{carol.id}", owner), 404, 4)
    assert client.call("GET", "/accounts", carol).status_code in (401, 403)
    assert client.ok("DELETE", f"/accounts/{member.id}", member) == {"id": member.id}


def test_what_a_deleted_account_said_of_itself_and_asked_of_others_is_gone(
    client: Client, server: Server, member: Person
) -> None:
    form = {"username": "carol", "email": "carol@pond.example", "password": PASSWORD}
    server.call("POST", "/auth/sign_up", json=form)
    signed_in = server.call("POST", "/api/v1/users/signin", json={"username": "carol", "password": PASSWORD})
    carol = Person(client.get("/accounts/by-name/carol", None)["id"], "carol", signed_in.json)
    client.patch(f"/accounts/{carol.id}", carol, bio="I row.", status="rowing")
    ping = {"target": member.id, "message": "are you there?"}
    assert server.call("POST", "/api/v1/ping/send", person=carol, json=ping).status_code == 201

    client.ok("DELETE", f"/accounts/{carol.id}", carol)

    assert server.call("GET", "/api/v1/ping/history", person=member).json["pings"] == []
    with reading() as session:
        left = session.get_one(Account, carol.id)
        assert (left.about, left.status_text, left.password_hash) == (None, None, NO_HASH)
    server.call("POST", "/auth/sign_up", json=form | {"username": "another"})
    again = {"email": form["email"], "password": PASSWORD}
    assert server.call("POST", "/auth/login", json=again).status_code == 303


def test_blocking(client: Client, server: Server, owner: Person, member: Person) -> None:
    carol = server.sign_up("carol")
    for path in (f"/accounts/{owner.id}/block", "/accounts/by-name/Alice/block", f"/accounts/{owner.id}/block"):
        assert client.ok("POST", path, member) == {"id": owner.id}
    assert client.get("/accounts", member)["blocklist"] == [owner.id]
    assert is_refused(client.call("POST", f"/accounts/{member.id}/block", member), 403, 3)
    assert is_refused(client.call("PATCH", f"/accounts/{member.id}", member, json={"blocklist": [member.id]}), 403, 3)

    assert client.patch(f"/accounts/{member.id}", member, blocklist=[carol.id])["blocklist"] == [carol.id]
    assert client.ok("DELETE", f"/accounts/{carol.id}/block", member) == {"id": carol.id}
    assert client.get("/accounts", member)["blocklist"] == []


def test_friends_are_who_both_asked(client: Client, owner: Person, member: Person) -> None:
    assert client.ok("POST", f"/accounts/{member.id}/friend", owner) == {"id": member.id}
    assert client.get("/accounts", owner)["friends"] == []

    client.ok("POST", f"/accounts/{owner.id}/friend", member)

    assert client.get("/accounts", owner)["friends"] == [member.id]
    assert client.get("/accounts", member)["friends"] == [owner.id]
    assert is_refused(client.call("PATCH", f"/accounts/{owner.id}", owner, json={"friends": []}), 400, 6)
    assert is_refused(client.call("POST", f"/accounts/{owner.id}/friend", owner), 403, 3)
    assert client.ok("DELETE", f"/accounts/{owner.id}/friend", member) == {"id": owner.id}
    assert client.get("/accounts", owner)["friends"] == client.get("/accounts", member)["friends"] == []
