"""Embeds on the wire: Pages without a URL, among what a Note has attached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from activitypub import build, html
from activitypub.documents import Note, parse_note
from activitypub.embeds import Embed, write_embed

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FULL = Embed(
    "Tide & tables", 2, "High <water>\nat noon\n\n\nlow at six ", "0, 120, 255", "https://x.example/t.png", True
)


def _parsed(*attached: Any, **fields: Any) -> Note:
    named = {"id": "https://x.example/1", "type": "Note", "attributedTo": "https://x.example/users/zoe"}
    return parse_note({**named, "attachment": list(attached), **fields}, now=NOW)


@pytest.mark.parametrize(
    "embed", [FULL, Embed("Title"), Embed("Title", 1, "", is_shown=False), Embed("Title", description="1 < 2")]
)
def test_what_is_written_is_read_as_it_was(embed: Embed) -> None:
    note = build.note(
        id="https://x.example/1",
        author="https://x.example/users/zoe",
        content="",
        source="",
        published=NOW,
        to=[],
        embeds=[embed, FULL],
    )

    parsed = parse_note(note, now=NOW)

    assert parsed.embeds == (embed, FULL)
    assert parsed.attachments == ()
    assert not parsed.is_empty


def test_summary_is_markup_for_whoever_reads_no_source() -> None:
    written = write_embed(FULL)

    assert written["type"] == "Page"
    assert written["summary"].startswith("High &lt;water&gt;<br>at noon")
    del written["source"]
    [embed] = _parsed(written).embeds
    assert (embed.read_description() or "").startswith("High <water>\nat noon")


def test_page_of_another_server_needs_a_name_alone() -> None:
    assert _parsed({"type": "Page", "name": "Title"}).embeds == (Embed("Title"),)
    assert _parsed({"type": "Link", "name": "T", "image": "https://x.example/a.png"}).embeds == (
        Embed("T", image_url="https://x.example/a.png"),
    )


@pytest.mark.parametrize(
    "attached",
    [
        {"type": "Link", "href": "https://x.example/article", "name": "Article", "summary": "read it"},
        {"type": "Page", "url": "https://x.example/article", "name": "Article", "image": "https://x.example/a.png"},
        {"type": "Document", "url": "https://x.example/a.png", "name": "A picture", "mediaType": "image/png"},
        {"type": "Image", "url": "https://x.example/a.png", "name": "A picture", "summary": "of a cat"},
    ],
)
def test_what_has_a_url_stays_an_attachment(attached: dict[str, Any]) -> None:
    note = _parsed(attached)

    assert (len(note.attachments), note.embeds) == (1, ())


@pytest.mark.parametrize(
    "attached",
    [
        "https://x.example/a.png",
        7,
        None,
        [],
        {"type": "Page"},
        {"type": "Page", "name": ""},
        {"type": "Page", "name": ["x"]},
        {"type": "PropertyValue", "name": "Pronouns", "value": "she/her"},
        {"type": "Note", "name": "Not that"},
        {"type": ["Page"], "name": "Title"},
    ],
)
def test_what_is_none_is_passed_over(attached: Any) -> None:
    assert _parsed(attached).embeds == ()


@pytest.mark.parametrize("odd", [True, 3, 2.0, "2", [1], {}, None, "https://x.example/a b.png"])
def test_what_is_odd_about_one_is_passed_over(odd: Any) -> None:
    page = {"type": "Page", "name": "T", "embedType": odd, "image": odd, "embedColor": odd, "summary": odd}

    [embed] = _parsed(page | {"source": odd}).embeds

    assert (embed.title, embed.kind, embed.image_url) == ("T", 1, None)


def test_only_a_note_has_some() -> None:
    assert _parsed({"type": "Page", "name": "Title"}, type="Article").embeds == ()


def test_there_is_an_end_to_it() -> None:
    page = {"type": "Page", "name": "x" * 1000, "summary": "y" * 9000}

    assert len(_parsed(*[{"type": "Page", "name": "T"}] * 50).embeds) == 10
    embeds = _parsed(*[page] * 10).embeds
    assert len(embeds) == 3
    assert sum(embed.length for embed in embeds) <= 16_384
    assert (len(embeds[0].title), len(embeds[0].read_description() or "")) == (512, 4096)


def test_no_summary_is_rendered_before_somebody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []

    def render(markup: str) -> str:
        rendered.append(markup)
        return "read"

    monkeypatch.setattr(html, "to_text", render)
    page = {"type": "Page", "name": "T", "summary": "<p>markup</p>"}

    embeds = _parsed(*[page] * 64).embeds
    assert rendered == []

    assert [embed.read_description() for embed in embeds] == ["read"] * 10
    assert rendered == ["<p>markup</p>"] * 10
