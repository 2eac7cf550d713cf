"""Which form of a document is answered to which Accept header."""

from __future__ import annotations

import json

import pytest
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from activitypub.vocabulary import AS2
from app.facades.federation.negotiation import media_type_for
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import ACTIVITY_JSON, World

PROFILE = 'profile="https://www.w3.org/ns/activitystreams"'
LD_JSON = f"application/ld+json; {PROFILE}"
HTML = "text/html"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MASTODON = f"application/activity+json, {LD_JSON}"


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        (ACTIVITY_JSON, ACTIVITY_JSON),
        ("Application/Activity+JSON", ACTIVITY_JSON),
        (LD_JSON, LD_JSON),
        ("application/ld+json", LD_JSON),  # PieFed's second try.
        ("application/ld+json;profile=https://www.w3.org/ns/activitystreams", LD_JSON),
        (MASTODON, ACTIVITY_JSON),
        (f"{LD_JSON}, {ACTIVITY_JSON}", ACTIVITY_JSON),
        (f"{LD_JSON}, {ACTIVITY_JSON};q=0.9", LD_JSON),
        (f"{MASTODON}, {HTML};q=0.1", ACTIVITY_JSON),
        (f"{LD_JSON}, {HTML};q=0.1", LD_JSON),
        (f"{HTML};q=0.1, {LD_JSON}", LD_JSON),
        (f"{ACTIVITY_JSON}, {HTML}", ACTIVITY_JSON),
        ("application/json", ACTIVITY_JSON),
        ("application/jrd+json, application/json", ACTIVITY_JSON),
        ("*/*", ACTIVITY_JSON),
        ("application/*", ACTIVITY_JSON),
        ("", ACTIVITY_JSON),
        ("nonsense;;q=,", ACTIVITY_JSON),
        ("image/png", ACTIVITY_JSON),
        (f"{HTML};q=0", ACTIVITY_JSON),
        (f"*/*, {HTML};q=0.5", ACTIVITY_JSON),
        (HTML, HTML),
        ("text/html; charset=utf-8", HTML),
        (f"{HTML}, */*", HTML),
        (FIREFOX, HTML),
        (f"{HTML}, {ACTIVITY_JSON};q=0.5", HTML),
    ],
)
def test_every_accept_header_has_an_answer(accept: str, answer: str) -> None:
    assert media_type_for(parse_accept_header(accept, MIMEAccept)) == answer


def test_every_document_comes_in_every_form(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    said = world.say(world.alice, channel, "hello")
    actor = f"/ap/channels/{channel}"
    paths = [actor, *(f"{actor}/{name}" for name in ("outbox", "followers", "following", "featured", "messages"))]
    paths += [f"{actor}/{name}?page=1" for name in ("outbox", "followers", "messages")]
    paths += ["/ap/instance", "/ap/instance/outbox"]
    paths += [f"/ap/messages/{said.found['message_id']}", said.uri.removeprefix(ORIGIN)]

    for path in paths:
        types = {}
        for accept in (ACTIVITY_JSON, "application/ld+json", LD_JSON, MASTODON, "application/json", "*/*", "image/png"):
            answer = world.get(path, accept=accept)
            assert (answer.status_code, json.loads(answer.data)["@context"][0]) == (200, AS2)
            assert {"Accept", "Signature"} <= answer.vary.as_set(preserve_casing=True)
            types[accept] = answer.headers["Content-Type"]
        assert types["application/ld+json"] == types[LD_JSON] == LD_JSON
        assert {types[accept] for accept in (ACTIVITY_JSON, MASTODON, "application/json", "*/*")} == {ACTIVITY_JSON}
        page = world.get(path, accept=FIREFOX)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert {"Accept", "Signature"} <= page.vary.as_set(preserve_casing=True)


def test_no_accept_header_gets_activitypub(world: World) -> None:
    answer = world.server.call("GET", "/ap/instance")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, ACTIVITY_JSON)


def test_a_head_request_is_told_of_the_same_document(world: World) -> None:
    path = f"/ap/users/{world.alice.id}"

    head = world.server.call("HEAD", path, headers={"Accept": ACTIVITY_JSON})

    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary"):
        assert head.headers[name] == world.get(path).headers[name]


def test_a_person_who_follows_a_link_gets_a_page_that_can_run_nothing(world: World) -> None:
    channel = world.channel("<script>alert(1)</script>")

    page = world.get(f"/ap/channels/{channel}", accept=FIREFOX)

    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>" in page.text
    assert f'<link rel="alternate" type="{ACTIVITY_JSON}" href="{ORIGIN}/ap/channels/{channel}">' in page.text


def test_a_tombstone_and_a_refusal_come_in_the_forms_they_can(world: World) -> None:
    channel = world.channel("general")
    world.delete_channel(channel)

    assert world.get(f"/ap/channels/{channel}", accept=LD_JSON).headers["Content-Type"] == LD_JSON
    assert world.get(f"/ap/channels/{channel}", accept=FIREFOX).status_code == 410
    assert world.get("/ap/messages/nothing", accept=FIREFOX).mimetype == "application/json"
