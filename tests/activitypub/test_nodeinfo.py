"""What we tell of ourselves validates against the schemas that it names."""

import json
from typing import Any

import pytest

from activitypub.nodeinfo import Server, content_type, node_info_2_0, node_info_2_1, well_known
from tests.corpus import corpus

jsonschema = pytest.importorskip("jsonschema")

SERVER = Server(
    version="0.1.0",
    name="The Lobby",
    open_registrations=True,
    users=3,
    active_half_year=2,
    active_month=1,
    posts=42,
    comments=7,
    repository="https://code.test/shoal",
    homepage="https://shoal.test/",
)
BARE = Server(version="0.1.0", name="", open_registrations=False, users=0, active_half_year=0, active_month=0, posts=0)


def schema(version: str) -> Any:
    return json.loads((corpus("nodeinfo") / version / "schema.json").read_text())


@pytest.mark.parametrize("server", [SERVER, BARE], ids=["all known", "little known"])
@pytest.mark.parametrize(("version", "build"), [("2.0", node_info_2_0), ("2.1", node_info_2_1)])
def test_document_validates_against_its_schema(version: str, build: Any, server: Server) -> None:
    document = build(server)

    jsonschema.Draft4Validator(schema(version)).validate(document)
    assert document["version"] == version


def test_values_stand_where_readers_look_for_them() -> None:
    document: Any = node_info_2_1(SERVER)

    assert document["software"] == {
        "name": "shoal",
        "version": "0.1.0",
        "repository": "https://code.test/shoal",
        "homepage": "https://shoal.test/",
    }
    assert document["protocols"] == ["activitypub"]
    assert document["openRegistrations"] is True
    assert document["usage"]["users"] == {"total": 3, "activeHalfyear": 2, "activeMonth": 1}
    assert (document["usage"]["localPosts"], document["usage"]["localComments"]) == (42, 7)
    assert document["metadata"]["nodeName"] == "The Lobby"


def test_well_known_document_leads_to_each_version() -> None:
    document = well_known({"2.0": "https://shoal.test/nodeinfo/2.0", "2.1": "https://shoal.test/nodeinfo/2.1"})

    assert document == {
        "links": [
            {
                "rel": "http://nodeinfo.diaspora.software/ns/schema/2.0",
                "href": "https://shoal.test/nodeinfo/2.0",
            },
            {
                "rel": "http://nodeinfo.diaspora.software/ns/schema/2.1",
                "href": "https://shoal.test/nodeinfo/2.1",
            },
        ]
    }


def test_content_type_carries_the_profile() -> None:
    assert content_type("2.1") == ('application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"')
