"""The pages: signing up, in and out, one's account; that no other site fills in a form, and that everybody can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app.db import reading
from app.facades.oauth.signing import WRONG as WRONG_PASSWORD
from app.models import LoginAddress
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.oauth.flows import App, Browser, Page, bearer, signed_in

ACCOUNT = "/auth/account"


def signs_up(server: Server, **typed: str) -> tuple[Browser, Any]:
    browser = Browser(server)
    form = browser.page("/auth/sign_up").forms[0] | {"username": "carol", "password": PASSWORD}
    return browser, browser.post("/auth/sign_up", form | typed)


def test_a_new_account_is_signed_in_and_led_on(server: Server, owner: Person) -> None:
    browser, answer = signs_up(server)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/client")
    client = browser.get("/client")
    assert (client.status_code, client.headers["Location"]) == (302, "/client/connect")
    assert "carol" in browser.page(ACCOUNT).text
    signin = {"username": "carol", "password": PASSWORD}
    assert server.call("POST", "/api/v1/users/signin", json=signin).status_code == 200


def test_a_program_signs_up_and_in_with_json(server: Server, owner: Person) -> None:
    body = {"username": "carol", "email": "carol@pond.example", "password": PASSWORD}
    made = server.call("POST", "/auth/sign_up", json=body)
    entered = server.call("POST", "/auth/login", json={"email": "Carol@Pond.example", "password": PASSWORD})

    assert (made.status_code, entered.status_code) == (303, 303)
    for answer in (made, entered):
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-shoal=")
        assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_a_program_is_refused_as_everywhere(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        wrong = server.call("POST", "/auth/login", json={"username": "alice", "password": "wrong"})
        broken = server.call("POST", "/auth/sign_up", data="{", content_type="application/json")

    assert (wrong.status_code, wrong.json) == refusal(401, WRONG_PASSWORD)
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    assert (broken.status_code, broken.json) == refusal(400, broken.json["detail"], code=2)


def test_a_form_of_a_program_that_is_no_browser_is_taken(server: Server, owner: Person) -> None:
    form = {"username": "carol", "email": "c@pond.example", "password": PASSWORD}

    assert server.call("POST", "/auth/sign_up", data=form).status_code == 303


WRONG: list[tuple[dict[str, str], str, int]] = [
    ({"username": ".carol"}, "username", 400),
    ({"username": "alice"}, "username", 409),
    ({"username": "A1ice"}, "username", 409),
    ({"password": ""}, "password", 400),
    ({"password": "x" * 1025}, "password", 400),
    ({"email": "nobody"}, "email", 400),
]


@pytest.mark.parametrize(("typed", "field", "status"), WRONG)
@ON_SQLITE
def test_what_is_wrong_is_said_at_its_field(
    server: Server, owner: Person, typed: dict[str, str], field: str, status: int
) -> None:
    browser = Browser(server)
    form = browser.page("/auth/sign_up").forms[0]
    with server.stores_nothing():
        answer = browser.post("/auth/sign_up", form | {"username": "carol", "password": PASSWORD} | typed)

    page = Page(answer.text)
    inputs = {attrs["name"]: attrs for attrs in page.all("input")}
    assert answer.status_code == status
    assert inputs[field]["aria-invalid"] == "true"
    assert f"{field}-error" in inputs[field]["aria-describedby"].split()
    assert f"{field}-error" in {attrs.get("id") for attrs in page.all("p")}
    assert inputs["password"]["value"] == ""
    assert "<title>Error: " in answer.text


def test_a_private_or_full_server_makes_no_accounts_here_either(server: Server, owner: Person) -> None:
    for settings in ({"is_private": True}, {"is_private": False, "max_users": 1}):
        assert server.call("PUT", "/api/v1/system/server-info", person=owner, json=settings).status_code == 200
        browser = Browser(server)
        form = browser.page("/auth/sign_up").forms[0]
        with server.stores_nothing():
            answer = browser.post("/auth/sign_up", form | {"username": "carol", "password": PASSWORD})
        assert answer.status_code == 403


def test_somebody_signs_in_by_name_or_address_and_out(server: Server, owner: Person) -> None:
    signs_up(server, email="carol@pond.example")
    for name in ("carol", "CAROL", "carol@pond.example"):
        browser = Browser(server)
        browser.sign_in(name)
        assert browser.get(ACCOUNT).status_code == 200
        assert browser.submit("/auth/logout").headers["Location"] == "/auth/login"
        assert browser.get(ACCOUNT).status_code == 303


def test_an_address_is_kept_by_whoever_had_it_and_never_as_it_is(server: Server, owner: Person) -> None:
    signs_up(server, email="carol@pond.example")
    _, second = signs_up(server, username="dora", email="carol@pond.example")
    with reading() as session:
        digests = session.scalars(select(LoginAddress.digest)).all()

    assert second.status_code == 303
    assert len(digests) == 1
    assert "pond" not in digests[0]
    browser = Browser(server)
    browser.sign_in("carol@pond.example")
    assert "carol" in browser.page(ACCOUNT).text


def test_nobody_learns_who_has_an_account(server: Server, member: Person) -> None:
    texts = set()
    for name in (member.username, "nobody", "nobody@pond.example"):
        browser = Browser(server)
        form = browser.page("/auth/login").forms[0]
        with server.stores_nothing():
            answer = browser.post("/auth/login", form | {"email": name, "password": "wrong"})
        texts.add((answer.status_code, Page(answer.text).all("p")[1]["role"]))
        assert "The name or the password is wrong." in answer.text

    assert texts == {(401, "alert")}


def test_guessing_ends_as_on_every_other_door(server: Server, member: Person) -> None:
    browser = Browser(server)
    form = browser.page("/auth/login").forms[0] | {"email": member.username}
    got = [browser.post("/auth/login", form | {"password": "wrong"}).status_code for _ in range(11)]
    with server.stores_nothing():
        right = browser.post("/auth/login", form | {"password": PASSWORD})
        body = {"username": member.username, "password": PASSWORD}
        assert server.call("POST", "/api/v1/users/signin", json=body).status_code == 429

    assert got == [401] * 10 + [429]
    assert right.status_code == 429


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "javascript:alert(1)",
        "evil.test",
        "/%0d%0a\n",
    ],
)
@ON_SQLITE
def test_nobody_is_led_off_the_server(server: Server, member: Person, path: str) -> None:
    browser = Browser(server)
    form = browser.page("/auth/login").forms[0]
    typed = {"email": member.username, "password": PASSWORD, "next": path}

    assert browser.post("/auth/login", form | typed).headers["Location"] == "/client"


def test_a_banned_person_is_told_so(server: Server, member: Person) -> None:
    browser = signed_in(server, member)
    server.ban(member)
    with server.stores_nothing():
        answer = browser.get(ACCOUNT)

    assert answer.status_code == 403
    assert "banned" in answer.text


FORMS = [
    "/auth/logout",
    f"{ACCOUNT}/sessions/end",
    f"{ACCOUNT}/apps/revoke",
    f"{ACCOUNT}/bots",
    f"{ACCOUNT}/bots/remove",
    "/auth/device",
    "/auth/sign_up",
    "/auth/login",
]


@pytest.mark.parametrize("path", FORMS)
@ON_SQLITE
def test_a_form_of_another_site_does_nothing(server: Server, member: Person, path: str) -> None:
    mine, others = signed_in(server, member), Browser(server)
    stolen = others.page("/auth/login").forms[0]["form_token"]
    typed = {"username": "carol", "email": member.username, "password": PASSWORD, "name": "x", "scope": "account:read"}
    with server.stores_nothing():
        for token in ({}, {"form_token": ""}, {"form_token": stolen}):
            assert mine.post(path, typed | token).status_code == 403
        assert Browser(server).post(path, typed).status_code == 403  # Without a cookie, as SameSite has it.

    assert mine.get(ACCOUNT).status_code == 200


def test_consent_is_no_other_sites_to_give(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    with server.stores_nothing():
        assert browser.post(app.url(), {"decision": "allow"}).status_code == 403


def test_signing_in_makes_a_new_cookie(server: Server, member: Person) -> None:
    browser = Browser(server)
    browser.page("/auth/login")
    before = browser.client.get_cookie("__Host-shoal", domain="chat.example")
    browser.sign_in(member.username)
    after = browser.client.get_cookie("__Host-shoal", domain="chat.example")

    assert before is not None and after is not None  # noqa: PT018
    assert before.value != after.value


def test_an_app_is_revoked_on_the_account_page(server: Server, member: Person) -> None:
    app = App(server)
    browser = signed_in(server, member)
    tokens = app.tokens(browser)
    page = browser.page(ACCOUNT)
    assert "Gills" in page.text
    number = page.actions.index(f"{ACCOUNT}/apps/revoke")

    browser.post(page.actions[number], page.forms[number])

    assert server.call("POST", "/api/v1/users/profile", headers=bearer(tokens["access_token"])).status_code == 401
    assert app.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert browser.get(app.url()).status_code == 200
    assert "Gills" not in browser.page(ACCOUNT).text


def test_a_session_is_ended_on_the_account_page_and_nobody_elses(server: Server, owner: Person, member: Person) -> None:
    browser = signed_in(server, member)
    page = browser.page(ACCOUNT)
    sessions = [form for form in page.forms if "session_id" in form]
    assert len(sessions) == 2  # The API's own, and this browser's.
    other = signed_in(server, owner)
    token = {"form_token": other.page(ACCOUNT).forms[0]["form_token"]}
    with server.stores_nothing():
        assert other.post(f"{ACCOUNT}/sessions/end", sessions[1] | token).status_code == 404

    browser.post(f"{ACCOUNT}/sessions/end", sessions[1])

    assert server.call("POST", "/api/v1/users/profile", headers=bearer(member.token)).status_code == 401


def every_page(server: Server, member: Person) -> Iterator[Any]:
    browser = Browser(server)
    for path in ("/auth/sign_up", "/auth/login", "/client/connect"):
        yield browser.get(path)
    browser.sign_in(member.username)
    for path in (ACCOUNT, "/auth/logout", "/auth/device", App(server).url()):
        yield browser.get(path)
    yield browser.post("/auth/device", {})


def test_every_page_lets_nothing_run_and_is_kept_by_nobody(server: Server, member: Person) -> None:
    for answer in every_page(server, member):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        page = Page(answer.text)
        assert not page.all("script") and not page.all("style")  # noqa: PT018
        assert not [
            attrs for _, attrs in page.elements if "style" in attrs or any(name.startswith("on") for name in attrs)
        ]


def test_every_page_can_be_used_by_everybody(server: Server, member: Person) -> None:
    for answer in every_page(server, member):
        page = Page(answer.text)
        labels = {attrs.get("for") for attrs in page.all("label")}
        typed = [attrs for attrs in page.all("input") if attrs.get("type") not in {"hidden", "checkbox"}]
        ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("header")) == 1
        assert page.all("nav")[0]["aria-label"]
        assert page.all("title")
        assert all(attrs["id"] in labels for attrs in typed)
        assert len(ids) == len(set(ids))
        described = [attrs["aria-describedby"] for _, attrs in page.elements if "aria-describedby" in attrs]
        assert all(name in ids for names in described for name in names.split())


def test_the_stylesheet_is_ours(server: Server) -> None:
    answer = server.call("GET", "/auth/style.css")

    assert answer.mimetype == "text/css"


def test_what_a_client_calls_itself_is_no_markup(server: Server, member: Person) -> None:
    app = App(server, client_name="<script>alert(1)</script>", client_uri='https://app.test/"><b>')

    page = signed_in(server, member).page(app.url())

    assert not page.all("script")
    assert not page.all("b")


def test_a_banned_person_may_sign_in_as_somebody_else(server: Server, owner: Person, member: Person) -> None:
    browser = signed_in(server, member)
    server.ban(member)

    assert browser.get("/auth/oauth2/authorize").status_code == 400  # And no mistake of ours.
    browser.sign_in(owner.username)

    assert owner.username in browser.page(ACCOUNT).text


def test_signing_in_anew_ends_what_the_browser_was_signed_in_with(server: Server, member: Person) -> None:
    browser, thief = signed_in(server, member), Browser(server)
    before = browser.client.get_cookie("__Host-shoal", domain="chat.example")
    assert before is not None
    thief.client.set_cookie("__Host-shoal", before.value, domain="chat.example", secure=True)
    assert thief.get(ACCOUNT).status_code == 200

    browser.sign_in(member.username)

    assert thief.get(ACCOUNT).status_code == 303


def test_whose_session_ended_over_a_form_is_led_back_to_a_page(server: Server, member: Person) -> None:
    browser = signed_in(server, member)
    form = browser.page(ACCOUNT).forms[0]
    body = {"password": PASSWORD}
    server.call("POST", "/api/v1/users/profile/reset-auth-token", person=member, json=body)
    with server.stores_nothing():
        led = browser.post(f"{ACCOUNT}/bots", form | {"name": "Echo", "scope": "account:read"})

    back = browser.submit(led.headers["Location"], email=member.username, password=PASSWORD)
    assert browser.get(back.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("redirect", "source"),
    [
        ("https://app.test:8443/cb", "https://app.test:8443"),
        ("http://[::1]:9/cb", "http:"),
        ("org.app://cb", "org.app:"),
    ],
)
def test_a_form_may_end_where_its_client_is(server: Server, member: Person, redirect: str, source: str) -> None:
    app = App(server, redirect_uris=[redirect])
    answer = signed_in(server, member).get(app.url(redirect_uri=redirect))

    assert answer.headers["Content-Security-Policy"].endswith(f"form-action 'self' {source}")
