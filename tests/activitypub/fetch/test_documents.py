"""A document is believed only where its id says it stands."""

from typing import Any

import pytest

from activitypub.errors import (
    FetchError,
    GoneError,
    MalformedDocumentError,
    NotFoundRemoteError,
    OriginError,
    RemoteStatusError,
)
from activitypub.fetch import FetchBudget
from tests.activitypub.conftest import World
from tests.activitypub.peer import document, http, redirect


def note(id: str) -> dict[str, object]:
    return {"id": id, "type": "Note", "content": "hi"}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/activity+json",
        "application/activity+json; charset=utf-8",
        "Application/Activity+JSON",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        'application/ld+json; charset=utf-8; profile="https://x.test/ https://www.w3.org/ns/activitystreams"',
        "application/LD+json;Profile=https://www.w3.org/ns/activitystreams;charset=utf-8",
    ],
)
def test_document_under_its_own_id_is_returned(world: World, content_type: str) -> None:
    uri = world.url("/n/1")
    world.good.routes["/n/1"] = document(note(uri), content_type=content_type)

    found = world.client.get_document(uri, headers=lambda url: {"Signature": f"for {url}"})

    assert (found.json, found.uri, found.url) == (note(uri), uri, uri)
    [request] = world.good.requests
    assert "application/activity+json" in request.headers["accept"]
    assert 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"' in request.headers["accept"]
    assert request.headers["signature"] == f"for {uri}"


def test_key_with_a_fragment_leads_to_the_document_around_it(world: World) -> None:
    actor = world.url("/u/alice")
    world.good.routes["/u/alice"] = document({"id": actor, "type": "Person"})

    assert world.client.get_document(f"{actor}#main-key").uri == actor


def test_document_may_name_itself_with_a_fragment(world: World) -> None:
    key = world.url("/u/alice#main-key")
    world.good.routes["/u/alice"] = document({"id": key, "type": "Key"})

    assert world.client.get_document(key).uri == key
    assert len(world.good.requests) == 1


def test_stub_under_another_path_is_asked_for_again_under_its_id(world: World) -> None:
    actor, key = world.url("/u/alice"), world.url("/u/alice/main-key")
    world.good.routes["/u/alice/main-key"] = document({"id": actor, "type": "Person"})
    world.good.routes["/u/alice"] = document({"id": actor, "type": "Person", "name": "whole"})

    found = world.client.get_document(key)

    assert (found.uri, found.json["name"]) == (actor, "whole")


def test_document_whose_id_is_elsewhere_is_fetched_from_there(world: World) -> None:
    real, forged = world.url("/n/3"), world.url("/x", host="evil.test")
    world.evil.routes["/x"] = document({**note(real), "content": "forged", "url": forged})
    world.good.routes["/n/3"] = document(note(real))

    found = world.client.get_document(forged)

    assert (found.uri, found.json["content"]) == (real, "hi")


def test_document_whose_id_is_elsewhere_and_unknown_there_is_not_found(world: World) -> None:
    world.evil.routes["/x"] = document(note(world.url("/n/3")))

    with pytest.raises(NotFoundRemoteError):
        world.client.get_document(world.url("/x", host="evil.test"))


def test_open_redirect_does_not_lend_its_host(world: World) -> None:
    claimed = world.url("/redir?to=evil")
    world.good.routes["/redir?to=evil"] = redirect(world.url("/n", host="evil.test"))
    world.evil.routes["/n"] = document(note(claimed))

    with pytest.raises(OriginError):
        world.client.get_document(claimed)


def test_id_that_redirects_away_is_not_believed_on_the_second_asking_either(world: World) -> None:
    claimed = world.url("/redir")
    world.good.routes["/redir"] = redirect(world.url("/n", host="evil.test"))
    world.evil.routes["/n"] = document(note(claimed))

    with pytest.raises(OriginError):
        world.client.get_document(world.url("/n", host="evil.test"))


def test_redirect_to_where_the_document_really_stands_is_followed(world: World) -> None:
    moved = world.url("/n/1", host="evil.test")
    world.good.routes["/n/1"] = redirect(moved)
    world.evil.routes["/n/1"] = document(note(moved))

    found = world.client.get_document(world.url("/n/1"))

    assert (found.uri, found.url) == (moved, moved)
    assert world.evil.targets == ["/n/1"]


def test_ids_that_lead_from_one_to_the_next_are_given_up(world: World) -> None:
    for number in range(9):
        world.good.routes[f"/{number}"] = document(note(world.url(f"/{number + 1}")))

    with pytest.raises(OriginError):
        world.client.get_document(world.url("/0"))

    assert world.good.targets == ["/0", "/1"]


def test_second_asking_counts_against_the_budget(world: World) -> None:
    world.good.routes["/0"] = document(note(world.url("/1")))

    with pytest.raises(FetchError, match="too many requests"):
        world.client.get_document(world.url("/0"), budget=FetchBudget(limit=1))


@pytest.mark.parametrize(
    "id",
    [None, 7, "", [], {"id": "x"}, "/n/1", "http://good.test/n/1", "https://GOOD.test/n/1", "https://good.test:443/"],
)
def test_document_without_a_canonical_id_is_malformed(world: World, id: Any) -> None:
    world.good.routes["/n/1"] = document({"id": id, "type": "Note"})

    with pytest.raises(MalformedDocumentError):
        world.client.get_document(world.url("/n/1"))


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"id":"a","id":"b"}', b"[" * 100_000])
def test_body_that_is_not_strict_json_is_malformed(world: World, body: bytes) -> None:
    world.good.routes["/n/1"] = http(body=body, content_type="application/activity+json")

    with pytest.raises(MalformedDocumentError):
        world.client.get_document(world.url("/n/1"))


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/html", "application/json", "", "text/plain; application/ld+json"),
        # As servers send what people uploaded under the name of `x.jsonld`.
        *("application/ld+json", "application/ld+json; charset=utf-8", "application/ld+json; profile="),
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams#x"',
        'application/ld+json; title="; profile=https://www.w3.org/ns/activitystreams"',
    ],
)
def test_other_media_types_are_refused_unread(world: World, content_type: str) -> None:
    world.good.routes["/n/1"] = http(body=b"<a " + b"href=" * 50_000, content_type=content_type)

    with pytest.raises(FetchError, match="is '") as refused:
        world.client.get_document(world.url("/n/1"))

    assert refused.value.permanent


@pytest.mark.parametrize(
    ("status", "error", "permanent"),
    [
        (404, NotFoundRemoteError, True),
        (410, GoneError, True),
        (301, RemoteStatusError, True),
        (400, RemoteStatusError, True),
        (401, RemoteStatusError, True),
        (403, RemoteStatusError, True),
        (408, RemoteStatusError, False),
        (425, RemoteStatusError, False),
        (429, RemoteStatusError, False),
        (500, RemoteStatusError, False),
        (503, RemoteStatusError, False),
    ],
)
def test_status_says_whether_asking_again_can_help(
    world: World, status: int, error: type[RemoteStatusError], permanent: bool
) -> None:
    world.good.routes["/n/1"] = http(status)

    with pytest.raises(error) as failed:
        world.client.get_document(world.url("/n/1"))

    assert failed.value.permanent is permanent
    assert failed.value.status_code == status


def test_failure_is_told_by_its_status_though_its_page_is_compressed(world: World) -> None:
    world.good.routes["/n/1"] = http(503, b"\x1f\x8b", extra={"Content-Encoding": "gzip"})

    with pytest.raises(RemoteStatusError) as failed:
        world.client.get_document(world.url("/n/1"))

    assert failed.value.status_code == 503
