"""What docs/contributors.md tells to do can be done."""

from __future__ import annotations

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask

from app.facades.pufferblow import api
from app.facades.pufferblow.authentication import authenticate
from app.factory import make_app
from app.settings import current
from app.web.api import Api
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


def test_alembic_finds_the_revisions() -> None:
    revisions = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))

    assert [revision.revision for revision in revisions.walk_revisions()][-1] == "0001"


def with_the_example(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app of its own: the facade's own table of routes stays as it is."""
    example = Api("example", authenticate=authenticate)
    [block] = [block for block in blocks(section(read(CONTRIBUTORS), "Add a route")) if block.language == "python"]
    with monkeypatch.context() as patch:
        patch.setattr(api, "API", example)
        exec(compile(block.text, CONTRIBUTORS, "exec", dont_inherit=True), {"__name__": "example"})
    app = make_app(current())
    example.mount(app)
    return app
