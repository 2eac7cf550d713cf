"""What should become of a letter, read from the index and the document without any of the server's own readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from activitypub.attachments import Attachment
from tests.corpora.conftest import Fate
from tests.corpora.letters import Json, Letter, is_public, members, uri_of


@dataclass(frozen=True)
class Expected:
    """`words` are the letters and digits of the text; of each attachment, the URLs any of which will do."""

    author: str
    is_public: bool
    words: str
    mentions: frozenset[str]
    attachments: tuple[tuple[frozenset[str], Json], ...]


def expected_of(letter: Letter) -> Expected:
    note, index = letter.note or {}, letter.expect
    author = uri_of(index.get("attributedTo")) or uri_of(index.get("actor")) or uri_of(note.get("attributedTo"))
    tags = [tag for tag in members(note.get("tag")) if isinstance(tag, dict) and tag.get("type") == "Mention"]
    public = index.get("public")
    return Expected(
        author=author or letter.sender,
        is_public=public if isinstance(public, bool) else is_public(letter.document) or is_public(note),
        words=letters_of(_content(note)),
        mentions=frozenset(str(tag["href"]) for tag in tags if tag.get("href")),
        attachments=tuple(
            (urls, part if isinstance(part, dict) else {})
            for part in members(note.get("attachment"))
            if (urls := frozenset(_urls(part)))
        ),
    )


def differences(fate: Fate, expected: Expected, *, audience: str, reader: str) -> list[str]:
    """What of the stored message is not as it should be."""
    message = fate.message
    if message is None:
        return [f"no message, but {fate.status} {fate.state}: {fate.outcome}"]
    found = []
    if message.author.uri != expected.author:
        found.append(f"is by {message.author.uri}, not by {expected.author}")
    if message.channel_id is None and not fate.people >= {message.author.uri, reader}:
        found.append(f"is shown to {sorted(fate.people)} only")
    if message.audience != audience:
        found.append(f"is {message.audience}, not {audience}")
    if not expected.mentions <= set(message.content.mentions):
        found.append(f"mentions only {sorted(message.content.mentions)}")
    if expected.words not in _squeezed(re.sub(r" \(https?://\S*\)", "", message.content.text)):
        found.append(f"says {message.content.text!r}")
    if expected.words not in letters_of(message.content.html):
        found.append(f"shows {message.content.html!r}")
    if len(message.content.attachments) != len(expected.attachments):
        found.append(f"has the attachments {message.content.attachments}")
    for stored, (urls, said) in zip(message.content.attachments, expected.attachments, strict=False):
        found += _differences(stored, urls, said)
    return found


def letters_of(markup: str) -> str:
    reader = _Reader()
    reader.feed(re.sub(r"<[^<>]*$", "", markup))  # What is cut off inside a tag is no text.
    reader.close()
    return _squeezed("".join(reader.words))


def _squeezed(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text)


def _differences(stored: Attachment, urls: frozenset[str], said: Json) -> Iterator[str]:
    if stored.url not in urls:
        yield f"attaches {stored.url}"
    link = next((link for link in members(said.get("url")) if isinstance(link, dict) and stored.url in _urls(link)), {})
    about: Mapping[str, Any] = link | {"name": None} | said | link
    for name, value in {
        "mediaType": stored.media_type,
        "width": stored.width,
        "height": stored.height,
        "size": stored.size,
        "blurhash": stored.blurhash,
        "name": stored.name,
    }.items():
        if about.get(name) is not None and value != about[name]:
            yield f"attaches with {name} {value!r}, not {about[name]!r}"


def _content(note: Json) -> str:
    languages = note.get("contentMap")
    content = note.get("content") or next(iter(languages.values() if isinstance(languages, dict) else []), None)
    return content if isinstance(content, str) else ""


def _urls(part: object) -> Iterator[str]:
    if isinstance(part, str):
        if part.startswith(("https://", "http://")):
            yield part
    elif isinstance(part, list):
        for member in part:
            yield from _urls(member)
    elif isinstance(part, dict):
        yield from _urls(part.get("url"))
        yield from _urls(part.get("href"))


class _Reader(HTMLParser):
    """The words of HTML, but for what is no text."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unread: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("script", "style"):
            self._unread.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unread:
            self._unread.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.words.append(data)
