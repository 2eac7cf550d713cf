"""A strict client of somebody else's, oauth4webapi, goes through every flow against a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from tests.facades.oauth.flows import Page

from .client import ChatClient
from .conftest import PASSWORD
from .fedify_peer import NodeUnavailableError, install_package
from .shoal import ShoalServer
from .tls import CertificateAuthority

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PACKAGE = Path(__file__).parent / "oauth_client"


class FormFiller:
    """Somebody who fills in the forms of pages, without JavaScript."""

    def __init__(self, origin: str, ca_file: Path) -> None:
        self._origin = origin
        self._http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, timeout=30)
        self._cookie = ""

    def close(self) -> None:
        self._http.clear()

    def ask(self, method: str, path: str, form: Mapping[str, Any] | None = None) -> urllib3.BaseHTTPResponse:
        answer = self._http.request(
            method,
            self._origin + path.removeprefix(self._origin),
            headers={"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"},
            body=None if form is None else urlencode(form, doseq=True),
        )
        if cookie := answer.headers.get("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        return answer

    def submit(self, path: str, number: int = 0, **typed: Any) -> urllib3.BaseHTTPResponse:
        page = Page(self.ask("GET", path).data.decode())
        return self.ask("POST", page.actions[number], page.forms[number] | typed)

    def make_bot(self, scope: str) -> dict[str, str]:
        page = Page(self.ask("GET", "/auth/account").data.decode())
        number = page.actions.index("/auth/account/bots")
        made = self.ask("POST", page.actions[number], page.forms[number] | {"name": "Echo", "scope": scope})
        client_id, secret = re.findall(r"<dd><code>([^<]+)</code>", made.data.decode())[:2]
        return {"client_id": client_id, "client_secret": secret}


@pytest.fixture
def person(server_a: ShoalServer, alice: ChatClient, authority: CertificateAuthority) -> Iterator[FormFiller]:
    filler = FormFiller(server_a.origin, authority.pem)
    filler.submit("/auth/login", email=alice.session.username, password=PASSWORD)
    yield filler
    filler.close()


def test_a_strict_client_completes_every_flow(
    server_a: ShoalServer, person: FormFiller, authority: CertificateAuthority
) -> None:
    try:
        install_package(PACKAGE)
    except NodeUnavailableError as error:
        pytest.skip(str(error))
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "ISSUER": server_a.origin,
        "NODE_EXTRA_CA_CERTS": str(authority.pem),
    }
    with subprocess.Popen(
        ["node", PACKAGE / "client.mjs"], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        try:
            told = _accompany(client, person)
        finally:
            client.kill()

    assert told == {
        "code": "alice",
        "refreshed": "alice",
        "rotated": True,
        "active": True,
        "activeAfterwards": False,
        "refusedAfterwards": True,
        "pending": "authorization_pending",
        "device": "alice",
        "bot": "alice",
    }


def _accompany(client: subprocess.Popen[str], person: FormFiller) -> dict[str, Any]:
    """Do what the client asks a person for, until it tells what came of it."""
    assert client.stdin is not None
    assert client.stdout is not None
    for line in client.stdout:
        asked = json.loads(line)
        match asked:
            case {"told": told}:
                return dict(told)
            case {"visit": url}:
                answer: Any = {"sentTo": person.submit(url, decision="allow").headers["Location"]}
            case {"type": user_code, "at": url}:
                answer = {"status": person.submit(url, user_code=user_code, decision="allow").status}
            case {"bot": scope}:
                answer = person.make_bot(scope)
        client.stdin.write(json.dumps(answer) + "\n")
        client.stdin.flush()
    raise AssertionError("the client ended before it told anything")
