"""The hostile cases of OAuth, TOK-11 and TOK-13, and more of each kind."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import structlog

from app.actions.oauth.consents import UNKNOWN_CLIENT
from app.services.logs import configure_logging
from tests.answers import refusal
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.oauth.flows import BASE, REDIRECT, App, Browser, signed_in, told

CASES: Final = Path(__file__).resolve().parents[4] / "shared" / "checks" / "hostile-cases.jsonl"
REDIRECTS: Final = [
    "https://app.test.evil.test/cb",
    "https://app.test/cb/../x",
    "https://app.test/cb?x",
    "https://app.test/cb/",
    "https://app.test/CB",
    "https://APP.test/cb",
    "https://app.test:443/cb",
    "https://app.test:444/cb",
    "https://a@app.test/cb",
    "https://app.test/cb#f",
    "http://app.test/cb",
    "//app.test/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    " https://app.test/cb",
    "https://app.test/cb\r\nX: y",
    "https://app.test/cb é",
    "",
]


def listed(id: str) -> dict[str, Any]:
    if not CASES.is_file():
        pytest.skip(f"no shared cases at {CASES}")
    lines = map(json.loads, CASES.read_text(encoding="utf-8").splitlines())
    return next(case for case in lines if case["id"] == id)


def is_refused_here(server: Server, browser: Browser, path: str) -> bool:
    """Whether it is a page of ours, and nobody was sent anywhere."""
    with server.stores_nothing():
        answer = browser.get(path)
    return answer.status_code == 400 and "Location" not in answer.headers


def test_a_redirect_that_is_not_the_clients_own_leads_nowhere(server: Server, member: Person) -> None:
    app = App(server)
    for browser in (Browser(server), signed_in(server, member)):
        for uri in REDIRECTS:
            assert is_refused_here(server, browser, app.url(redirect_uri=uri)), uri
        assert is_refused_here(server, browser, app.url(redirect_uri=None))
        assert is_refused_here(server, browser, f"{app.url()}&{urlencode({'redirect_uri': 'https://evil.test/'})}")
        assert is_refused_here(server, browser, f"{app.url()}&{urlencode({'redirect_uri': REDIRECT})}")
        assert is_refused_here(server, browser, app.url(client_id="client_" + "0" * 26))
        assert is_refused_here(server, browser, app.url(client_id="\0"))
        assert is_refused_here(server, browser, app.url(client_id=None))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_program_on_the_same_machine_has_any_port_and_nothing_else(server: Server, member: Person, host: str) -> None:
    app = App(server, redirect_uris=[f"http://{host}:1/cb"])
    browser = signed_in(server, member)
    wrong = [
        f"http://{host}:2/",
        f"http://{host}:2/cb/x",
        f"http://{host}:2/cb?x",
        f"https://{host}:2/cb",
        f"http://{host}:2@evil.test/cb",
        f"http://{host}.evil.test:2/cb",
        f"http://{host}:2:3/cb",
        f"http://{host}:x/cb",
        f"http://{host}:2\r\n/cb",
        "http://localhost:1/cb",
        "http://127.0.0.2:1/cb",
    ]
    for uri in wrong:
        assert is_refused_here(server, browser, app.url(redirect_uri=uri)), uri

    redirect = f"http://{host}:65000/cb"
    code = app.code(browser, redirect_uri=redirect)
    with server.stores_nothing():
        assert app.exchange(code, redirect_uri=f"http://{host}:1/cb").json["error"] == "invalid_grant"
    assert app.exchange(code, redirect_uri=redirect).status_code == 200


def test_tok_11_as_it_is_listed(server: Server, member: Person) -> None:
    case = listed("TOK-11")
    app = App(server)
    parts = urlsplit(case["path"].replace("{{client}}", app.id))
    asked = dict(parse_qsl(parts.query))
    for variant in [{}, *case["variants"]]:
        path = f"{parts.path}?{urlencode(asked | variant)}"
        assert is_refused_here(server, signed_in(server, member), path), variant
        with server.stores_nothing():
            answer = server.call("GET", path)
        assert (answer.status_code, answer.json) == refusal(400, UNKNOWN_CLIENT)


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "username": "bob", "password": PASSWORD},
        {"grant_type": "implicit"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"},
        {"grant_type": "client_credentials"},
        {"grant_type": 'x"\\é'},
        {},
    ],
)
def test_there_are_no_other_ways_to_a_token(server: Server, member: Person, form: dict[str, str]) -> None:
    app = App(server)
    with server.stores_nothing():
        answer = app.ask("token", **form)

    assert answer.status_code in {400, 401}
    assert answer.json["error"] in {"unsupported_grant_type", "invalid_client", "unauthorized_client"}


@pytest.mark.parametrize("scope", ["read write admin", "account:read instance:modify", "admin", "ACCOUNT:READ"])
def test_tok_13_a_refreshed_token_is_never_wider(server: Server, member: Person, scope: str) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))
    with server.stores_nothing():
        answer = app.refresh(tokens["refresh_token"], scope=scope)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
    assert app.refresh(tokens["refresh_token"]).json["scope"] == app.scope


def test_tok_13_as_it_is_listed(server: Server, member: Person) -> None:
    case = listed("TOK-13")
    app = App(server)
    tokens = app.tokens(signed_in(server, member))
    body = case["body"].replace("{{R1}}", tokens["refresh_token"])
    for form in (body, f"{body}&client_id={app.id}"):
        with server.stores_nothing():
            answer = server.call(case["method"], case["path"], data=form, headers=case["headers"])
        assert answer.status_code in case["expected_status"]


def test_a_secret_in_an_address_is_not_read(server: Server, member: Person) -> None:
    app = App(server)
    tokens = app.tokens(signed_in(server, member))
    query = urlencode({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": app.id})
    with server.stores_nothing():
        assert server.call("POST", f"{BASE}/token?{query}").status_code == 400


def test_an_address_answers_for_nobody(server: Server, member: Person) -> None:
    """A client writes the address of the question, and would write the answer there, too."""
    app = App(server)
    browser = signed_in(server, member)
    path = f"{app.url()}&decision=allow"
    with server.stores_nothing():
        assert browser.get(path).status_code == 200
        refused = browser.submit(path, decision="deny")
        unsaid = browser.submit(path)
    page = browser.page(path)
    with server.stores_nothing():
        forged = browser.post(f"{path}&form_token={page.forms[0]['form_token']}", {"decision": "allow"})

    assert [told(answer)["error"] for answer in (refused, unsaid)] == ["access_denied"] * 2
    assert forged.status_code == 403


def test_nobody_is_signed_in_by_an_address(server: Server, member: Person) -> None:
    typed = {"email": member.username, "password": PASSWORD}
    browser = Browser(server)
    form = browser.page("/auth/login").forms[0]
    with server.stores_nothing():
        assert browser.post(f"/auth/login?{urlencode(typed)}", form).status_code == 401
        assert server.call("POST", f"/auth/login?{urlencode(typed)}", json={}).status_code == 401


@contextmanager
def logging_at(level: str) -> Iterator[None]:
    """As a process in service logs, but to pytest."""
    root, library = logging.getLogger(), logging.getLogger("authlib")
    handlers, levels = root.handlers[:], (root.level, library.level)
    configure_logging(level)
    root.handlers[:] = handlers
    try:
        yield
    finally:
        for logger, before in zip((root, library), levels, strict=True):
            logger.setLevel(before)
        structlog.reset_defaults()


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_token_is_logged(server: Server, member: Person, level: str, caplog: pytest.LogCaptureFixture) -> None:
    app = App(server, token_endpoint_auth_method="client_secret_basic")
    with logging_at(level):
        code = app.code(signed_in(server, member))
        tokens = app.exchange(code).json
        refreshed = app.refresh(tokens["refresh_token"]).json
        app.ask("revoke", token=refreshed["refresh_token"])

    secrets = [code, app.registered["client_secret"], app.verifier]
    secrets += [pair[kind] for pair in (tokens, refreshed) for kind in ("access_token", "refresh_token")]
    assert not [secret for secret in secrets if secret in caplog.text]
