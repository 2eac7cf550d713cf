"""Which keys have one meaning for every reader."""

import json
import time

import pytest

from activitypub.aliases import check_plain
from activitypub.errors import MalformedDocumentError
from tests.corpus import corpus

AS = "https://www.w3.org/ns/activitystreams"


def node(context: object, *keys: str) -> dict[str, object]:
    return {"@context": context, **dict.fromkeys(keys, "x")}


@pytest.mark.parametrize(
    ("context", "keys"),
    [
        (AS, ["id", "type", "actor", "object", "to", "unknown", "toot:featured", "ostatus:conversation"]),
        ([AS, {"sensitive": "as:sensitive", "Hashtag": "as:Hashtag"}], ["sensitive", "actor"]),
        ([AS, {"toot": "http://joinmastodon.org/ns#", "featured": {"@id": "toot:featured"}}], ["featured"]),
        ({"id": "@id", "type": "@type", "actor": {"@id": "as:actor", "@type": "@id"}}, ["id", "type", "actor"]),
        ([AS, {"@vocab": AS}, {"p": "https://x.test/"}, {"p": "https://y.test/"}], ["to", "or", "p:actor"]),
        ([AS, {"@vocab": f"{AS}#", "to": {"@type": "@id"}}], ["to", "or"]),
        ([AS, {"as": f"{AS}#"}, {"as": f"{AS}#", "sensitive": "as:sensitive"}], ["sensitive"]),
        ([AS, {"@language": "id", "@base": "manifest", "@version": 1.1, "@vocab": None}], ["actor", "word"]),
        ([AS, {"url": "as:url", "link": "url", "picture": {"@type": "@id"}}], ["link", "picture"]),
        ([AS, {"sensitive": None, "uuid": {"@id": None}}, {"uuid": "https://x.test/"}], ["sensitive", "uuid"]),
        ([AS, {"contentMap": {"@id": "as:content", "@container": ["@language", "@set"]}}], ["contentMap"]),
        ({"actor": f"{AS}#actor"}, ["actor"]),
        ([AS, {"a": "as:actor"}], ["actor"]),
        ([AS, {"@vocab": "https://x.test/", "@language": "und"}], ["actor"]),
        ({"as": AS + "#", "actor": "as:actor"}, ["actor"]),
        (None, ["actor", "https://x.test/term"]),
        ([AS, {"icons": "as:icon"}], ["icon", "icons"]),
    ],
)
def test_plain_keys_pass(context: object, keys: list[str]) -> None:
    check_plain(node(context, *keys))


@pytest.mark.parametrize(
    ("context", "key"),
    [
        (AS, "@id"),
        (AS, "@type"),
        (AS, "@graph"),
        (AS, "@included"),
        (AS, "@reverse"),
        (AS, "@nest"),
        (AS, "@value"),
        (AS, "as:actor"),
        (AS, "as:to"),
        (AS, f"{AS}#object"),
        (AS, "http://www.w3.org/ns/activitystreams#object"),
        ({"a": "as:actor"}, "a"),
        ({"a": {"@id": "as:actor", "@type": "@id"}}, "a"),
        ({"a": f"{AS}#actor"}, "a"),
        ({"p": f"{AS}#"}, "p:actor"),
        ({"p": {"@id": f"{AS}#", "@prefix": True}}, "p:actor"),
        ({"p": f"{AS}#", "a": "p:actor"}, "a"),
        ([AS, [{"deep": "as:actor"}]], "deep"),
        ({"key": "@id"}, "key"),
        ({"kind": "@type"}, "kind"),
        ({"graph": "@graph"}, "graph"),
        ({"inside": "@nest"}, "inside"),
        ({"back": {"@reverse": "as:object"}}, "back"),
        ({"actor": "as:object"}, "actor"),
        ({"actor": "https://x.test/actor"}, "actor"),
        ({"actor": None}, "actor"),
        ({"id": "as:id"}, "id"),
        ({"type": "@id"}, "type"),
        ({"object": {"@id": "as:object", "@context": {"actor": "as:object"}}}, "object"),
        ({"object": {"@reverse": "as:object"}}, "object"),
        ({"as": "https://x.test/#", "actor": "as:actor"}, "actor"),
        ({"a": "actor"}, "a"),
        ({"a": {"@id": "actor"}}, "a"),
        ({"a": "id"}, "a"),
        ({"a": {"@id": "type", "@type": "@vocab"}}, "a"),
        ({"a": "b", "b": "c", "c": "as:actor"}, "a"),
        ({"p": "as"}, "p:actor"),
        ({"p": "as:"}, "p:actor"),
        ({"p": {"@id": "as:act", "@prefix": True}}, "p:or"),
        ({"p": "https:/"}, "p:/www.w3.org/ns/activitystreams#actor"),
        ({"@vocab": "as:act"}, "or"),
        ({"@vocab": "http://www.w3.org/ns/activitystreams#act"}, "or"),
        ({"as:actor": "https://x.test/actor"}, "as:actor"),
        ([{"p": f"{AS}#", "a": "p:actor"}, {"p": "https://x.test/"}], "a"),
        ([{"p": "https://www.w3.org/"}, {"p": f"{AS}#"}], "p:actor"),
        ({"p": f"{AS}#", "Odd": {"@id": "https://x.test/Odd", "@context": {"p": "https://x.test/"}}}, "p:actor"),
        ({"actor": "actor"}, "actor"),
        ({"to": {"@type": "@id"}}, "to"),
        ({"Create": {}}, "type"),
        ({"object": {"@id": "as:object", "@container": "@id"}}, "object"),
        ({"a": "b", "b": "a"}, "a"),
        ({"p": "@id", "id": "p:"}, "id"),
    ],
)
def test_second_spelling_of_a_term_that_matters_is_refused(context: object, key: str) -> None:
    with pytest.raises(MalformedDocumentError, match="second meaning"):
        check_plain(node(context, key))


@pytest.mark.parametrize(
    "context",
    [
        {"content": "as:summary", "summary": "as:content"},
        {"Create": "as:Delete"},
        {"Create": {"@id": "as:Create", "@context": {"actor": "as:object"}}},
        {"Odd": {"@id": "https://x.test/Odd", "@context": {"actor": "as:object"}}},
        {
            "Odd": {"@id": "https://x.test/Odd", "@context": {"p": f"{AS}#", "actor": "p:object"}},
            "p": "https://x.test/",
        },
        {"odd": {"@id": "https://x.test/odd", "@context": [{"Note": None}]}},
        [{"actor": "as:object"}, {"actor": "as:actor"}],
        {"as": "https://x.test/#"},
        {"inbox": "as:outbox"},
        [{"actor": "as:actor"}, None],
    ],
)
def test_context_that_gives_what_we_read_another_meaning_is_refused_wherever_it_stands(context: object) -> None:
    own = {"@context": [AS, context], "type": "Note"}
    for document in (own, {"@context": AS, "type": "Create", "object": own}, {"actor": [own]}):
        with pytest.raises(MalformedDocumentError, match="second meaning"):
            check_plain(document)


def test_nothing_inside_takes_back_what_a_prefix_means() -> None:
    """Which it does for what is next to it alone, where it says so: what is inside of that has the first meaning."""
    between = {"@context": {"@propagate": False, "p": "https://x.test/"}, "type": "Note"}

    with pytest.raises(MalformedDocumentError, match="second meaning"):
        check_plain({"@context": [AS, {"p": f"{AS}#"}], "object": {**between, "tag": {"p:href": "x"}}})


@pytest.mark.parametrize(
    "context",
    [
        {"as": f"{AS}#", "ldp": {"@id": "http://www.w3.org/ns/ldp#", "@prefix": True}, "inbox": "ldp:inbox"},
        {"Note": "as:Note", "content": {"@id": "as:content", "@language": "en"}},
        {"contentMap": {"@id": "as:content", "@container": "@language"}},
        {"ChatMessage": "http://litepub.social/ns#ChatMessage", "EmojiReact": "toot:EmojiReact"},
        {"Place": "sc:Place", "sc": "http://schema.org#", "size": "sc:Number", "comments": "as:comments"},
        {"Odd": {"@id": "https://x.test/Odd", "@context": {"odd": "https://x.test/odd"}}},
        ["https://litepub.test/schemas/litepub-0.1.jsonld", {"@language": "und"}],
        [{"@language": None}, {"@language": "ht"}, {"@language": "en"}],
    ],
)
def test_context_that_defines_other_terms_passes(context: object) -> None:
    check_plain({"@context": [AS, context], "type": "Create", "object": {"type": "Note", "content": "x"}})


PLACES = ["actor", "object", "attributedTo", "target", "to", "cc", "bcc", "audience", "inReplyTo", "tag"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", ["@id", "@type", "as:actor", "as:content", f"{AS}#tag", "a"])
def test_second_spelling_inside_the_nodes_we_read_is_refused(place: str, key: str) -> None:
    inner = {"id": "https://x.test/1", key: "https://x.test/2"}

    for inside in (inner, [inner], {"object": inner}):
        with pytest.raises(MalformedDocumentError, match="second meaning"):
            check_plain({"@context": [AS, {"a": "as:actor"}], place: inside})


def test_nothing_inside_takes_back_what_the_document_defines() -> None:
    with pytest.raises(MalformedDocumentError, match="second meaning"):
        check_plain({"@context": AS, "object": {"@context": None, "type": "Note"}})


def test_what_is_not_read_may_be_in_any_vocabulary() -> None:
    """An attached recipe, for one, and Fedify's keys inside an actor."""
    check_plain({"attachment": {"@type": "Recipe"}, "object": {"actor": {"sec:assertionMethod": [{"@value": "x"}]}}})


def test_contexts_inside_of_contexts_are_read_in_an_instant() -> None:
    terms = {f"t{number}": f"https://x.test/{number}" for number in range(3_000)}
    began = time.process_time()

    check_plain({"@context": terms, "tag": [{"@context": {}, "name": "x"} for _ in range(20_000)]})

    assert time.process_time() - began < 1


_MANY = {f"x:{number}": number for number in range(80_000)}


@pytest.mark.parametrize(
    "document",
    [
        _MANY,
        {"object": _MANY},
        {"@context": _MANY},
        {"@context": [{f"t{number}": "x:y"} for number in range(30_000)]},
        {"@context": [{"a": {"@id": "x:y", "@context": {"b": "x:y"}}} for _ in range(20_000)]},
        {"tag": [{f"x:{number}": number for number in range(200)} for _ in range(500)]},
        {"@context": [1] * 500_000},
        {"@context": [[[]] * 100] * 3_000},
        {"@context": {"a": {"@id": "x:y", "@context": [""] * 300_000}}},
    ],
    ids=["keys", "inside", "terms", "contexts", "of terms", "nodes", "no contexts", "lists", "no contexts of terms"],
)
def test_what_would_take_long_to_look_through_is_refused_in_an_instant(document: dict[str, object]) -> None:
    began = time.process_time()

    with pytest.raises(MalformedDocumentError, match="more than 5000"):
        check_plain(document)

    assert time.process_time() - began < 0.2


def test_no_document_of_real_servers_is_refused() -> None:
    found = [json.loads(path.read_text()) for path in (corpus("ap-corpus") / "docs").glob("*.json")]
    documents = [document for document in found if isinstance(document, dict)]

    for document in documents:
        check_plain(document)

    assert len(documents) > 300
