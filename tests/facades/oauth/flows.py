"""OAuth as a client and a browser see it, over Flask's test client."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.facades.conftest import ORIGIN, PASSWORD, Person, Server

BASE = "/auth/oauth2"
REDIRECT = "https://app.test/cb"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Page(HTMLParser):
    """What a test needs to know of a page: its forms' fields, and which labels and descriptions lead to them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.forms: list[dict[str, str]] = []
        self.actions: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag == "form":
            self.forms.append({})
            self.actions.append(given["action"])
        elif tag == "input" and given.get("type") != "checkbox":
            self.forms[-1][given["name"]] = given.get("value", "")

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]


class Browser:
    """One with a cookie jar; it fills in the forms of pages."""

    def __init__(self, server: Server) -> None:
        self.client = server.client.application.test_client()

    def get(self, path: str) -> Any:
        return self.client.get(path, base_url=ORIGIN, headers={"Accept": "text/html"}, buffered=True)

    def post(self, path: str, data: Mapping[str, Any]) -> Any:
        headers = {"Accept": "text/html", "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        return self.client.post(path, base_url=ORIGIN, headers=headers, data=data, buffered=True)

    def page(self, path: str) -> Page:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    def submit(self, path: str, number: int = 0, **typed: Any) -> Any:
        """The form of that number on a page, with what was typed into it."""
        page = self.page(path)
        return self.post(page.actions[number], page.forms[number] | typed)

    def sign_in(self, username: str, password: str = PASSWORD) -> None:
        answer = self.submit("/auth/login", email=username, password=password)
        assert answer.status_code == 303, answer.text


class App:
    """A client that registered itself."""

    def __init__(self, server: Server, scope: str = "account:read message:read message:write", **metadata: Any) -> None:
        self.server = server
        given = {
            "client_name": "Gills",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token", DEVICE],
            "token_endpoint_auth_method": "none",
            "scope": scope,
        }
        answer = server.call("POST", f"{BASE}/register", json=given | metadata)
        assert answer.status_code == 201, answer.text
        self.registered: dict[str, Any] = answer.json
        self.id = str(answer.json["client_id"])
        self.scope = scope
        self.verifier = secrets.token_urlsafe(48)

    def question(self, **changed: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": REDIRECT,
            "scope": self.scope,
            "state": "a state",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (asked | changed).items() if value is not None}

    def url(self, **changed: str | None) -> str:
        return f"{BASE}/authorize?{urlencode(self.question(**changed))}"

    def ask(self, path: str, **form: str) -> Any:
        """A request of the client's own, without a cookie."""
        secret = self.registered.get("client_secret")
        basic = f"Basic {base64.b64encode(f'{self.id}:{secret}'.encode()).decode()}"
        who = {} if secret else {"client_id": self.id}
        headers = {"Authorization": basic} if secret else {}
        return self.server.call("POST", f"{BASE}/{path}", data=form | who, headers=headers)

    def code(self, browser: Browser, **changed: str | None) -> str:
        answer = browser.submit(self.url(**changed), decision="allow")
        assert answer.status_code == 303, answer.text
        return told(answer)["code"]

    def exchange(self, code: str, /, **changed: str) -> Any:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        return self.ask("token", **(form | {"code_verifier": self.verifier} | changed))

    def tokens(self, browser: Browser, **changed: str | None) -> dict[str, Any]:
        answer = self.exchange(self.code(browser, **changed))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json
        return tokens

    def refresh(self, token: str, **more: str) -> Any:
        return self.ask("token", grant_type="refresh_token", refresh_token=token, **more)


def told(answer: Any) -> dict[str, str]:
    """What a client is told in the address that somebody is sent back to."""
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed_in(server: Server, person: Person) -> Browser:
    browser = Browser(server)
    browser.sign_in(person.username)
    return browser
