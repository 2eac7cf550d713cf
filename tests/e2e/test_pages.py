"""The pages in a real Chromium, with JavaScript and without."""

from __future__ import annotations

import base64
import hashlib
import http.server
import secrets
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from playwright.sync_api import Error, Page, expect, sync_playwright

from .client import ChatClient
from .serving import InThread
from .shoal import ShoalServer
from .tls import CertificateAuthority

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

WORD = "correct horse battery staple"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class App(InThread):
    """A client on this machine: it keeps what a browser is sent back to it with."""

    def __init__(self) -> None:
        app = self
        self.told: dict[str, list[str]] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/cb"):
                    app.told = parse_qs(urlsplit(self.path).query)
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"Back")

            def log_message(self, *_: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def redirect(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/cb"


@pytest.fixture
def app() -> Iterator[App]:
    with App() as app:
        yield app


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: pytest.FixtureRequest, server_a: ShoalServer) -> Iterator[Page]:
    """A new browser on server A; it fails the test where the policy of a page was broken."""
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip("no Chromium on PATH")
    said: list[str] = []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"Chromium does not start: {error}")
        context = browser.new_context(
            base_url=server_a.origin, ignore_https_errors=True, java_script_enabled=request.param
        )
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        yield page
        browser.close()
    assert [text for text in said if "Content Security Policy" in text] == []


def register(server: ShoalServer, authority: CertificateAuthority, redirect: str) -> str:
    with urllib3.PoolManager(ca_certs=str(authority.pem)) as http:
        metadata = {
            "client_name": "Gills",
            "redirect_uris": [redirect],
            "token_endpoint_auth_method": "none",
            "scope": "account:read message:read",
        }
        answer: Any = http.request("POST", f"{server.origin}/auth/oauth2/register", json=metadata).json()
    return str(answer["client_id"])


def question(client_id: str, redirect: str) -> str:
    digest = hashlib.sha256(secrets.token_bytes(32)).digest()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect,
        "scope": "message:read",
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"/auth/oauth2/authorize?{urlencode(asked)}"


def test_somebody_signs_up_connects_an_app_and_takes_it_back(
    page: Page, server_a: ShoalServer, alice: ChatClient, authority: CertificateAuthority, app: App, unique: str
) -> None:
    asked = question(register(server_a, authority, app.redirect), app.redirect)

    page.goto(asked)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_role("link", name="Sign up instead").click()
    page.get_by_label("User name").fill(alice.session.username)
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign up").click()
    name = page.get_by_label("User name")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(
        "1 to 32 letters, digits, dots, hyphens and underscores. Everybody sees it. "
        "username already exists. Please change it and try again later"
    )

    name.fill(f"carol_{unique}")
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Allow Gills?")
    expect(page.get_by_role("main")).to_contain_text("Read your messages, direct ones too")
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{app.redirect}**")
    assert app.told["iss"] == [server_a.origin]
    assert app.told["code"][0]

    page.goto("/auth/account")
    page.get_by_role("button", name="Revoke Gills").click()
    expect(page.get_by_role("main")).to_contain_text("No app may act for you.")

    page.goto("/auth/logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto("/auth/account")
    page.get_by_label("User name or e-mail address").fill(f"carol_{unique}")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def test_who_refuses_has_refused_whatever_the_address_says(
    page: Page, server_a: ShoalServer, alice: ChatClient, authority: CertificateAuthority, app: App
) -> None:
    page.goto(f"{question(register(server_a, authority, app.redirect), app.redirect)}&decision=allow")
    page.get_by_label("User name or e-mail address").fill(alice.session.username)
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Allow Gills?")
    page.get_by_role("button", name="Refuse").click()
    page.wait_for_url(f"{app.redirect}**")

    assert app.told["error"] == ["access_denied"]
    assert "code" not in app.told


def test_the_style_is_there_and_the_keyboard_reaches_the_content(page: Page, server_a: ShoalServer) -> None:
    page.goto("/auth/login")
    width = page.get_by_label("Password").bounding_box()
    assert width is not None
    assert width["width"] > 300  # As wide as the form: the stylesheet was not refused.
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_a_device_is_connected_by_typing_its_code(
    page: Page, server_a: ShoalServer, alice: ChatClient, authority: CertificateAuthority
) -> None:
    with urllib3.PoolManager(ca_certs=str(authority.pem)) as http:
        metadata = {
            "client_name": "Lamp",
            "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
            "response_types": [],
            "token_endpoint_auth_method": "none",
            "scope": "account:read",
        }
        base = f"{server_a.origin}/auth/oauth2"
        client_id = http.request("POST", f"{base}/register", json=metadata).json()["client_id"]
        form = {"client_id": client_id, "scope": "account:read"}
        asked = http.request("POST", f"{base}/device_authorization", body=urlencode(form), headers={
            "Content-Type": "application/x-www-form-urlencoded"}).json()  # fmt: skip

    page.goto(asked["verification_uri_complete"])
    page.get_by_label("User name or e-mail address").fill(alice.session.username)
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code")).to_have_value(asked["user_code"])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Allow Lamp?")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The device is connected")
