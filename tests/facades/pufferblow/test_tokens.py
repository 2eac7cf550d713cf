"""Tokens: where they may be, what makes one good, how they are renewed and ended."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import select

from app.db import database, reading
from app.keyring import Keyring
from app.models import AuditEntry, RefreshToken
from app.settings import configure, current
from tests.answers import refusal
from tests.corpus import corpus
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server

PROFILE = "/api/v1/users/profile"
REFRESH = "/api/v1/auth/refresh"
REVOKE = "/api/v1/auth/revoke"
UNKNOWN = refusal(401, "Refresh token revoked or unknown")
INVALID = "User not found or authentication token is invalid."
BAD_FORMAT = "Bad auth_token format. Sign in again to get a valid auth_token."


@pytest.mark.parametrize("place", ["query_string", "json", "data"])
def test_a_token_may_be_a_parameter(server: Server, owner: Person, place: str) -> None:
    options: dict[str, Any] = {place: {"auth_token": owner.token}}

    assert server.call("POST", PROFILE, **options).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_may_be_a_header(server: Server, owner: Person, scheme: str) -> None:
    answer = server.call("POST", PROFILE, headers={"Authorization": f"{scheme} {owner.token}"})

    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}])
def test_no_token_is_a_401(server: Server, headers: dict[str, str]) -> None:
    answer = server.call("POST", PROFILE, headers=headers)

    assert (answer.status_code, answer.json) == refusal(401, "Authentication required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["garbage", "not.a.token", "a.b", "....", "é.a.b", "x" * 5000, 7, {"a": 1}])
@ON_SQLITE
def test_what_is_no_token_is_a_400(server: Server, token: Any) -> None:
    answer = server.call("POST", PROFILE, json={"auth_token": token})

    assert answer.status_code == 400
    assert answer.json["detail"].startswith("Bad auth_token format.")


def test_a_token_of_other_keys_and_algorithms_is_refused(server: Server) -> None:
    """Wycheproof's, whose keys are public: good there or forged, none of them is one of ours."""
    groups = json.loads((corpus("wycheproof") / "json_web_key_test.json").read_text())["testGroups"]
    tokens = [test["jws"] for group in groups for test in group["tests"]]

    statuses = [
        server.call("POST", PROFILE, headers={"Authorization": f"Bearer {token}"}).status_code for token in tokens
    ]

    assert len(tokens) == 26
    assert set(statuses) <= {400, 401}


def test_a_changed_token_is_a_400(server: Server, owner: Person, member: Person) -> None:
    header, _, signature = owner.token.split(".")
    foreign = ".".join((header, member.token.split(".")[1], signature))

    answer = _ask(server, foreign)

    assert answer == (400, BAD_FORMAT)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "nOnE"},
        {"alg": "HS512"},
        {"crit": ["x"], "x": 1},
        {"jku": "https://evil.test/keys"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5u": "https://evil.test/x"},
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1--"},
        {"typ": "refresh+jwt"},
    ],
)
@ON_SQLITE
def test_a_header_that_asks_for_other_keys_or_algorithms_is_refused(
    server: Server, owner: Person, header: dict[str, Any]
) -> None:
    ours, claims, signature = owner.token.split(".")
    changed = _json_of(ours) | header

    answer = _ask(server, ".".join((_encoded(changed), claims, signature)))

    assert answer == (401, INVALID)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://chat.example/voice"},
        {"aud": None},
        {"iss": "evil.test:443"},
        {"origin_server": "evil.test:443"},
        {"exp": 1},
        {"exp": "never"},
        {"exp": None},
        {"sid": None},
        {"sid": "session_of_nobody"},
        {"sub": None},
        {"sub": 7},
        {"sub": "user_of_nobody"},
    ],
)
@ON_SQLITE
def test_a_token_we_signed_for_something_else_is_refused(server: Server, owner: Person, claims: dict[str, Any]) -> None:
    assert _ask(server, _signed_anew(owner, claims)) == (401, INVALID)


def test_the_token_of_one_is_not_good_in_the_session_of_another(server: Server, owner: Person, member: Person) -> None:
    session_id = _json_of(member.token.split(".")[1])["sid"]

    assert _ask(server, _signed_anew(owner, {"sid": session_id})) == (401, INVALID)


def test_a_refresh_token_is_no_access_token_nor_the_other_way_round(server: Server, owner: Person) -> None:
    assert _ask(server, owner.session["refresh_token"])[0] == 400
    assert _refresh(server, owner.token)[0] == 401


def test_an_access_token_ends_after_a_quarter_of_an_hour(server: Server) -> None:
    owner = server.sign_up("alice")  # Now: the token of the fixture may be a minute old.
    soon = datetime.now(UTC) + timedelta(minutes=14, seconds=30)

    with time_machine.travel(soon, tick=False):
        assert _ask(server, owner.token)[0] == 200
    with time_machine.travel(soon + timedelta(minutes=1), tick=False):
        assert _ask(server, owner.token) == (401, INVALID)


def test_a_token_signed_by_an_earlier_secret_is_good_until_the_secret_goes(server: Server, owner: Person) -> None:
    settings = current()

    configure(replace(settings, secret_keys=("t" * 32, *settings.secret_keys)))
    assert _ask(server, owner.token)[0] == 200
    configure(replace(settings, secret_keys=("t" * 32,)))
    assert _ask(server, owner.token)[0] == 401


def test_refreshing_gives_a_new_pair(server: Server, owner: Person) -> None:
    answer = server.call("POST", REFRESH, json={"refresh_token": owner.session["refresh_token"]})

    assert (answer.status_code, answer.json["status_code"]) == (200, 200)
    assert answer.json["message"] == "Token refreshed successfully"
    assert list(answer.json)[2:] == list(owner.session)[2:]
    assert answer.json["refresh_token"] != owner.session["refresh_token"]
    assert _ask(server, answer.json["auth_token"])[0] == 200


def test_a_refresh_token_used_twice_ends_the_session_for_everybody(server: Server, owner: Person) -> None:
    stolen = owner.session["refresh_token"]
    _, pair = _refresh(server, stolen)

    assert _refresh(server, stolen) == UNKNOWN
    assert _refresh(server, pair["refresh_token"]) == UNKNOWN
    assert _ask(server, pair["auth_token"])[0] == 401
    assert _ask(server, owner.token)[0] == 401
    with reading() as session:
        noted = select(AuditEntry.actor_id).where(AuditEntry.type == "refresh_token_reused")
        assert session.scalars(noted).all() == [owner.id]  # Once: what is revoked is not reused.


def test_another_session_of_the_same_account_lives_on(server: Server, owner: Person) -> None:
    sign_in = server.call(
        "POST", "/api/v1/users/signin", json={"username": "alice", "password": "correct horse battery staple"}
    )
    for _ in range(2):
        _refresh(server, owner.session["refresh_token"])

    assert _ask(server, sign_in.json["auth_token"])[0] == 200


def test_of_two_refreshes_at_once_one_at_most_succeeds(server: Server, owner: Person) -> None:
    def refresh(_: int) -> int:
        client = server.client.application.test_client()
        return client.post(REFRESH, json={"refresh_token": owner.session["refresh_token"]}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(refresh, range(4)))

    assert statuses == [200, 401, 401, 401]


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"origin_server": "evil.test:443"}, "Refresh token origin does not match current instance"),
        ({"rnd": None}, "Refresh token missing required claims"),
        ({"rnd": "guess"}, "Refresh token revoked or unknown"),
    ],
)
@ON_SQLITE
def test_a_forged_refresh_token(server: Server, owner: Person, claims: dict[str, Any], detail: str) -> None:
    forged = _encoded(_json_of(owner.session["refresh_token"]) | claims)

    with server.stores_nothing():
        assert _refresh(server, forged) == refusal(401, detail)


@pytest.mark.parametrize("token", ["garbage", "é", "", "W10", "x" * 5000])
@ON_SQLITE
def test_what_is_no_refresh_token(server: Server, token: str) -> None:
    assert _refresh(server, token) == refusal(401, "Malformed refresh token")


def test_a_missing_refresh_token(server: Server) -> None:
    answer = server.call("POST", REFRESH, json={})

    assert (answer.status_code, answer.json) == refusal(400, "refresh_token: required.")


def test_a_refresh_token_ends_after_30_days(server: Server, owner: Person) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30, seconds=1), tick=False):
        assert _refresh(server, owner.session["refresh_token"]) == refusal(401, "Refresh token expired")


def test_a_banned_account_gets_no_new_tokens(server: Server, owner: Person, member: Person) -> None:
    server.ban(member)

    assert _refresh(server, member.session["refresh_token"])[0] == 403


def test_revoking_ends_the_session_and_its_access_tokens_at_once(server: Server, owner: Person) -> None:
    answer = server.call("POST", REVOKE, json={"refresh_token": owner.session["refresh_token"]})

    assert answer.json == {"status_code": 200, "message": "Refresh token revoked successfully"}
    assert _ask(server, owner.token)[0] == 401
    assert _refresh(server, owner.session["refresh_token"]) == UNKNOWN


@pytest.mark.parametrize("how_often", [1, 2])
def test_revoking_tells_nothing_of_the_token(server: Server, owner: Person, how_often: int) -> None:
    junk = server.call("POST", REVOKE, json={"refresh_token": "junk"})

    for _ in range(how_often):
        real = server.call("POST", REVOKE, json={"refresh_token": owner.session["refresh_token"]})

    assert (real.status_code, real.json) == (junk.status_code, junk.json) == (200, real.json)


def test_the_database_knows_no_refresh_token(server: Server, owner: Person) -> None:
    with database().engine.connect() as connection:
        digests = connection.execute(select(RefreshToken.digest)).scalars().all()

    assert [len(digest) for digest in digests] == [64]
    assert owner.session["refresh_token"] not in digests


def test_asking_who_it_is_costs_one_query(server: Server, owner: Person) -> None:
    with server.counted_queries() as queries:
        server.call("GET", "/api/v1/users/list", headers={"Authorization": f"Bearer {owner.token}"})

    assert len([query for query in queries if "FROM actors JOIN accounts" in query and "sessions" in query]) == 1


def _ask(server: Server, token: str) -> tuple[int, str | None]:
    answer = server.call("POST", PROFILE, json={"auth_token": token})
    return answer.status_code, answer.json.get("detail")


def _refresh(server: Server, token: str) -> tuple[int, dict[str, Any]]:
    answer = server.call("POST", REFRESH, json={"refresh_token": token})
    return answer.status_code, answer.json


def _json_of(part: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def _encoded(value: dict[str, Any]) -> str:
    text = json.dumps({name: item for name, item in value.items() if item is not None}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _signed_anew(person: Person, claims: dict[str, Any]) -> str:
    """The person's token with other claims, signed with the server's own key."""
    header, payload, _ = person.token.split(".")
    changed = {name: value for name, value in (_json_of(payload) | claims).items() if value is not None}
    ring = Keyring(current().secret_keys)
    key = OctKey.import_key(ring.token_secrets[ring.active_token_id])
    return jwt.encode(_json_of(header), changed, key, algorithms=["HS256"])
