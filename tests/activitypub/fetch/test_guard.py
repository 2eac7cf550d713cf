"""What the client never connects to, whoever asks and however it is spelled."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from activitypub.errors import BlockedAddressError, FetchError
from activitypub.fetch import GuardedClient, Headers, Reason, Response, UnreachableError
from activitypub.fetch.exchange import Request
from tests.activitypub.conftest import EVIL_ADDRESS, FORBIDDEN_ADDRESS, GOOD_ADDRESS, World
from tests.activitypub.peer import http, redirect
from tests.corpus import corpus

pytestmark = pytest.mark.usefixtures("trap")

LITERALS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1%25eth0]",
    "localhost",
    "localhost.",
    "x.localhost",
    "abc.onion",
]

NAMES_LEADING_INSIDE = ["foo.local", "x.internal", "metadata.google.internal", "evil-dns.test"]


@pytest.mark.parametrize("host", LITERALS)
def test_address_or_special_name_is_refused_without_a_lookup(world: World, host: str) -> None:
    with pytest.raises(BlockedAddressError):
        world.client.get(world.url("/u", host=host))

    assert world.dns.asked == []


@pytest.mark.parametrize("host", NAMES_LEADING_INSIDE)
def test_name_of_a_denied_address_is_refused(world: World, host: str) -> None:
    world.dns.answers[host] = [[FORBIDDEN_ADDRESS, "169.254.169.254", "::ffff:127.0.0.1"]]

    with pytest.raises(BlockedAddressError) as refused:
        world.client.get(world.url("/u", host=host))

    assert refused.value.permanent


def test_denied_answers_are_skipped_where_another_is_permitted(world: World) -> None:
    world.dns.answers["good.test"] = [[FORBIDDEN_ADDRESS, "::1", GOOD_ADDRESS]]
    world.good.routes["/"] = http(body=b"hello")

    assert world.client.get(world.url("/")).body == b"hello"


def test_second_answer_of_a_rebinding_name_is_never_asked_for(world: World) -> None:
    world.dns.answers["good.test"] = [[GOOD_ADDRESS], [FORBIDDEN_ADDRESS]]
    world.good.routes["/"] = http(body=b"hello")

    assert world.client.get(world.url("/")).body == b"hello"

    assert world.dns.asked == ["good.test"]
    assert world.good.accepted == 1


def test_rebound_name_is_checked_again_for_a_new_connection(world: World) -> None:
    world.dns.answers["good.test"] = [[GOOD_ADDRESS], [FORBIDDEN_ADDRESS]]
    world.good.routes["/"] = http(body=b"hello", extra={"Connection": "close"})
    world.client.get(world.url("/"))

    with pytest.raises(BlockedAddressError):
        world.client.get(world.url("/"))


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://good.test/",
        "https://127.0.0.1:{port}/",
        "https://inside.test:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:application/activity+json,{{}}",
        "//10.0.0.1/",
        "///good.test/",
        "/\t//good.test/",
        "\\\\good.test/",
        "//127.0.0.1:{port}/",
        "https://good.test:22/",
        "https://[::1/",
        "https://good.test@127.0.0.1:{port}/",
    ],
)
def test_redirect_to_what_may_not_be_asked_is_not_followed(world: World, location: str) -> None:
    world.dns.answers["inside.test"] = [[FORBIDDEN_ADDRESS]]
    world.evil.routes["/r"] = redirect(location.format(port=world.port))

    with pytest.raises(BlockedAddressError) as refused:
        world.client.get(world.url("/r", host="evil.test"))

    assert refused.value.permanent
    assert world.good.accepted == 0


@pytest.mark.parametrize("port", [0, 22, 25, 80, 5432, 6379, 65536])
def test_port_that_was_not_opened_is_refused_without_a_lookup(world: World, port: int) -> None:
    with pytest.raises(BlockedAddressError):
        world.client.get(f"https://good.test:{port}/u")

    assert world.dns.asked == []


def test_post_is_guarded_like_get(world: World) -> None:
    world.dns.answers["inside.test"] = [[FORBIDDEN_ADDRESS]]

    for url in [world.url("/inbox", host="inside.test"), "http://good.test/inbox", "https://good.test:25/"]:
        with pytest.raises(BlockedAddressError):
            world.client.post(url, body=b"{}", headers={})


def test_unknown_name_is_a_temporary_failure_that_says_so(world: World) -> None:
    with pytest.raises(UnreachableError) as failed:
        world.client.get(world.url("/", host="nowhere.test"))

    assert failed.value.reason is Reason.NO_SUCH_HOST
    assert not failed.value.permanent


def test_refused_connection_is_a_temporary_failure_that_says_so(world: World) -> None:
    world.dns.answers["nobody.test"] = [["127.0.0.11", "127.0.0.12"]]

    with pytest.raises(UnreachableError) as failed:
        world.client.get(world.url("/", host="nobody.test"))

    assert failed.value.reason is Reason.CONNECT
    assert not failed.value.permanent


def test_next_address_is_tried_when_the_first_refuses(world: World) -> None:
    world.dns.answers["good.test"] = [["127.0.0.11", GOOD_ADDRESS]]
    world.good.routes["/"] = http(body=b"hello")

    assert world.client.get(world.url("/")).body == b"hello"


def test_proxies_of_the_environment_are_ignored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"]:
        monkeypatch.setenv(name, f"http://{EVIL_ADDRESS}:{world.port}")
    world.good.routes["/"] = http(body=b"hello")

    assert world.client.get(world.url("/")).body == b"hello"
    assert world.evil.accepted == 0


def scheme(url: str) -> str:
    return url.partition(":")[0]


class TestSsrfCorpus:
    """Every payload of the corpus, with a resolver that answers with addresses inside."""

    def payloads(self) -> list[dict[str, str]]:
        payloads: list[dict[str, str]] = json.loads((corpus("ssrf-urls") / "payload-urls.json").read_text())
        return payloads

    def test_no_payload_opens_a_socket(self, client_of_inside: GuardedClient, monkeypatch: pytest.MonkeyPatch) -> None:
        connected: list[object] = []
        monkeypatch.setattr(socket.socket, "connect", lambda _, address: connected.append(address))

        for payload in self.payloads():
            for url in {payload["url"], payload["url"].replace("http://", "https://", 1)}:
                with pytest.raises(BlockedAddressError):
                    client_of_inside.get(url)
                with pytest.raises(BlockedAddressError):
                    client_of_inside.post(url, body=b"", headers={})

        assert connected == []

    def test_redirector_is_not_followed_inside(self, world: World) -> None:
        for payload in self.payloads():
            if payload["klass"] != "redirector":
                continue
            path = payload["url"].split("localdomain.pw", 1)[1]
            world.evil.routes[path] = redirect("http://169.254.169.254/")

            with pytest.raises(FetchError):
                world.client.get(world.url(path, host="evil.test"))

    def test_redirect_leads_where_a_browser_would_go_or_nowhere(
        self, client_of_inside: GuardedClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The relative URLs of web-platform-tests, each as the Location of an answer from its base."""
        followed = 0
        for case in self.relative_cases():
            asked: list[Request] = []

            def answer(request: Request, *_: object, asked: list[Request] = asked, to: str = case["input"]) -> Response:
                asked.append(request)
                headers = Headers([("location", to)] if len(asked) == 1 else [])
                return Response(200 if len(asked) > 1 else 302, headers, b"", str(request.uri))

            monkeypatch.setattr(client_of_inside, "_send", answer)
            with suppress(FetchError):
                client_of_inside.get(case["base"])
            assert len(asked) <= (1 if case.get("failure") else 2), case["input"]
            if len(asked) == 2:
                assert asked[1].uri.host == case["hostname"], case["input"]
                followed += 1

        assert followed > 20

    def relative_cases(self) -> list[dict[str, Any]]:
        """Those whose base is a place that could be asked, with https in place of http.

        Left out is what has another scheme than its base, because then the two would no longer differ.
        """
        cases = json.loads((corpus("ssrf-urls") / "wpt-urltestdata.json").read_text())
        secured = [
            case | {name: case[name].replace("http:", "https:", 1) for name in ("input", "base")}
            for case in cases
            if (case["base"] or "").startswith(("http://", "https://"))
            and not (case["input"].startswith(("http:", "https:")) and scheme(case["input"]) != scheme(case["base"]))
        ]
        return [case for case in secured if "." in case["base"]]


def test_host_that_is_refused_is_not_even_looked_up(world: World, make_client: Callable[..., GuardedClient]) -> None:
    world.good.routes["/r"] = redirect(world.url("/n", host="evil.test"))
    client = make_client(ports={world.port}, resolver=world.dns, refused={"evil.test"})

    with pytest.raises(BlockedAddressError, match="refused"):
        client.get(world.url("/n", host="evil.test"))
    with pytest.raises(BlockedAddressError, match="refused"):
        client.post(world.url("/inbox", host="evil.test"), body=b"{}", headers={})
    with pytest.raises(BlockedAddressError, match="refused"):
        client.get(world.url("/r"))

    assert set(world.dns.asked) == {"good.test"}
    assert world.evil.requests == []
