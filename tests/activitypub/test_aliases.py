"""Which keys have one meaning for every reader."""

import json

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
        ({"to": {"@type": "@id"}}, ["to"]),
        ({"actor": f"{AS}#actor"}, ["actor"]),
        ([AS, {"a": "as:actor"}], ["actor"]),
        ([AS, {"@vocab": "https://x.test/", "@language": "und"}], ["actor"]),
        ({"as": AS + "#", "actor": "as:actor"}, ["actor"]),
        (None, ["actor", "https://x.test/term"]),
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
    ],
)
def test_second_spelling_of_a_term_that_matters_is_refused(context: object, key: str) -> None:
    with pytest.raises(MalformedDocumentError, match="second meaning"):
        check_plain(node(context, key))


def test_alias_defined_around_the_node_counts() -> None:
    check_plain({"a": "x"}, contexts=[AS])

    with pytest.raises(MalformedDocumentError):
        check_plain({"a": "x"}, contexts=[AS, {"a": "as:actor"}])


def test_no_document_of_real_servers_is_refused() -> None:
    found = [json.loads(path.read_text()) for path in (corpus("ap-corpus") / "docs").glob("*.json")]
    documents = [document for document in found if isinstance(document, dict)]

    for document in documents:
        check_plain(document)

    assert len(documents) > 300
