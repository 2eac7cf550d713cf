"""What the client sends, how it follows redirects, and what a delivery may cause."""

from collections.abc import Mapping

import pytest

from activitypub.errors import FetchError
from activitypub.fetch import FetchBudget
from tests.activitypub.conftest import World
from tests.activitypub.peer import http, redirect


def sign(url: str) -> Mapping[str, str]:
    return {"Signature": f"for {url}"}


def test_get_carries_what_was_given_and_nothing_that_tracks(world: World) -> None:
    world.good.routes["/a?b=%C3%BC"] = http(body=b"hello", extra={"Set-Cookie": "a=b", "X-Two": "1"})

    response = world.client.get(world.url("/a?b=%C3%BC"), headers={"Accept": "text/plain"})
    world.client.get(world.url("/a?b=%C3%BC"))

    assert (response.status, response.body, response.url) == (200, b"hello", world.url("/a?b=%C3%BC"))
    assert response.headers["x-TWO"] == "1"
    first, second = world.good.requests
    assert first.headers == {
        "host": f"good.test:{world.port}",
        "user-agent": "Shoal-test",
        "accept-encoding": "identity",
        "accept": "text/plain",
    }
    assert "cookie" not in second.headers


def test_repeated_header_is_joined(world: World) -> None:
    world.good.routes["/"] = b"HTTP/1.1 200 OK\r\nLink: a\r\nContent-Length: 0\r\nlink: b\r\n\r\n"

    assert world.client.get(world.url("/")).headers["Link"] == "a, b"


def test_fragment_and_letters_of_any_script_are_put_on_the_wire_rightly(world: World) -> None:
    world.good.routes["/%C3%BCn%C3%AF"] = http(body=b"hello")

    assert world.client.get(world.url("/ünï#main-key")).body == b"hello"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_each_hop_of_a_redirect_is_signed_for_itself(world: World, status: int) -> None:
    end = world.url("/end", host="evil.test")
    world.good.routes["/start"] = redirect("/middle", status)
    world.good.routes["/middle"] = redirect(end, status)
    world.evil.routes["/end"] = http(body=b"hello")

    response = world.client.get(world.url("/start"), headers=sign)

    assert (response.body, response.url) == (b"hello", end)
    signatures = [request.headers["signature"] for request in world.good.requests + world.evil.requests]
    assert signatures == [f"for {url}" for url in (world.url("/start"), world.url("/middle"), end)]


def test_third_redirect_is_followed_and_a_fourth_is_not(world: World) -> None:
    for hop in range(4):
        world.good.routes[f"/{hop}"] = redirect(f"/{hop + 1}")
    world.good.routes["/4"] = http(body=b"hello")

    assert world.client.get(world.url("/1")).body == b"hello"
    with pytest.raises(FetchError, match="redirects too often") as refused:
        world.client.get(world.url("/0"))

    assert refused.value.permanent
    assert len(world.good.requests) == 4 + 4


@pytest.mark.parametrize(("path", "requests"), [("/self", 1), ("/a", 2)], ids=["to itself", "there and back"])
def test_no_url_is_asked_twice(world: World, path: str, requests: int) -> None:
    world.good.routes.update({"/self": redirect("/self#x"), "/a": redirect("/b"), "/b": redirect("/a")})

    with pytest.raises(FetchError, match="in a circle"):
        world.client.get(world.url(path))

    assert len(world.good.requests) == requests


def test_redirect_without_a_location_is_the_answer(world: World) -> None:
    world.good.routes["/"] = http(302)

    assert world.client.get(world.url("/")).status == 302


def test_budget_counts_every_hop(world: World) -> None:
    world.good.routes["/0"] = redirect("/1")
    world.good.routes["/1"] = http(body=b"hello")
    budget = FetchBudget(limit=3)

    world.client.get(world.url("/0"), budget=budget)
    with pytest.raises(FetchError, match="too many requests") as refused:
        world.client.get(world.url("/0"), budget=budget)

    assert refused.value.permanent
    assert world.good.targets == ["/0", "/1", "/0"]


class TestPost:
    def test_sends_the_body_and_returns_the_answer(self, world: World) -> None:
        world.good.routes["/inbox"] = http(202, b"thanks", extra={"Retry-After": "5"})

        response = world.client.post(
            world.url("/inbox"), body=b'{"a":1}', headers={"Content-Type": "application/activity+json"}
        )

        assert (response.status, response.body, response.headers["Retry-After"]) == (202, b"thanks", "5")
        [request] = world.good.requests
        assert (request.method, request.body) == ("POST", b'{"a":1}')
        assert request.headers["content-type"] == "application/activity+json"

    @pytest.mark.parametrize("status", [204, 400, 401, 404, 410, 429, 500, 503])
    def test_any_status_is_an_answer(self, world: World, status: int) -> None:
        world.good.routes["/inbox"] = http(status)

        assert world.client.post(world.url("/inbox"), body=b"{}", headers={}).status == status

    @pytest.mark.parametrize("status", [307, 308])
    def test_repeats_itself_within_the_origin_signed_anew(self, world: World, status: int) -> None:
        world.good.routes["/inbox"] = redirect("/new-inbox", status)
        world.good.routes["/new-inbox"] = http(202)

        assert world.client.post(world.url("/inbox"), body=b"{}", headers=sign).status == 202

        assert [(request.method, request.body) for request in world.good.requests] == [("POST", b"{}")] * 2
        assert world.good.requests[1].headers["signature"] == f"for {world.url('/new-inbox')}"

    def test_repeats_itself_only_once(self, world: World) -> None:
        world.good.routes["/inbox"] = redirect("/b", 307)
        world.good.routes["/b"] = redirect("/c", 307)

        assert world.client.post(world.url("/inbox"), body=b"{}", headers={}).status == 307
        assert world.good.targets == ["/inbox", "/b"]

    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_does_not_follow_a_redirect_that_would_become_a_get(self, world: World, status: int) -> None:
        world.good.routes["/inbox"] = redirect("/b", status)

        assert world.client.post(world.url("/inbox"), body=b"{}", headers={}).status == status
        assert world.good.targets == ["/inbox"]

    @pytest.mark.parametrize(
        "location", ["https://evil.test:{port}/inbox", "http://good.test/", "https://good.test/inbox", "file:///x"]
    )
    def test_does_not_follow_a_redirect_out_of_the_origin(self, world: World, location: str) -> None:
        world.good.routes["/inbox"] = redirect(location.format(port=world.port), 307)

        assert world.client.post(world.url("/inbox"), body=b"{}", headers={}).status == 307
        assert world.evil.accepted == 0


def test_what_is_signed_of_other_scripts_is_what_is_asked(world: World) -> None:
    world.good.routes["/u/jos%C3%A9?q=%E0%A4%B9%E0%A4%BF"] = http(body=b"hello")

    response = world.client.get(world.url("/u/josé?q=हि#key"), headers=sign)

    assert response.url == world.url("/u/josé?q=हि")
    [request] = world.good.requests
    assert request.headers["signature"] == "for " + world.url("/u/jos%C3%A9?q=%E0%A4%B9%E0%A4%BF")
