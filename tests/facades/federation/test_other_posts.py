"""What posts of other programs say beside their content is read in a channel of ours."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub import html
from activitypub.vocabulary import PUBLIC
from app.actions.inbox import process
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World, outcome

POLL = [{"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": 2}} for name in ("yes", "no")]
PLACE = {
    "type": "Place",
    "name": "Locaux de Framasoft",
    "address": {"type": "PostalAddress", "streetAddress": "10 Rue Jangot", "addressLocality": "Lyon"},
}
BODY = {"content": "<p>body</p>"}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (BODY | {"summary": "spoilers\u202e\n ahead", "sensitive": True}, "⚠ spoilers ahead\n\nbody"),
        (BODY | {"summary": ""}, "body"),
        (BODY | {"summary": ["<script>"]}, "body"),
        (BODY | {"summary": "w" * 600}, f"⚠ {'w' * 500}\n\nbody"),
        ({"content": "", "summary": "said all"}, "⚠ said all"),
        (BODY | {"summary": "its beginning", "type": "Article", "name": "Title"}, "Title\n\nbody"),
        (BODY | {"summary": "blood", "type": "Video", "name": "Cows", "sensitive": True}, "⚠ blood\n\nCows\n\nbody"),
        (BODY | {"type": "Question", "oneOf": POLL}, "body\n\n- yes\n- no"),
        (BODY | {"type": "Question", "oneOf": [], "anyOf": [*POLL, "maybe", {"name": 5}]}, "body\n\n- yes\n- no"),
        ({"content": "", "type": "Question", "anyOf": POLL}, "- yes\n- no"),
        (BODY | {"type": "Question", "oneOf": POLL * 11}, "body\n\n" + "\n".join(["- yes", "- no"] * 10)),
        (BODY | {"oneOf": POLL}, "body"),
        (
            BODY | {"type": "Event", "name": "Fête", "startTime": "2027-02-12T15:08:20+01:00", "location": PLACE},
            "Fête\n\nbody\n\n2027-02-12 14:08 UTC\nLocaux de Framasoft, 10 Rue Jangot, Lyon",
        ),
        (
            BODY | {"type": "Event", "startTime": "soon", "endTime": "2027-01-01T00:00:00Z", "location": "Lyon"},
            "body\n\n2027-01-01 00:00 UTC",
        ),
        (BODY | {"type": "Event", "startTime": 5, "location": [{"name": {}, "address": "At home"}]}, "body\n\nAt home"),
        (
            {"content": "a List<int> & <3\r\n\r\n- *one*", "mediaType": "text/markdown"},
            "a List<int> & <3\n\n- *one*",
        ),
        ({"content": "<b>plain</b>", "mediaType": "text/plain"}, "<b>plain</b>"),
        ({"content": "<b>markup</b>", "mediaType": "text/html"}, "markup"),
        ({"content": "<b>markup</b>", "mediaType": {"text": "plain"}}, "markup"),
    ],
    ids=str,
)
def test_a_post_is_read_with_all_that_it_says(world: World, fields: dict[str, Any], text: str) -> None:
    lobby = world.channel("lobby")
    to = [PUBLIC, f"{ORIGIN}/ap/channels/{lobby}"]

    world.receive(world.zoe, world.zoe.activity("Create", world.zoe.note(to=to) | fields))

    assert outcome() == ("done", None)
    assert _texts(world, lobby) == [text]


def test_what_is_no_markup_is_made_such_by_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are looked for in it, which takes a third of a second for the longest: nobody is kept waiting for it who
    asks the server for something."""
    lobby = world.channel("lobby")
    note = world.zoe.note(to=[PUBLIC, f"{ORIGIN}/ap/channels/{lobby}"], content="see x.example", mediaType="text/plain")

    with monkeypatch.context() as patched:
        patched.delattr(html, "from_text")
        assert world.send(world.zoe.post(world.zoe.activity("Create", note))).status_code == 202
    process(world.zoe.host)

    assert _texts(world, lobby) == ["see x.example"]


def _texts(world: World, channel_id: str) -> list[str]:
    answer = world.server.call("GET", f"/api/v1/channels/{channel_id}/load_messages", person=world.bob)
    return [message["message"] for message in answer.json["messages"]]
