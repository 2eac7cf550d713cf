"""Clients that make themselves known, bots and devices (RFC 7591, RFC 6749 section 4.4, RFC 8628)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from app.actions.pruning import prune_tokens
from app.db import reading, transaction
from app.models import OAuthClient
from tests.databases import ON_SQLITE
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.oauth.flows import BASE, DEVICE, REDIRECT, App, Browser, Page, bearer, signed_in
from tests.together import at_once

WRONG: list[dict[str, Any]] = [
    {},
    {"redirect_uris": []},
    {"redirect_uris": "https://app.test/cb"},
    {"redirect_uris": [7]},
    {"redirect_uris": ["https://app.test/cb"] * 11},
    {"redirect_uris": ["http://app.test/cb"]},
    {"redirect_uris": ["https://app.test/cb#f"]},
    {"redirect_uris": ["https://a@app.test/cb"]},
    {"redirect_uris": ["https://app.test;script-src/cb"]},
    {"redirect_uris": ["https://[::1/cb"]},
    {"redirect_uris": ["javascript:alert(1)"]},
    {"redirect_uris": ["javascript://app.test/%0aalert(1)"]},
    {"redirect_uris": ["data:text/html,x"]},
    {"redirect_uris": ["/cb"]},
    {"redirect_uris": [REDIRECT], "grant_types": ["password"]},
    {"redirect_uris": [REDIRECT], "grant_types": ["implicit"]},
    {"redirect_uris": [REDIRECT], "grant_types": ["client_credentials"]},
    {"redirect_uris": [REDIRECT], "grant_types": []},
    {"redirect_uris": [REDIRECT], "response_types": ["token"]},
    {"redirect_uris": [REDIRECT], "scope": "admin"},
    {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "private_key_jwt"},
    {"redirect_uris": [REDIRECT], "client_name": "a\nb"},
    {"redirect_uris": [REDIRECT], "client_name": "x" * 101},
    {"redirect_uris": [REDIRECT], "client_uri": "javascript:alert(1)"},
]


@pytest.mark.parametrize("metadata", WRONG)
@ON_SQLITE
def test_what_cannot_be_a_client_is_refused(server: Server, metadata: dict[str, Any]) -> None:
    with server.stores_nothing():
        answer = server.call("POST", f"{BASE}/register", json=metadata)

    assert answer.status_code == 400
    assert answer.json["error"] in {"invalid_request", "invalid_client_metadata", "invalid_redirect_uri"}


@pytest.mark.parametrize("uri", ["https://app.test/cb?x=1", "http://localhost:1/cb", "http://[::1]/", "org.app://cb"])
def test_where_a_client_may_be(server: Server, uri: str) -> None:
    assert App(server, redirect_uris=[uri]).registered["redirect_uris"] == [uri]


def test_a_client_is_told_what_was_registered(server: Server) -> None:
    secretive = App(server, token_endpoint_auth_method="client_secret_basic").registered
    public = App(server).registered

    assert secretive["client_secret"]
    assert secretive["client_secret_expires_at"] == 0
    assert "client_secret" not in public
    assert public["client_name"] == "Gills"
    assert public["response_types"] == ["code"]


def test_registering_has_its_limit(server: Server) -> None:
    for _ in range(20):
        App(server)
    with server.stores_nothing():
        answer = server.call("POST", f"{BASE}/register", json={"redirect_uris": [REDIRECT]})

    assert (answer.status_code, answer.json["error"]) == (429, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def make_bot(browser: Browser, *scopes: str) -> dict[str, str]:
    page = browser.page("/auth/account")
    number = page.actions.index("/auth/account/bots")
    answer = browser.post(page.actions[number], page.forms[number] | {"name": "Echo", "scope": list(scopes)})
    assert answer.status_code == 201, answer.text
    client_id, secret = re.findall(r"<dd><code>([^<]+)</code>", answer.text)[:2]
    return {"client_id": client_id, "client_secret": secret}


def test_what_is_wrong_with_a_bot_is_said_where_it_is_wrong(server: Server, member: Person) -> None:
    browser = signed_in(server, member)
    page = browser.page("/auth/account")
    number = page.actions.index("/auth/account/bots")
    wrong: list[tuple[dict[str, Any], bool]] = [
        ({"name": " ", "scope": "account:read"}, True),
        ({"name": "x" * 101, "scope": "account:read"}, True),
        ({"name": "Echo"}, False),
        ({"name": "Echo", "scope": "admin"}, False),
    ]
    for typed, is_of_name in wrong:
        with server.stores_nothing():
            answer = browser.post(page.actions[number], page.forms[number] | typed)
        fields = {attrs["name"]: attrs for attrs in Page(answer.text).all("input")}
        assert answer.status_code == 400
        assert ("aria-invalid" in fields["name"]) == is_of_name
        assert ('id="form-error"' in answer.text) != is_of_name


def bot_app(server: Server, browser: Browser, *scopes: str) -> App:
    app = App(server)
    app.registered = make_bot(browser, *scopes)
    app.id = app.registered["client_id"]
    return app


def test_a_bot_speaks_for_who_made_it_within_its_scopes(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]
    app = bot_app(server, signed_in(server, member), "message:write", "account:read")
    tokens = app.ask("token", grant_type="client_credentials").json
    narrow = app.ask("token", grant_type="client_credentials", scope="account:read").json

    assert tokens["scope"] == "account:read message:write"
    assert narrow["scope"] == "account:read"
    assert "refresh_token" not in tokens
    send = f"/api/v1/channels/{channel}/send_message"
    assert (
        server.call("POST", send, headers=bearer(tokens["access_token"]), data={"message": "beep"}).status_code == 201
    )
    assert server.call("POST", send, headers=bearer(narrow["access_token"]), data={"message": "no"}).status_code == 403


def test_a_bot_gets_nothing_more_and_nobody_elses_secret_will_do(server: Server, member: Person) -> None:
    app = bot_app(server, signed_in(server, member), "account:read")
    with server.stores_nothing():
        assert app.ask("token", grant_type="client_credentials", scope="message:read").json["error"] == "invalid_scope"
        app.registered["client_secret"] = "guess"
        assert app.ask("token", grant_type="client_credentials").status_code == 401
        del app.registered["client_secret"]
        assert app.ask("token", grant_type="client_credentials").json["error"] == "invalid_client"


def test_a_banned_persons_bot_gets_nothing(server: Server, member: Person) -> None:
    app = bot_app(server, signed_in(server, member), "account:read")
    token = app.ask("token", grant_type="client_credentials").json["access_token"]
    server.ban(member)
    with server.stores_nothing():
        assert app.ask("token", grant_type="client_credentials").json["error"] == "invalid_grant"
        assert server.call("POST", "/api/v1/users/profile", headers=bearer(token)).status_code == 403


def test_a_removed_bot_is_gone(server: Server, member: Person) -> None:
    browser = signed_in(server, member)
    app = bot_app(server, browser, "account:read")
    token = app.ask("token", grant_type="client_credentials").json["access_token"]
    page = browser.page("/auth/account")
    number = page.actions.index("/auth/account/bots/remove")
    browser.post(page.actions[number], page.forms[number])

    assert server.call("POST", "/api/v1/users/profile", headers=bearer(token)).status_code == 401
    assert app.ask("token", grant_type="client_credentials").json["error"] == "invalid_client"


_NEW = {
    "password": ("PUT", "/api/v1/users/profile", {"old_password": PASSWORD, "new_password": PASSWORD}),
    "tokens": ("POST", "/api/v1/users/profile/reset-auth-token", {"password": PASSWORD}),
}


@pytest.mark.parametrize("what", _NEW)
def test_a_new_password_and_new_tokens_end_ones_bots_and_no_others(
    server: Server, owner: Person, member: Person, what: str
) -> None:
    app, other = (bot_app(server, signed_in(server, person), "account:read") for person in (member, owner))
    token = app.ask("token", grant_type="client_credentials").json["access_token"]
    method, path, given = _NEW[what]

    assert server.call(method, path, person=member, json=given).status_code == 200

    with server.stores_nothing():
        assert app.ask("token", grant_type="client_credentials").json["error"] == "invalid_client"
        assert server.call("POST", "/api/v1/users/profile", headers=bearer(token)).status_code == 401
    assert other.ask("token", grant_type="client_credentials").status_code == 200
    shown = [signed_in(server, person).get("/auth/account").text for person in (member, owner)]
    assert ["(your bot, ended" in text for text in shown] == [True, False]


def test_nobody_removes_anothers_bot(server: Server, owner: Person, member: Person) -> None:
    app = bot_app(server, signed_in(server, member), "account:read")
    other = signed_in(server, owner)
    form = other.page("/auth/account").forms[0] | {"client_id": app.id}
    with server.stores_nothing():
        assert other.post("/auth/account/bots/remove", form).status_code == 404


def poll(app: App, code: str) -> Any:
    return app.ask("token", grant_type=DEVICE, device_code=code)


def later(seconds: int) -> Any:
    return time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds))


def test_a_device_is_allowed_by_its_code(server: Server, member: Person) -> None:
    app = App(server)
    asked = app.ask("device_authorization", scope=app.scope).json
    assert poll(app, asked["device_code"]).json["error"] == "authorization_pending"
    assert poll(app, asked["device_code"]).json["error"] == "slow_down"

    browser = signed_in(server, member)
    typed = asked["user_code"].lower().replace("-", " ")
    consent = Page(browser.submit("/auth/device", user_code=typed).text)
    assert "Gills" in consent.text
    done = browser.post(consent.actions[0], consent.forms[0] | {"decision": "allow"})

    assert "connected" in done.text
    tokens = poll(app, asked["device_code"])
    assert (tokens.status_code, tokens.json["scope"]) == (200, app.scope)
    shown = server.call("POST", "/api/v1/users/profile", headers=bearer(tokens.json["access_token"]))
    assert shown.json["user_data"]["username"] == member.username
    with server.stores_nothing():
        assert poll(app, asked["device_code"]).status_code == 400


def test_a_device_is_refused(server: Server, member: Person) -> None:
    app = App(server)
    asked = app.ask("device_authorization", scope=app.scope).json
    browser = signed_in(server, member)
    browser.submit("/auth/device", user_code=asked["user_code"], decision="deny")

    with server.stores_nothing():
        assert poll(app, asked["device_code"]).json["error"] == "access_denied"


def test_of_two_answers_about_a_device_the_first_counts(server: Server, owner: Person, member: Person) -> None:
    app = App(server)
    asked = app.ask("device_authorization", scope=app.scope).json
    browsers = iter([signed_in(server, owner), signed_in(server, member)])

    answers = at_once(
        lambda: next(browsers).submit("/auth/device", user_code=asked["user_code"], decision="allow"), times=2
    )

    assert sorted(answer.status_code for answer in answers) == [200, 404]


def test_a_device_that_was_allowed_is_revoked_before_it_asks(server: Server, member: Person) -> None:
    app = App(server)
    asked = app.ask("device_authorization", scope=app.scope).json
    browser = signed_in(server, member)
    browser.submit("/auth/device", user_code=asked["user_code"], decision="allow")
    page = browser.page("/auth/account")
    number = page.actions.index("/auth/account/apps/revoke")
    browser.post(page.actions[number], page.forms[number])

    with server.stores_nothing():
        assert poll(app, asked["device_code"]).status_code == 400


def test_a_devices_code_ends(server: Server, member: Person) -> None:
    app = App(server)
    asked = app.ask("device_authorization", scope=app.scope).json
    browser = signed_in(server, member)
    with later(601), server.stores_nothing():
        assert poll(app, asked["device_code"]).json["error"] == "expired_token"
        assert browser.submit("/auth/device", user_code=asked["user_code"], decision="allow").status_code == 404


def test_a_device_code_of_another_client_is_none(server: Server) -> None:
    app = App(server)
    asked = app.ask("device_authorization", scope=app.scope).json
    other = App(server)
    with server.stores_nothing():
        assert poll(other, asked["device_code"]).status_code == 400


def test_a_device_asks_for_what_its_client_may_ask_for(server: Server) -> None:
    app = App(server)
    with server.stores_nothing():
        for scope in ("", "admin", "instance:modify"):
            assert app.ask("device_authorization", scope=scope).json["error"] == "invalid_scope"


def test_codes_are_not_guessed_for_long(server: Server, member: Person) -> None:
    browser = signed_in(server, member)
    form = browser.page("/auth/device").forms[0]
    got = [browser.post("/auth/device", form | {"user_code": "BCDF-GHJK"}).status_code for _ in range(21)]

    assert got == [404] * 20 + [429]


def kept(app: App, *, days: int) -> bool:
    """Whether there is still such a client so many days from now."""
    prune_tokens(datetime.now(UTC) + timedelta(days=days))
    with reading() as session:
        return session.get(OAuthClient, app.id) is not None


def test_a_client_that_nobody_uses_is_forgotten_after_a_month(server: Server, member: Person) -> None:
    unused, used = App(server), App(server)
    bot = bot_app(server, signed_in(server, member), "account:read")
    used.code(signed_in(server, member))

    assert kept(unused, days=29)
    assert not kept(unused, days=31)
    assert kept(used, days=31)
    assert kept(bot, days=31)
    with server.stores_nothing():
        assert unused.ask("device_authorization", scope=unused.scope).json["error"] == "invalid_client"


def test_a_client_that_was_used_and_revoked_goes_with_all_it_had(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    before = server.stored()
    tokens = app.tokens(browser)
    page = browser.page("/auth/account")
    number = page.actions.index("/auth/account/apps/revoke")
    browser.post(page.actions[number], page.forms[number])

    assert not kept(app, days=31)

    left = server.stored()
    for table in ("oauth_sessions", "oauth_codes", "oauth_consents", "sessions"):
        assert left[table] <= before[table], table
    assert (
        server.call("POST", "/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 401
    )


def test_a_clients_session_never_outlives_its_limits(server: Server, member: Person) -> None:
    """Without them its refresh token would be one that does everything."""
    app = App(server)
    app.tokens(signed_in(server, member))
    with server.stores_nothing(), pytest.raises(IntegrityError), transaction() as session:
        session.execute(delete(OAuthClient).where(OAuthClient.id == app.id))
