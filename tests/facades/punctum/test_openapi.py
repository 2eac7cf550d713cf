"""What /openapi.json says of Punctum is so."""

from __future__ import annotations

from typing import Any

import pytest

from app.facades.punctum import ROUTES
from app.facades.punctum.keys import KEYS
from app.facades.punctum.scopes import DEPENDS
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server
from tests.facades.federation.conftest import World
from tests.facades.punctum.cast import Cast
from tests.facades.punctum.conftest import Client, Shown
from tests.facades.punctum.description import Description
from tests.facades.punctum.routes import PUNCTUM


@ON_SQLITE
def test_the_document_is_valid(server: Server) -> None:
    validator = pytest.importorskip("openapi_spec_validator")

    validator.validate(server.call("GET", "/openapi.json").json)


@ON_SQLITE
def test_every_route_is_described_with_its_scope(server: Server) -> None:
    description = Description(server)

    for route in ROUTES:
        security = description.operation(route.method, route.path)["security"]
        scopes = [one["oauth"] for one in security if "oauth" in one]
        assert scopes == ([] if route.signed == "must" else [[route.scope] if _is_named(route.scope) else []])
        assert ({} in security) == (route.is_open and route.signed != "must" and route.status != 101)
        assert ({"instance": []} in security) == (route.signed is not None)


def _is_named(scope: str | None) -> bool:
    return scope not in (None, DEPENDS)


@ON_SQLITE
@pytest.mark.parametrize("asker", ["owner", "outsider", "anonymous", "instance"])
def test_what_each_route_is_asked_and_answers_is_described(world: World, asker: str) -> None:
    server = world.server
    cast, description = Cast(server, world), Description(server)
    before, wrong = server.stored(), []
    for method, path in PUNCTUM:
        answer, asked = cast.try_route(asker, method, path), cast.body_of(method, path)
        wrong += [(method, path, one) for one in description.find_wrong(method, path, answer, asked=asked)]
        if server.stored() != before:
            cast.put_back()

    assert wrong == [], "\n".join(map(str, wrong))


@ON_SQLITE
def test_objects_with_every_key_are_described(client: Client, owner: Person, member: Person) -> None:
    """Each as it comes with all that it can have, so that no key of one is forgotten."""
    description, seen = Description(client.server), set()

    for shown in _objects(client, owner, member):
        assert description.find_wrong("GET", "/id/{id}", client.call("GET", f"/id/{shown['id']}", owner)) == []
        seen |= {(shown["object_type"], key) for key in client.get(f"/id/{shown['id']}", owner)}

    described = {(kind, key) for kind in KEYS for key in _properties(description, kind)}
    assert described - seen == {
        (kind, key) for kind in KEYS for key in ("remote_domain", "remote_id", "activitypub_id")
    }


@ON_SQLITE
def test_conversations_are_described(client: Client, owner: Person, member: Person) -> None:
    description, carol = Description(client.server), client.server.sign_up("carol")
    icon = "https://pond.example/ducks.png"
    two = {"channel_type": "direct_message", "members": [member.id]}
    group = {"channel_type": "direct_message", "members": [member.id, carol.id], "name": "Ducks", "icon": icon}

    for asked in (two, group):
        answer = client.call("POST", "/channels", owner, json=asked)
        assert description.find_wrong("POST", "/channels", answer, asked=asked) == []
        assert answer.status_code == 201
    for changed in ({"name": "Geese"}, {"name": None, "icon": None}, {"members": [member.id, carol.id]}):
        answer = client.call("PATCH", f"/channels/{answer.json['id']}", owner, json=changed)
        assert description.find_wrong("PATCH", "/channels/{id}", answer, asked=changed) == []
        assert answer.status_code == 200


def _properties(description: Description, kind: str) -> dict[str, Any]:
    properties: dict[str, Any] = description.document["components"]["schemas"][kind]["properties"]
    return properties


def _objects(client: Client, owner: Person, member: Person) -> list[Shown]:
    client.patch("/id/0", owner, description="A pond")
    client.patch(f"/accounts/{owner.id}", owner, status="busy", bio="Ducks")
    bot = client.make("/accounts", owner, username="echo")
    conference = client.conference(owner, description="All of it")
    person = client.join(owner, conference, member)
    role = client.role(owner, conference, description="Helps", color=[1, 2, 3], permissions=143)
    named = {"nickname": "Bobby", "roles": [role["id"]]}
    client.patch(f"/conferences/{conference['id']}/members/{person['id']}", owner, **named)
    category = client.channel(owner, conference, channel_type="category", name="ports")
    channel = client.channel(owner, conference, description="Wet", category=category["id"])
    direct = client.make("/channels", owner, channel_type="direct_message", members=[member.id])
    carried = {"attached_files": ["https://pond.example/a.png"], "embeds": [{"embed_title": "Duck", "embed_type": 1}]}
    first = client.send(owner, channel, "one")
    message = client.send(owner, channel, "two", reply_to=first["id"], pinned=True, **carried)
    client.send(owner, channel, "three", reply_to=message["id"])
    client.patch(f"/messages/{message['id']}", owner, content="two and a half")
    client.ok("POST", f"/messages/{message['id']}/react", owner, {"reaction": "thumbs_up"})
    invite = client.make(f"/conferences/{conference['id']}/invites", owner)
    report = client.ok("POST", f"/id/{message['id']}/report", owner, {"note": "wet"}, status=201)
    emoji = client.make(
        f"/conferences/{conference['id']}/emoji", owner, shortcode="duck", image="https://pond.example/d.png", note="q"
    )
    instance, account = client.get("/instance", owner), client.get("/accounts", owner)
    spaces = [conference, person, role, channel, direct, message, invite, report, emoji]
    return [instance, account, bot, *spaces]
