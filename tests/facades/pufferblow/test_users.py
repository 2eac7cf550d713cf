"""Signing up and in, and profiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest

from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import PASSWORD, Person, Server

SIGN_UP = "/api/v1/users/signup"
SIGN_IN = "/api/v1/users/signin"
PROFILE = "/api/v1/users/profile"
LIST = "/api/v1/users/list"
NO_SUCH_USERNAME = (
    "The provided username does not exist or could not be found. "
    "Please make sure you have entered a valid username and try again."
)
TAKEN = "username already exists. Please change it and try again later"

SESSION_KEYS = [
    "status_code",
    "message",
    "auth_token",
    "refresh_token",
    "token_type",
    "auth_token_expire_time",
    "refresh_token_expire_time",
]


def test_signing_up_opens_a_session(server: Server) -> None:
    answer = server.call("POST", SIGN_UP, json={"username": "alice", "password": PASSWORD})

    assert answer.status_code == 201
    assert list(answer.json) == SESSION_KEYS
    assert answer.json["status_code"] == 201
    assert answer.json["message"] == "Account created successfully"
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["auth_token"].startswith("eyJhbGciOi")
    assert answer.json["refresh_token"].startswith("eyJ1aWQiOi")
    assert answer.json["auth_token_expire_time"].endswith("+00:00")


def test_the_first_account_owns_the_server_and_no_other_does(server: Server, owner: Person, member: Person) -> None:
    assert _profile(server, owner)["roles_ids"] == ["owner"]
    assert _profile(server, member)["roles_ids"] == ["user"]


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_a_name_is_given_once_in_whatever_case(server: Server, owner: Person, name: str) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, json={"username": name, "password": "x"})

    assert (answer.status_code, answer.json) == refusal(409, TAKEN)


def test_the_name_of_a_private_channel_is_free(server: Server, owner: Person, member: Person) -> None:
    for name in ("merger-plans", "layoffs"):
        server.create_channel(owner, channel_name=name, is_private=True)

    renamed = server.call("PUT", "/api/v1/users/profile", person=member, json={"new_username": "layoffs"})

    assert (renamed.status_code, server.sign_up("merger-plans").username) == (200, "merger-plans")


@pytest.mark.parametrize("name", ["admin", "Owner", "system", "inbox", "by-name", "instance", "0", "everyone"])
@ON_SQLITE
def test_names_that_speak_for_the_server_are_not_given(server: Server, owner: Person, name: str) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, json={"username": name, "password": "x"})

    assert (answer.status_code, answer.json) == refusal(409, TAKEN)


def test_the_first_account_may_be_called_admin(server: Server) -> None:
    assert server.sign_up("admin").username == "admin"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        " alice",
        "a" * 33,
        ".alice",
        "-alice",
        "alice.",
        "alice-",
        "@alice",
        "\u0430dmin",
        "ad\u200bmin",
        "\u202enimda",
        "a\n",
        "🐟",
    ],
)
@ON_SQLITE
def test_a_name_others_could_not_type_or_mention_is_refused(server: Server, name: str) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, json={"username": name, "password": "x"})

    assert answer.status_code == 400


@pytest.mark.parametrize("password", ["", "x" * 1025, None, 7])
def test_a_password_has_1_to_1024_characters(server: Server, password: Any) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, json={"username": "bob", "password": password})

    assert answer.status_code == 400


def test_of_many_who_want_a_name_at_once_one_gets_it(server: Server, owner: Person) -> None:
    def sign_up(name: str) -> int:
        client = server.client.application.test_client()
        return client.post(SIGN_UP, json={"username": name, "password": "x"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(sign_up, ["Bob", "bob"] * 4))

    assert statuses == [201] + [409] * 7
    assert server.stored()["accounts"] == 2


@pytest.mark.parametrize(
    "options",
    [
        {"method": "GET", "query_string": {"username": "alice", "password": PASSWORD}},
        {"method": "POST", "json": {"username": "alice", "password": PASSWORD}},
        {"method": "POST", "data": {"username": "Alice", "password": PASSWORD}},
    ],
)
def test_signing_in(server: Server, owner: Person, options: dict[str, Any]) -> None:
    answer = server.call(path=SIGN_IN, **options)

    assert answer.status_code == 200
    assert list(answer.json) == SESSION_KEYS
    assert answer.json["message"] == "Signin successfully"
    assert answer.json["auth_token"] != owner.token


@pytest.mark.parametrize(
    ("username", "password", "status", "detail"),
    [
        ("alice", "nope", 401, "The provided password is incorrect. Please try again."),
        (
            "nobody",
            PASSWORD,
            404,
            NO_SUCH_USERNAME,
        ),
    ],
)
def test_signing_in_with_the_wrong_name_or_password(
    server: Server, owner: Person, username: str, password: str, status: int, detail: str
) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_IN, json={"username": username, "password": password})

    assert (answer.status_code, answer.json) == refusal(status, detail)


@pytest.mark.parametrize("given", [{}, {"username": "alice"}, {"username": "alice", "password": ""}])
def test_signing_in_without_a_name_or_a_password(server: Server, owner: Person, given: dict[str, str]) -> None:
    assert server.call("GET", SIGN_IN, query_string=given).status_code == 400


def test_a_name_that_nobody_has_takes_as_much_hashing_as_one_that_somebody_has(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def refuse(_password: bytes, stored: bytes) -> bool:
        compared.append(stored)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", refuse)

    for name in ("alice", "nobody"):
        server.call("POST", SIGN_IN, json={"username": name, "password": "guess"})

    assert len(compared) == 2
    assert compared[1].startswith(b"$2b$12$")


def test_a_banned_account_can_neither_sign_in_nor_go_on(server: Server, owner: Person, member: Person) -> None:
    server.ban(member)

    sign_in = server.call("POST", SIGN_IN, json={"username": "bob", "password": PASSWORD})
    go_on = server.call("GET", LIST, person=member)

    banned = refusal(403, "This account has been banned from this home instance.")
    assert [(answer.status_code, answer.json) for answer in (sign_in, go_on)] == [banned] * 2


def test_a_banned_account_is_not_told_so_without_its_password(server: Server, owner: Person, member: Person) -> None:
    server.ban(member)

    assert server.call("POST", SIGN_IN, json={"username": "bob", "password": "guess"}).status_code == 401


def test_the_own_profile(server: Server, owner: Person) -> None:
    profile = _profile(server, owner)

    assert list(profile) == [
        "user_id", "username", "about", "avatar_url", "banner_url", "avatar_kind", "banner_kind", "accent_color",
        "avatar_seed", "status", "origin_server", "inbox_id", "roles_ids", "last_seen", "joined_servers_ids",
        "auth_token_expire_time", "created_at", "updated_at", "resolved_roles", "resolved_privileges",
        "moderation_state", "is_owner", "is_admin",
    ]  # fmt: skip
    assert profile["username"] == "alice"
    assert profile["origin_server"] == "chat.example:443"
    assert profile["resolved_roles"][0]["role_name"] == "Server Owner"
    assert len(profile["resolved_privileges"]) == 27
    assert profile["auth_token_expire_time"] is not None
    assert (profile["is_owner"], profile["is_admin"]) == (True, True)


def test_somebody_elses_profile_shows_no_secret(server: Server, owner: Person, member: Person) -> None:
    answer = server.call("POST", PROFILE, person=member, json={"user_id": owner.id})

    assert answer.status_code == 200
    assert answer.json["user_data"]["username"] == "alice"
    assert answer.json["user_data"]["auth_token_expire_time"] is None
    assert not {"password", "auth_token", "raw_auth_token"} & set(answer.json["user_data"])


def test_why_somebody_was_banned_is_for_themselves_and_moderators(
    server: Server, owner: Person, member: Person
) -> None:
    carol = server.sign_up("carol")
    server.ban(carol)

    def reason_for(viewer: Person) -> Any:
        answer = server.call("POST", PROFILE, person=viewer, json={"user_id": carol.id})
        return answer.json["user_data"]["moderation_state"]["ban_reason"]

    assert (reason_for(owner), reason_for(member)) == ("spam", None)


@pytest.mark.parametrize("user_id", ["nope", "140c4c88-b183-47ca-884d-f976cfcb4465", "0"])
def test_a_profile_that_nobody_has(server: Server, owner: Person, user_id: str) -> None:
    assert server.call("POST", PROFILE, person=owner, json={"user_id": user_id}).status_code == 404


def test_a_page_that_closes_may_add_a_status(server: Server, owner: Person) -> None:
    answer = server.call("POST", PROFILE, json={"auth_token": owner.token, "status": "offline"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("role", "has", "lacks"),
    [
        ("admin", "manage_server_settings", "manage_storage"),
        ("moderator", "view_private_channels", "delete_channels"),
    ],
)
def test_privileges_come_from_roles(
    server: Server, owner: Person, member: Person, role: str, has: str, lacks: str
) -> None:
    server.give_role(member, role)

    profile = _profile(server, member)

    assert profile["roles_ids"] == [role]
    assert has in profile["resolved_privileges"]
    assert lacks not in profile["resolved_privileges"]
    assert profile["is_admin"] is (role == "admin")


def test_the_list_names_everybody_in_the_order_they_came(server: Server, owner: Person, member: Person) -> None:
    answer = server.call("GET", LIST, query_string={"auth_token": member.token})

    assert answer.status_code == 200
    assert [user["username"] for user in answer.json["users"]] == ["alice", "bob"]


def test_the_users_route(server: Server) -> None:
    answer = server.call("GET", "/api/v1/users")

    assert answer.json == {"status_code": 200, "description": "This is the main users route"}


@pytest.mark.parametrize(("method", "path", "most"), [("POST", PROFILE, 2), ("GET", LIST, 2)])
def test_profiles_are_cheap(server: Server, owner: Person, member: Person, method: str, path: str, most: int) -> None:
    with server.counted_queries() as queries:
        server.call(method, path, person=member)

    assert len([query for query in queries if query.startswith("SELECT")]) <= most


def _profile(server: Server, person: Person) -> dict[str, Any]:
    profile: dict[str, Any] = server.call("POST", PROFILE, person=person).json["user_data"]
    return profile
