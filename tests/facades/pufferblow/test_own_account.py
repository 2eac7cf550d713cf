"""One's own account: what may change, what each change ends, and what other servers hear of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import PASSWORD, Person, Server
from tests.together import at_once

PROFILE = "/api/v1/users/profile"
RESET = "/api/v1/users/profile/reset-auth-token"
SIGN_IN = "/api/v1/users/signin"
NEW = "another horse, another battery"
TAKEN = refusal(409, "username already exists. Please change it and try again later")


def change(server: Server, person: Person, **given: Any) -> Any:
    return server.call("PUT", PROFILE, person=person, json=given)


def profile(server: Server, person: Person) -> dict[str, Any]:
    answer = server.call("POST", PROFILE, person=person)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json["user_data"]
    return data


def sign_in(server: Server, username: str, password: str) -> int:
    given = {"username": username, "password": password}
    return int(server.call("POST", SIGN_IN, json=given).status_code)


def actor(server: Server, person: Person) -> dict[str, Any]:
    answer = server.call("GET", f"/ap/users/{person.id}", headers={"Accept": "application/activity+json"})
    document: dict[str, Any] = answer.json
    return document


def finger(server: Server, name: str) -> Any:
    return server.call("GET", f"/.well-known/webfinger?resource=acct:{name}@chat.example")


@pytest.mark.parametrize("place", ["json", "query_string", "data"])
def test_a_new_name_is_the_name_everywhere(server: Server, owner: Person, place: str) -> None:
    answer = server.call("PUT", PROFILE, person=owner, **{place: {"new_username": "Alicia"}})

    assert (answer.status_code, answer.json) == (
        200,
        {"status_code": 200, "message": "username updated successfully", "status": None},
    )
    assert profile(server, owner)["username"] == "Alicia"
    document = actor(server, owner)
    assert (document["preferredUsername"], document["name"]) == ("alicia", "Alicia")
    assert sign_in(server, "alicia", PASSWORD) == 200
    assert sign_in(server, "alice", PASSWORD) == 404


def test_a_handle_of_before_leads_to_its_owner_and_is_nobody_elses(
    server: Server, owner: Person, member: Person
) -> None:
    change(server, owner, new_username="alicia")

    found = finger(server, "alice")
    with server.stores_nothing():
        taken = change(server, member, new_username="Alice")
        signed_up = server.call("POST", "/api/v1/users/signup", json={"username": "alice", "password": PASSWORD})

    assert found.json["subject"] == "acct:alicia@chat.example"
    assert found.json["links"][0]["href"] == finger(server, "alicia").json["links"][0]["href"]
    assert (taken.status_code, taken.json, signed_up.status_code) == (*TAKEN, 409)
    assert change(server, owner, new_username="alice").status_code == 200
    assert finger(server, "alicia").json["subject"] == "acct:alice@chat.example"


def test_the_case_of_a_name_may_change(server: Server, owner: Person) -> None:
    assert change(server, owner, new_username="ALICE").status_code == 200
    assert profile(server, owner)["username"] == "ALICE"


@pytest.mark.parametrize("name", ["bob", "BOB", "b0b", "system", "admin"])
def test_a_name_that_is_taken_or_kept_is_a_409(server: Server, owner: Person, member: Person, name: str) -> None:
    person = server.sign_up("carol")

    with server.stores_nothing():
        answer = change(server, person, new_username=name, about="me", status="dnd")

    assert (answer.status_code, answer.json) == TAKEN
    assert profile(server, person)["about"] is None
    assert profile(server, person)["status"] != "dnd"


def test_of_two_who_want_a_name_one_gets_it(server: Server, owner: Person, member: Person) -> None:
    people = iter([owner, member])

    statuses = [
        answer.status_code for answer in at_once(lambda: change(server, next(people), new_username="z"), times=2)
    ]

    assert sorted(statuses) == [200, 409]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"new_password": NEW},
        {"new_password": NEW, "about": "me", "status": "dnd"},
        {"old_password": PASSWORD},
        {"new_username": ""},
        {"new_username": "a b"},
        {"new_username": "x" * 33},
        {"new_username": 7},
        {"about": "x" * 2001},
        {"about": ["me"]},
        {"status": "flying"},
        {"new_password": "", "old_password": PASSWORD},
        {"about": "me", "status": "flying"},
    ],
)
@ON_SQLITE
def test_what_cannot_be_changes_nothing(server: Server, owner: Person, given: dict[str, Any]) -> None:
    before = profile(server, owner)

    with server.stores_nothing():
        answer = change(server, owner, **given)

    assert answer.status_code == 400, answer.text
    assert isinstance(answer.json["detail"], str)
    assert profile(server, owner) == before


def test_what_somebody_says_of_themselves_is_text_here_and_html_elsewhere(server: Server, owner: Person) -> None:
    change(server, owner, about="I <3 fish\n\nand ponds")

    assert profile(server, owner)["about"] == "I <3 fish\n\nand ponds"
    assert actor(server, owner)["summary"] == "<p>I &lt;3 fish</p><p>and ponds</p>"

    change(server, owner, about="")

    assert (profile(server, owner)["about"], actor(server, owner)["summary"]) == (None, "")


@pytest.mark.parametrize(
    ("given", "status"),
    [("dnd", "dnd"), ("ONLINE", "online"), ("away", "afk"), ("INVISIBLE", "offline"), ("inactive", "offline")],
)
def test_a_status_has_aliases(server: Server, owner: Person, given: str, status: str) -> None:
    answer = change(server, owner, status=given)

    assert answer.json == {"status_code": 200, "message": "Status updated successfully", "status": status}
    assert profile(server, owner)["status"] == status


def test_an_unknown_status_is_named_with_those_there_are(server: Server, owner: Person) -> None:
    answer = change(server, owner, status="flying")

    told = "Unsupported status 'flying'. Supported values: online, idle, afk, dnd, offline"
    assert (answer.status_code, answer.json) == refusal(400, told)


def test_everything_changes_at_once(server: Server, owner: Person) -> None:
    answer = change(
        server, owner, new_username="zoe", about="me", status="dnd", new_password=NEW, old_password=PASSWORD
    )

    assert answer.json["message"] == "username, Status, Password and About updated successfully"
    shown = profile(server, owner)
    assert (shown["username"], shown["about"], shown["status"]) == ("zoe", "me", "dnd")
    assert sign_in(server, "zoe", NEW) == 200


def test_a_new_password_ends_the_other_sessions(server: Server, owner: Person) -> None:
    again = server.call("POST", "/api/v1/users/signin", json={"username": "alice", "password": PASSWORD}).json
    other = Person(owner.id, "alice", again)

    answer = change(server, owner, old_password=PASSWORD, new_password=NEW)

    assert answer.json["message"] == "Password updated successfully"
    assert server.call("POST", PROFILE, person=owner).status_code == 200
    assert server.call("POST", PROFILE, person=other).status_code == 401
    refresh = {"refresh_token": other.session["refresh_token"]}
    assert server.call("POST", "/api/v1/auth/refresh", json=refresh).status_code == 401
    assert [sign_in(server, "alice", password) for password in (PASSWORD, NEW)] == [401, 200]


def test_a_wrong_old_password_changes_nothing(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        answer = change(server, owner, about="me", old_password="wrong", new_password=NEW)

    assert (answer.status_code, answer.json) == refusal(401, "The provided password is incorrect. Please try again.")
    assert profile(server, owner)["about"] is None
    assert sign_in(server, "alice", PASSWORD) == 200


def test_a_reset_ends_every_session_and_opens_one(server: Server, owner: Person) -> None:
    answer = server.call("POST", RESET, json={"auth_token": owner.token, "password": PASSWORD})

    assert (answer.status_code, answer.json["message"]) == (200, "auth_token reset successfully")
    assert server.call("POST", PROFILE, person=owner).status_code == 401
    assert server.call("POST", PROFILE, person=Person(owner.id, "alice", answer.json)).status_code == 200
    refresh = {"refresh_token": owner.session["refresh_token"]}
    assert server.call("POST", "/api/v1/auth/refresh", json=refresh).status_code == 401


def test_a_reset_with_a_wrong_password_ends_nothing(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        answer = server.call("POST", RESET, json={"auth_token": owner.token, "password": "wrong"})

    assert (answer.status_code, answer.json) == refusal(404, "Incorrect password. Please try again")
    assert server.call("POST", PROFILE, person=owner).status_code == 200


@pytest.mark.parametrize("door", ["change", "reset"])
def test_a_password_is_not_guessed_with_a_token(server: Server, owner: Person, door: str) -> None:
    elsewhere = Person(
        owner.id, "alice", server.call("POST", SIGN_IN, json={"username": "alice", "password": PASSWORD}).json
    )

    def guess(person: Person, password: str, network: int = 0) -> int:
        given = {"old_password": password, "new_password": NEW} if door == "change" else {"password": password}
        method, path = ("PUT", PROFILE) if door == "change" else ("POST", RESET)
        address = {"REMOTE_ADDR": f"198.51.{network}.1"}
        return int(server.call(method, path, person=person, json=given, environ_base=address).status_code)

    with server.stores_nothing():
        guesses = [guess(owner, f"guess {number}", number) for number in range(12)]
        right = guess(owner, PASSWORD)

    assert guesses == [401 if door == "change" else 404] * 10 + [429] * 2
    assert right == 429
    assert change(server, owner, about="me").status_code == 200
    assert sign_in(server, "alice", PASSWORD) == 200
    assert guess(elsewhere, PASSWORD) == 200  # Whoever signed in themselves ends the other one's session.
