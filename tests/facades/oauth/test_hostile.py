"""The hostile cases of OAuth, TOK-11 and TOK-13, and more of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.oauth.flows import BASE, REDIRECT, App, Browser, signed_in

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


def test_tok_11_as_it_is_listed(server: Server, member: Person) -> None:
    case = listed("TOK-11")
    app = App(server)
    parts = urlsplit(case["path"].replace("{{client}}", app.id))
    asked = dict(parse_qsl(parts.query))
    for variant in [{}, *case["variants"]]:
        path = f"{parts.path}?{urlencode(asked | variant)}"
        assert is_refused_here(server, signed_in(server, member), path), variant
        with server.stores_nothing():
            told = server.call("GET", path)
        assert (told.status_code, set(told.json)) == (400, {"detail"})


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
