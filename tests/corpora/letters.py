"""Deliveries made of a corpus's documents: sent by the author, from a server of its own, to somebody here.

Of each document the origin of its author is written as that of a server no other document is from, because the
corpora hold one message in several forms. A bare object is wrapped in the Create its server would send, which gives
it an id and an author where it has none (activitypub, section 6.2); a bare actor in its own Update.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from activitypub.vocabulary import ACTOR_TYPES, MESSAGE_TYPES, PUBLIC_NAMES
from tests.corpora.samples import Sample

Json = dict[str, Any]
_OBJECT_TYPES = MESSAGE_TYPES | {"Document", "Place", "Profile", "Relationship", "Story", "Tombstone"}

# The properties by which a document names actors, objects and collections.
_NAMING = frozenset(
    {
        "actor",
        "attributedTo",
        "audience",
        "bcc",
        "bto",
        "cc",
        "context",
        "href",
        "id",
        "inReplyTo",
        "object",
        "target",
        "to",
    }
)


@dataclass(frozen=True)
class Readers:
    """Whom of ours a document may be sent to: a person, and a channel that everybody may write in."""

    person: str
    channel: str


@dataclass(frozen=True)
class Letter:
    """`document` is what is sent. `origin` is that of the author's server, `actor` what that server says of them."""

    name: str
    document: Any
    sender: str
    origin: str
    actor: Json
    expect: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.document).encode()

    @property
    def note(self) -> Json | None:
        """The message that the document brings, if it brings one."""
        if not isinstance(self.document, dict) or self.document.get("type") not in ("Create", ["Create"]):
            return None
        note = self.document.get("object")
        return note if isinstance(note, dict) and MESSAGE_TYPES.intersection(members(note.get("type"))) else None


def write(sample: Sample, host: str, *, replaced: Mapping[str, str]) -> Letter:
    """The sample as its author sends it, from a server of that name.

    `replaced` are strings of the corpus that mean somebody here.
    """
    said = sample.document if isinstance(sample.document, dict) else {}
    author, home = _author(said), f"https://{host}.example"
    away = _Removal(_netloc(author or uri_of(said.get("id"))), home, replaced)
    document, expect = away(sample.document), away(dict(sample.expect))
    sender = away(author) if author else f"{home}/users/author"
    types, actor = set(members(said.get("type"))), {}
    if ACTOR_TYPES & types and document.get("id") == sender:
        actor, document = document, _activity("Update", sender, document)
    elif _OBJECT_TYPES & types:
        document = _activity("Create", sender, {"id": f"{home}/notes/1", "attributedTo": sender} | document)
    return Letter(sample.name, document, sender, home, actor, expect)


def addressed(letter: Letter, readers: Readers) -> None:
    """Put somebody here among those it is for: what is public mentions the channel, what is private the person."""
    note = letter.note
    if note is None:
        return
    reader = readers.channel if is_public(letter.document) or is_public(note) else readers.person
    for part in (note, letter.document):
        part["cc"] = [*members(part.get("cc")), reader]
    note["tag"] = [*members(note.get("tag")), {"type": "Mention", "href": reader, "name": "@here"}]


def is_public(part: object) -> bool:
    if not isinstance(part, dict):
        return False
    return any(uri in PUBLIC_NAMES for name in ("to", "cc") for uri in members(part.get(name)) if isinstance(uri, str))


def members(value: object) -> list[Any]:
    """JSON-LD's sets: one value, several, or none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def uri_of(value: object) -> str | None:
    first = next(iter(members(value)), None)
    found = first.get("id") if isinstance(first, dict) else first
    return found if isinstance(found, str) else None


def _author(document: Json) -> str | None:
    uri = uri_of(document.get("actor")) or uri_of(document.get("attributedTo"))
    if uri is None and ACTOR_TYPES.intersection(members(document.get("type"))):
        uri = uri_of(document.get("id"))
    return uri if uri and _netloc(uri) else None


def _netloc(uri: str | None) -> str:
    return urlsplit(uri).netloc if uri and uri.startswith(("https://", "http://")) else ""


class _Removal:
    """Rewrites every URI of the author's server as one of `home`, wherever in a document it stands.

    The other servers a document names keep a name each, on https and in a domain where nobody is.
    """

    def __init__(self, netloc: str, home: str, replaced: Mapping[str, str]) -> None:
        self._home, self._replaced = home, replaced
        self._is_of_author = re.compile(rf"https?://{re.escape(netloc)}(?![\w.:-])") if netloc else None

    def __call__(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: part if key == "@context" else self(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [self(part, name) for part in value]
        return self._renamed(value, name) if isinstance(value, str) else value

    def _renamed(self, text: str, name: str) -> str:
        if text in self._replaced:
            return self._replaced[text]
        moved = self._is_of_author.sub(self._home, text) if self._is_of_author else text
        netloc = _netloc(moved)
        if moved != text or name not in _NAMING or not netloc or netloc == "www.w3.org":
            return moved
        elsewhere = re.sub(r"[^a-z0-9]+", "-", netloc.lower()).strip("-")
        return moved.replace(netloc, f"{elsewhere}.elsewhere.example", 1).replace("http://", "https://", 1)


def _activity(type_: str, actor: str, object_: Json) -> Json:
    """As the actor's server wraps what it publishes: addressed like the object."""
    told: Json = {name: object_[name] for name in ("to", "cc", "audience") if name in object_}
    context = object_.get("@context", "https://www.w3.org/ns/activitystreams")
    id_ = f"https://{_netloc(actor)}/activities/{type_.lower()}"
    return {"@context": context, "id": id_, "type": type_, "actor": actor, "object": object_, **told}
