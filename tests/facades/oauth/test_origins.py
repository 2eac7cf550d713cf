"""Pages of other sites: what they read of ours, and what a cookie shows is nothing of it."""

from __future__ import annotations

import pytest

from tests.databases import ON_SQLITE
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.oauth.flows import signed_in
from tests.facades.oauth.test_pages import ACCOUNT


def test_a_cookie_of_one_origin_is_never_told_to_another(server: Server, member: Person) -> None:
    answer = signed_in(server, member).client.get(ACCOUNT, base_url=ORIGIN, headers={"Origin": "https://evil.test"})

    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/client/connect",
        "/auth/login",
        "/auth/account",
        "/auth/device",
        "/auth/oauth2/authorize?x=1",
        "/auth/oauth2/authorize/?x=1",
    ],
)
@ON_SQLITE
def test_no_other_site_reads_what_a_cookie_shows(server: Server, member: Person, path: str) -> None:
    """Nor may it ask the authorization endpoint at all (RFC 9700, section 2.6)."""
    client = signed_in(server, member).client
    foreign = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    for answer in (
        client.get(path, base_url=ORIGIN, headers=foreign),
        client.options(path, base_url=ORIGIN, headers=foreign),
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/auth/oauth2/token", "/auth/oauth2/register", "/.well-known/oauth-authorization-server"]
)
def test_a_client_in_a_browser_reads_its_answers(server: Server, path: str) -> None:
    answer = server.call("POST", path, headers={"Origin": "https://app.test"})

    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.test"
