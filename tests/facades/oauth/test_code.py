"""Authorization codes, refreshing, revoking and introspecting (RFC 6749, 7009, 7636, 7662, 8414, 9207)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.databases import ON_SQLITE
from tests.facades.conftest import ORIGIN, PASSWORD, Person, Server
from tests.facades.oauth.flows import BASE, App, Browser, bearer, signed_in, told
from tests.together import at_once

PROFILE = "/api/v1/users/profile"


def status(server: Server, token: str, path: str = PROFILE) -> int:
    return int(server.call("POST", path, headers=bearer(token)).status_code)


@pytest.mark.parametrize("path", [f"{BASE}/", "/.well-known/oauth-authorization-server"])
def test_a_client_learns_what_there_is(server: Server, path: str) -> None:
    told = server.call("GET", path).json

    assert told["issuer"] == ORIGIN
    assert told["token_endpoint"] == f"{ORIGIN}{BASE}/token"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "message:read" in told["scopes_supported"]
    for name in ("authorization", "registration", "revocation", "introspection", "device_authorization"):
        assert told[f"{name}_endpoint"].startswith(f"{ORIGIN}{BASE}/")


def test_an_allowed_client_gets_a_token_that_speaks_for_its_person(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    answer = browser.submit(app.url(), decision="allow")

    assert told(answer)["state"] == "a state"
    assert told(answer)["iss"] == ORIGIN

    tokens = app.exchange(told(answer)["code"])

    assert tokens.headers["Cache-Control"] == "no-store"
    assert tokens.json["token_type"] == "Bearer"
    assert tokens.json["scope"] == app.scope
    shown = server.call("POST", PROFILE, headers=bearer(tokens.json["access_token"]))
    assert shown.json["user_data"]["username"] == member.username


def test_the_one_address_is_the_authorization_endpoint_too(server: Server, member: Person) -> None:
    app = App(server)

    page = signed_in(server, member).page(app.url().replace("/authorize?", "/?"))

    assert "Gills" in page.text


def test_who_is_not_signed_in_is_led_there_and_back(server: Server, member: Person) -> None:
    app = App(server)
    browser = Browser(server)
    led = browser.get(app.url())

    assert led.status_code == 303
    back = browser.submit(led.headers["Location"], email=member.username, password=PASSWORD)
    assert back.headers["Location"] == app.url()


def test_who_refuses_gives_nothing(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    with server.stores_nothing():
        answer = browser.submit(app.url(), decision="deny")

    assert told(answer)["error"] == "access_denied"
    assert (told(answer)["state"], told(answer)["iss"]) == ("a state", ORIGIN)


def test_the_consent_page_says_it_in_words(server: Server, member: Person) -> None:
    page = signed_in(server, member).page(App(server).url())

    assert "Read your messages, direct ones too" in page.text
    assert "Write messages" in page.text
    assert "https://app.test" in page.text


def test_a_consent_is_remembered_for_the_same_scopes_alone(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    app.tokens(browser)

    assert browser.get(app.url()).status_code == 303
    assert browser.get(app.url(scope="account:read")).status_code == 200
    app.tokens(browser, scope="account:read")
    assert browser.get(app.url()).status_code == 200


def test_a_client_on_the_same_machine_is_asked_about_each_time(server: Server, member: Person) -> None:
    local = "http://127.0.0.1:8912/cb"
    app = App(server, redirect_uris=[local])
    browser = signed_in(server, member)
    browser.submit(app.url(redirect_uri=local), decision="allow")

    assert browser.get(app.url(redirect_uri=local)).status_code == 200


WRONG: list[dict[str, str | None]] = [
    {"code_challenge": None, "code_challenge_method": None},
    {"code_challenge_method": "plain"},
    {"code_challenge_method": None},
    {"code_challenge": "short"},
    {"response_type": "token"},
    {"response_type": 'x"\\é'},
    {"scope": None},
    {"scope": "admin"},
    {"scope": "account:read instance:modify"},
]


@pytest.mark.parametrize("changed", WRONG)
@ON_SQLITE
def test_a_wrong_question_is_answered_to_the_client(
    server: Server, member: Person, changed: dict[str, str | None]
) -> None:
    app = App(server)
    browser = signed_in(server, member)
    with server.stores_nothing():
        answer = browser.get(app.url(**changed))

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("https://app.test/cb?")
    assert told(answer)["error"] in {"invalid_request", "invalid_scope", "unsupported_response_type"}
    assert told(answer)["iss"] == ORIGIN


def test_a_code_is_good_once_and_a_second_time_ends_what_it_opened(server: Server, member: Person) -> None:
    app = App(server)
    code = app.code(signed_in(server, member))
    token = app.exchange(code).json["access_token"]
    assert status(server, token) == 200

    again = app.exchange(code)

    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert status(server, token) == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "https://app.test/other"},
        {"redirect_uri": ""},
        {"code": "nothing"},
    ],
)
def test_a_code_is_for_who_asked_for_it(server: Server, member: Person, changed: dict[str, str]) -> None:
    app = App(server)
    code = app.code(signed_in(server, member))
    with server.stores_nothing():
        answer = app.exchange(code, **changed)

    assert answer.status_code == 400
    assert answer.json["error"] in {"invalid_grant", "invalid_request"}


def test_a_code_of_another_client_is_none(server: Server, member: Person) -> None:
    app, other = App(server), App(server)
    other.verifier = app.verifier
    code = app.code(signed_in(server, member))
    with server.stores_nothing():
        assert other.exchange(code).json["error"] == "invalid_grant"


def test_a_code_ends_after_five_minutes(server: Server, member: Person) -> None:
    app = App(server)
    code = app.code(signed_in(server, member))

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5, seconds=1)), server.stores_nothing():
        assert app.exchange(code).json["error"] == "invalid_grant"


def test_a_code_ends_with_the_session_that_allowed_it(server: Server, member: Person) -> None:
    app = App(server)
    code = app.code(signed_in(server, member))
    server.call("POST", f"{PROFILE}/reset-auth-token", person=member, json={"password": PASSWORD})

    with server.stores_nothing():
        assert app.exchange(code).json["error"] == "invalid_grant"


def test_refresh_tokens_rotate_and_one_that_comes_twice_ends_its_family(server: Server, member: Person) -> None:
    app = App(server)
    first = app.tokens(signed_in(server, member))
    second = app.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert status(server, second["access_token"]) == 200

    again = app.refresh(first["refresh_token"])

    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert status(server, second["access_token"]) == 401
    assert app.refresh(second["refresh_token"]).json["error"] == "invalid_grant"


def test_of_two_exchanges_at_once_one_is_answered_with_tokens(server: Server, member: Person) -> None:
    app = App(server)
    code = app.code(signed_in(server, member))

    answers = at_once(lambda: app.exchange(code).status_code, times=2)

    assert sorted(answers) == [200, 400]


def test_of_two_refreshes_at_once_one_at_most_is_answered_with_tokens(server: Server, member: Person) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))

    answers = at_once(lambda: app.refresh(tokens["refresh_token"]), times=2)

    assert sorted(answer.status_code for answer in answers) == [200, 400]
    pair = next(answer.json for answer in answers if answer.status_code == 200)
    assert status(server, pair["access_token"]) == 401  # The family ended with the second.


def test_a_refreshed_token_may_be_narrower_and_the_next_one_is_whole(server: Server, member: Person) -> None:
    app = App(server)
    first = app.tokens(signed_in(server, member))
    narrow = app.refresh(first["refresh_token"], scope="message:read").json

    assert narrow["scope"] == "message:read"
    assert status(server, narrow["access_token"]) == 403
    assert app.refresh(narrow["refresh_token"]).json["scope"] == app.scope


def test_a_clients_refresh_token_is_not_for_everybodys_door(server: Server, member: Person) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))
    body = {"refresh_token": tokens["refresh_token"]}
    with server.stores_nothing():
        assert server.call("POST", "/api/v1/auth/refresh", json=body).status_code == 401
        assert App.refresh(app, member.session["refresh_token"]).json["error"] == "invalid_grant"

    assert app.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revoked_token_ends_both(server: Server, member: Person, kind: str) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))

    assert app.ask("revoke", token=tokens[kind], token_type_hint="nonsense").status_code == 200

    assert status(server, tokens["access_token"]) == 401
    assert app.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_a_client_is_told_that_its_token_ended(server: Server, member: Person) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))
    app.ask("revoke", token=tokens["refresh_token"])
    with server.stores_nothing():
        ended = server.call("POST", PROFILE, headers=bearer(tokens["access_token"]))
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=15, seconds=1)):
            expired = server.call("POST", PROFILE, headers=bearer(member.token))
        without = server.call("POST", PROFILE)

    assert [answer.headers["WWW-Authenticate"] for answer in (ended, expired)] == ['Bearer error="invalid_token"'] * 2
    assert without.headers["WWW-Authenticate"] == "Bearer"


def test_a_refresh_token_that_was_used_still_ends_its_family(server: Server, member: Person) -> None:
    app = App(server)
    first = app.tokens(signed_in(server, member))
    second = app.refresh(first["refresh_token"]).json

    assert app.ask("revoke", token=first["refresh_token"]).status_code == 200

    assert status(server, second["access_token"]) == 401


def test_nobody_revokes_what_is_another_clients(server: Server, member: Person) -> None:
    app, other = App(server), App(server)
    tokens = app.tokens(signed_in(server, member))
    with server.stores_nothing():
        assert other.ask("revoke", token=tokens["refresh_token"]).status_code == 400
        assert other.ask("revoke", token="nothing").status_code == 200
        assert other.ask("revoke").status_code == 400

    assert status(server, tokens["access_token"]) == 200


def test_a_client_with_a_secret_may_ask_what_its_tokens_are_good_for(server: Server, member: Person) -> None:
    app = App(server, token_endpoint_auth_method="client_secret_basic")
    other = App(server, token_endpoint_auth_method="client_secret_post")
    tokens = app.tokens(signed_in(server, member))
    for kind in ("access_token", "refresh_token"):
        shown = app.ask("introspect", token=tokens[kind]).json
        assert (shown["active"], shown["sub"], shown["client_id"]) == (True, member.id, app.id)
        assert shown["scope"] == app.scope

    wrong: list[Any] = [app.ask("introspect", token="x"), app.ask("introspect", token=member.token)]
    form = {"token": tokens["access_token"], "client_id": other.id}
    secret = other.registered["client_secret"]
    wrong.append(server.call("POST", f"{BASE}/introspect", data=form | {"client_secret": secret}))
    assert [answer.json for answer in wrong] == [{"active": False}] * 3
    assert App(server).ask("introspect", token=tokens["access_token"]).status_code == 401


@pytest.mark.parametrize("end", ["reset", "ban"])
def test_what_ends_all_sessions_ends_clients(server: Server, member: Person, end: str) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))
    if end == "ban":
        server.ban(member)
    else:
        server.call("POST", f"{PROFILE}/reset-auth-token", person=member, json={"password": PASSWORD})

    with server.stores_nothing():
        assert status(server, tokens["access_token"]) == (403 if end == "ban" else 401)
        assert app.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_a_wrong_secret_is_a_401(server: Server, member: Person) -> None:
    app = App(server, token_endpoint_auth_method="client_secret_basic")
    code = app.code(signed_in(server, member))
    app.registered["client_secret"] = "wrong"
    with server.stores_nothing():
        answer = app.exchange(code)
        odd = server.call("POST", f"{BASE}/token", data={"grant_type": "authorization_code"}, headers={
            "Authorization": "Basic /////w=="})  # fmt: skip

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert odd.status_code == 401


def test_whoever_is_sent_back_asks_with_get(server: Server, member: Person) -> None:
    """With a 302 a browser may post once more what was typed here (RFC 9700, section 4.12)."""
    app = App(server)
    browser = signed_in(server, member)

    assert browser.submit(app.url(), decision="deny").status_code == 303
    assert browser.submit(app.url(), decision="allow").status_code == 303


def test_what_is_allowed_already_is_noted_once(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    app.code(browser)
    before = server.stored()
    assert browser.get(app.url()).status_code == 303
    after = server.stored()

    assert {table for table in after if after[table] != before[table]} == {"oauth_codes"}


@pytest.mark.parametrize(
    ("body", "kind"), [("{", "application/json"), ("grant_type=%FF", "application/x-www-form-urlencoded"), ("x", "a/b")]
)
@pytest.mark.parametrize("endpoint", ["token", "revoke", "introspect", "register", "device_authorization"])
@ON_SQLITE
def test_what_cannot_be_read_is_refused_in_the_standards_words(
    server: Server, endpoint: str, body: str, kind: str
) -> None:
    with server.stores_nothing():
        answer = server.call("POST", f"{BASE}/{endpoint}", data=body, content_type=kind)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_parameter_comes_once(server: Server) -> None:
    with server.stores_nothing():
        answer = server.call("POST", f"{BASE}/token", data="grant_type=refresh_token&grant_type=refresh_token",
            content_type="application/x-www-form-urlencoded")  # fmt: skip

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
