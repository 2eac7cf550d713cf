"""What docs/contributors.md tells to do can be done."""

from __future__ import annotations

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask

from app.facades.pufferblow import api
from app.facades.punctum import api as punctum
from app.factory import make_app
from app.settings import current
from app.web.api import Api
from app.web.authentication import authenticate
from tests.docs.markdown import ROOT, blocks, read, section
from tests.facades.conftest import Server

CONTRIBUTORS = "docs/contributors.md"
TOPIC = "/api/v1/channels/{}/topic"


@pytest.mark.usefixtures("server")
def test_the_route_of_the_example_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(with_the_example(monkeypatch).test_client())
    alice, bob = server.sign_up("alice"), server.sign_up("bob")
    made = server.call(
        "POST", "/api/v1/channels/create/", person=alice, json={"channel_name": "staff", "is_private": True}
    )
    path = TOPIC.format(made.json["channel_data"]["channel_id"])

    answer = server.call("GET", path, person=alice)

    assert (answer.status_code, answer.json) == (200, {"status_code": 200, "topic": "staff"})
    assert server.call("GET", path).status_code == 401
    assert server.call("GET", path, person=bob).status_code == 404


@pytest.mark.usefixtures("server")
def test_the_route_of_punctum_in_the_example_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(punctum, "ROUTES", [*punctum.ROUTES])
        run_example("app.facades.punctum")
        server = Server(make_app(current()).test_client())
    conference = server.call("POST", "/api/v1/conferences", person=server.sign_up("alice"), json={"name": "Pond"}).json

    answer = server.call("GET", f"/api/v1/conferences/{conference['id']}/pictures")

    assert (answer.status_code, answer.json) == (200, {"type": "stash", "id_list": []})


def test_alembic_finds_the_revisions() -> None:
    revisions = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))

    assert [revision.revision for revision in revisions.walk_revisions()][-1] == "0001"


def with_the_example(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app of its own: the facade's own table of routes stays as it is."""
    example = Api("example", authenticate=authenticate)
    with monkeypatch.context() as patch:
        patch.setattr(api, "API", example)
        run_example("app.facades.pufferblow")
    app = make_app(current())
    example.mount(app)
    return app


def run_example(facade: str) -> None:
    """The one of "Add a route" that is about that facade."""
    examples = [
        block.text for block in blocks(section(read(CONTRIBUTORS), "Add a route")) if block.language == "python"
    ]
    [text] = [text for text in examples if facade in text]
    exec(compile(text, CONTRIBUTORS, "exec", dont_inherit=True), {"__name__": "example"})
