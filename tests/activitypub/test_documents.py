"""Documents of every server's habit, read into the same few values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub.attachments import MAX_ATTACHMENTS, Attachment
from activitypub.documents import (
    MAX_RECIPIENTS,
    MAX_TAGS,
    Activity,
    Mention,
    Note,
    Reference,
    ids_of,
    parse_activity,
    parse_actor,
    parse_note,
    parse_object,
)
from activitypub.errors import MalformedDocumentError
from activitypub.properties import MAX_URI
from activitypub.vocabulary import PUBLIC
from tests.corpus import corpus

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ZOE = "https://pond.example/users/zoe"
NOTE = {"id": f"{ZOE}/1", "type": "Note", "attributedTo": ZOE, "content": "<p>hi</p>"}
CREATE = {"id": f"{ZOE}/2", "type": "Create", "actor": ZOE, "object": NOTE}
ACTOR = {"id": ZOE, "type": "Person", "preferredUsername": "zoe", "inbox": f"{ZOE}/inbox"}


def note(**fields: Any) -> Note:
    return parse_note(NOTE | fields, now=NOW)


# Activities.


def test_activity_is_read_with_the_object_in_it() -> None:
    activity = parse_activity(CREATE | {"to": PUBLIC, "published": "2026-11-25T11:00:00Z"}, now=NOW)

    assert (activity.id, activity.type, activity.actor, activity.object_id) == (f"{ZOE}/2", "Create", ZOE, f"{ZOE}/1")
    assert isinstance(activity.object, Note)
    assert activity.addressed.is_public
    assert activity.published == datetime(2026, 11, 25, 11, tzinfo=UTC)


@pytest.mark.parametrize("spelled", [ZOE, [ZOE], {"id": ZOE}, [{"id": ZOE, "type": "Person"}], {"href": ZOE}])
def test_actor_may_be_spelled_in_any_way(spelled: object) -> None:
    assert parse_activity(CREATE | {"actor": spelled}).actor == ZOE


@pytest.mark.parametrize("type_", ["Create", ["Create"], ["http://x.example/Odd", "Create"], ["Odd", "Create", "Like"]])
def test_type_is_the_first_we_know(type_: object) -> None:
    assert parse_activity(CREATE | {"type": type_}).type == "Create"


@pytest.mark.parametrize(
    "broken",
    [
        {"type": None},
        {"type": "Note"},
        {"type": []},
        {"type": {}},
        {"type": 1},
        {"actor": None},
        {"actor": []},
        {"actor": {}},
        {"actor": 5},
        {"actor": ""},
        {"object": 7},
        {"object": [[ZOE]]},
    ],
)
def test_what_is_no_activity_is_malformed(broken: dict[str, object]) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_activity(CREATE | broken)


def test_object_named_by_its_uri_is_a_reference() -> None:
    assert parse_activity(CREATE | {"object": f"{ZOE}/1"}).object == Reference(f"{ZOE}/1")


@pytest.mark.parametrize("empty", [None, [], {}])
def test_activity_without_an_object_has_an_empty_reference(empty: object) -> None:
    assert parse_activity(CREATE | {"object": empty}).object == Reference(None)


def test_object_of_an_unknown_type_keeps_its_type() -> None:
    tombstone = {"id": f"{ZOE}/1", "type": "Tombstone"}

    assert parse_activity(CREATE | {"object": tombstone}).object == Reference(f"{ZOE}/1", "Tombstone")


def test_activity_inside_an_activity_is_read() -> None:
    undo = {
        "type": "Undo",
        "actor": ZOE,
        "object": {"type": "Like", "actor": ZOE, "object": f"{ZOE}/1", "content": "🎈"},
    }

    like = parse_activity(undo).object

    assert isinstance(like, Activity)
    assert (like.type, like.object_id, like.content) == ("Like", f"{ZOE}/1", "🎈")


def test_activities_inside_one_another_are_read_to_a_depth() -> None:
    document: dict[str, Any] = {"type": "Undo", "actor": ZOE, "object": f"{ZOE}/1"}
    for _ in range(50):
        document = {"type": "Undo", "actor": ZOE, "object": document}

    depth, found = 0, parse_activity(document).object
    while isinstance(found, Activity):
        depth, found = depth + 1, found.object

    assert depth == 2


@pytest.mark.parametrize(
    ("fields", "emoji"),
    [
        ({"content": "🎈"}, "🎈"),
        ({"_misskey_reaction": "🎈"}, "🎈"),
        ({"content": "🎈", "_misskey_reaction": "🎉"}, "🎈"),
        ({"content": 5}, None),
        ({}, None),
    ],
)
def test_reaction_is_read_from_whatever_holds_it(fields: dict[str, object], emoji: str | None) -> None:
    like = parse_activity({"type": "Like", "actor": ZOE, "object": f"{ZOE}/1"} | fields)

    assert like.content == emoji


def test_picture_without_an_author_is_no_message() -> None:
    image = {"id": f"{ZOE}/1", "type": "Image", "url": f"{ZOE}/1.png"}

    assert isinstance(parse_object(image, now=NOW), Reference)
    assert isinstance(parse_object(image | {"attributedTo": ZOE}, now=NOW), Note)


# Audiences.


@pytest.mark.parametrize("public", [PUBLIC, "as:Public", "Public"])
@pytest.mark.parametrize("field", ["to", "cc"])
def test_public_has_three_spellings_and_two_places(public: str, field: str) -> None:
    addressed = note(**{field: [public, ZOE]}).addressed

    assert addressed.is_public
    assert set(addressed) == {PUBLIC, ZOE}


def test_public_in_the_audience_alone_is_not_to_the_public() -> None:
    assert not note(audience=PUBLIC).addressed.is_public


def test_hidden_recipients_count_as_addressed() -> None:
    addressed = note(to=["https://a.example/"], bto="https://b.example/", bcc=["https://c.example/"]).addressed

    assert set(addressed) == {"https://a.example/", "https://b.example/", "https://c.example/"}


def test_audiences_of_note_and_activity_are_one() -> None:
    first, second = note(to=["https://a.example/"]).addressed, note(to=["https://b.example/"], cc=[PUBLIC]).addressed

    merged = first.merged(second)

    assert (merged.to, merged.cc) == (("https://a.example/", "https://b.example/"), (PUBLIC,))


def test_nobody_is_addressed_twice() -> None:
    assert list(note(to=[ZOE, ZOE], cc=ZOE).addressed) == [ZOE]


def test_more_than_enough_is_dropped() -> None:
    """Hostile case PAR-13."""
    many = [f"https://x.example/{number}" for number in range(100_000)]
    read = note(
        to=many,
        tag=[{"type": "Mention", "href": uri} for uri in many],
        attachment=[{"type": "Document", "url": uri} for uri in many],
        name="x" * 1_000_000,
    )

    assert len(read.addressed.to) == MAX_RECIPIENTS
    assert len(read.mentions) == MAX_TAGS
    assert len(read.attachments) == MAX_ATTACHMENTS
    assert len(read.name or "") == 255


# Notes.


@pytest.mark.parametrize("broken", [{"id": None}, {"attributedTo": None}, {"attributedTo": {}}, {"id": "x" * 3000}])
def test_note_has_an_id_and_an_author(broken: dict[str, object]) -> None:
    with pytest.raises(MalformedDocumentError):
        note(**broken)


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"content": "a"}, "a"),
        ({"content": None}, ""),
        ({"content": None, "contentMap": {"en": "b", "de": "c"}}, "b"),
        ({"content": {}, "contentMap": {"en": 5}}, ""),
        ({"content": ["a"]}, ""),
    ],
)
def test_content_is_text_or_the_first_language(fields: dict[str, object], content: str) -> None:
    assert note(**fields).content == content


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ({"content": "hi", "mediaType": "text/plain"}, "hi"),
        ({"content": "*hi*", "mediaType": "text/markdown"}, "*hi*"),
        ({"content": "<b>hi</b>", "mediaType": "text/html"}, None),
        ({"content": "hi"}, None),
        ({"content": 5, "mediaType": "text/plain"}, None),
        ({"content": "hi", "mediaType": ["text/plain"]}, None),
        ("hi", None),
    ],
)
def test_source_counts_if_it_is_text(source: object, read: str | None) -> None:
    assert note(source=source).source == read


def test_mentions_may_be_one_or_many_and_are_no_other_tags() -> None:
    mention = {"type": "Mention", "href": ZOE, "name": "@zoe@pond.example"}

    assert note(tag=mention).mentions == (Mention(ZOE, "@zoe@pond.example"),)
    tags = [mention | {"name": None}, {"type": "Hashtag", "href": ZOE}, {"type": "Mention"}, "x", None, 5]
    assert note(tag=tags).mentions == (Mention(ZOE),)


@pytest.mark.parametrize(
    "attachment",
    [
        {"type": "Document", "url": "https://x.example/a.png", "mediaType": "image/png", "name": "A"},
        {
            "type": "Image",
            "url": [{"type": "Link", "href": "https://x.example/a.png"}],
            "mediaType": "image/png",
            "name": "A",
        },
        {"type": "Link", "href": "https://x.example/a.png", "mediaType": "image/png", "name": "A"},
    ],
)
def test_attachment_has_a_url_a_type_and_a_name(attachment: dict[str, object]) -> None:
    (read,) = note(attachment=[attachment, {"type": "Document"}, 5]).attachments

    assert (read.url, read.media_type, read.name) == ("https://x.example/a.png", "image/png", "A")


def test_attachment_may_be_a_bare_uri() -> None:
    assert note(attachment="https://x.example/a.png").attachments == (Attachment("https://x.example/a.png"),)


def test_link_inside_an_attachment_says_more_of_it_than_the_attachment() -> None:
    small = {"type": "Link", "href": "https://x.example/a.mp4", "mediaType": "video/mp4", "name": "144p", "size": 54373}
    large = {"type": "Link", "href": "https://x.example/b.mp4", "mediaType": "video/mp4", "size": 2271723}
    video = {"type": "Video", "name": "A cow", "mediaType": "text/html", "width": 256, "url": [small, large]}

    assert note(attachment=video).attachments == (
        Attachment("https://x.example/a.mp4", "video/mp4", "A cow", size=54373, width=256),
    )


def test_attachment_keeps_what_its_server_measured() -> None:
    measured: dict[str, Any] = {"size": 9045, "width": 100, "height": 162, "blurhash": "UdMHJg00D%9F"}
    url = "https://x.example/a.png"

    assert note(attachment=measured | {"url": url}).attachments == (Attachment(url, **measured),)


@pytest.mark.parametrize("value", [-1, 1.5, True, "9045", None, [], {}])
def test_measure_that_is_no_count_is_left_out(value: object) -> None:
    (read,) = note(attachment={"url": "https://x.example/a", "size": value, "blurhash": value}).attachments

    assert (read.size, read.width, read.blurhash) == (None, None, value if isinstance(value, str) else "")


@pytest.mark.parametrize("fields", [{"name": "A"}, {"nameMap": {"en": "A"}}, {"name": None, "content": "A"}])
def test_picture_is_described_in_any_of_the_ways_servers_know(fields: dict[str, object]) -> None:
    (read,) = note(attachment={"type": "Image", "url": "https://x.example/a"} | fields).attachments

    assert read.name == "A"


def test_name_is_text_or_the_first_language() -> None:
    assert note(nameMap={"en": "Title", "de": "Titel"}).name == "Title"
    assert note(name={"en": "Title"}).name is None


@pytest.mark.parametrize("type_", ["Article", "Video"])
def test_what_is_more_than_a_note_may_be_a_link_alone(type_: str) -> None:
    bare = {"content": "", "url": "https://x.example/1"}

    assert note(**bare).is_empty
    assert not note(type=type_, **bare).is_empty


@pytest.mark.parametrize("type_", ["Create", "Update"])
@pytest.mark.parametrize("object_", [NOTE | {"attributedTo": None}, [NOTE | {"attributedTo": None}]])
def test_author_of_what_names_none_is_who_makes_or_edits_it(type_: str, object_: object) -> None:
    read = parse_activity(CREATE | {"type": type_, "object": object_}).object

    assert isinstance(read, Note)
    assert read.attributed_to == ZOE


def test_author_of_what_names_none_is_not_who_likes_it() -> None:
    read = parse_activity(CREATE | {"type": "Like", "object": NOTE | {"attributedTo": None}}).object

    assert read == Reference(f"{ZOE}/1", "Note")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "", 5])
def test_url_of_another_scheme_is_none(url: object) -> None:
    assert note(url=url, attachment={"type": "Image", "url": url}).url is None
    assert note(attachment=[{"type": "Image", "url": url}, {"type": "Link", "href": url}, url]).attachments == ()


@pytest.mark.parametrize("url", ["https://x.example/1", [{"type": "Link", "href": "https://x.example/1"}, 5]])
def test_url_is_the_first_that_can_be_followed(url: object) -> None:
    assert note(url=url).url == "https://x.example/1"


def test_uri_is_measured_in_bytes() -> None:
    fits, too_long = "https://x.example/" + "é" * 1014, "https://x.example/" + "é" * 1020

    assert len(fits.encode()) <= MAX_URI < len(too_long.encode())
    assert note(inReplyTo=fits).in_reply_to == fits
    assert note(inReplyTo=too_long).in_reply_to is None


# Whatever comes.


def test_ids_are_of_what_has_one() -> None:
    assert ids_of(["https://a.example/", {"id": "https://b.example/"}, {}, None, 5, ""]) == (
        "https://a.example/",
        "https://b.example/",
    )


_NAMES = st.sampled_from(
    [
        "id", "type", "actor", "object", "to", "cc", "bto", "content", "contentMap", "tag", "attachment", "url", "href",
        "attributedTo", "published", "source", "mediaType", "name", "icon", "endpoints", "sharedInbox", "publicKey",
        "publicKeyPem", "assertionMethod", "generator", "implements", "preferredUsername", "inbox", "followers",
    ]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(ZOE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # The machine may be busy with other tests.
@given(st.dictionaries(_NAMES, _VALUES, max_size=8), st.sampled_from(["Create", "Note", "Person", "Undo"]))
def test_nothing_raises_anything_but_malformed(document: dict[str, Any], type_: str) -> None:
    for parse in (parse_activity, parse_actor):
        for attempt in (document, document | {"type": type_}, CREATE | document, ACTOR | document):
            try:
                parse(attempt, now=NOW)
            except MalformedDocumentError:
                continue


def _read_all(path: Path) -> None:
    value = json.loads(path.read_text())
    for document in value if isinstance(value, list) else [value]:
        if isinstance(document, dict):
            try:
                parse_object(document, now=NOW)
            except MalformedDocumentError:
                continue


def test_documents_of_fourteen_projects_are_read_or_malformed() -> None:
    paths = sorted((corpus("ap-corpus") / "docs").glob("*.json"))

    for path in paths:
        _read_all(path)

    assert len(paths) > 100


def test_deliveries_of_real_servers_are_activities() -> None:
    records = [json.loads(path.read_text()) for path in sorted(corpus("real-deliveries").glob("[0-9]*.json"))]
    posted = [record["body_json"] for record in records if record["request"]["method"] == "POST"]

    read = [parse_activity(body, now=NOW) for body in posted if body is not None]

    assert len(read) > 50
    assert {activity.type for activity in read} >= {"Accept", "Announce", "Create", "Delete", "Follow", "Like", "Undo"}
