"""Documents as values: JSON of any server's habit in, frozen records out; JSON does not travel further.

Only the plain compact form is read. Unknown contexts and terms are ignored, and nothing is ever fetched to read a
document. What is absent is None or empty; what is impossible raises MalformedDocumentError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from activitypub.attachments import Attachment, parse_attachments
from activitypub.embeds import Embed, parse_embeds
from activitypub.errors import MalformedDocumentError
from activitypub.names import read_username
from activitypub.posts import details_of, is_plain, plain_source, warning_of
from activitypub.properties import Json, as_list, as_text, as_uri, link_in, natural_text
from activitypub.times import parse_time, read_time
from activitypub.uris import host_of
from activitypub.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES, MESSAGE_TYPES, PUBLIC, PUBLIC_NAMES, RFC9421

# What one document may make us keep (hostile case PAR-13); the rest is dropped, not fetched.
MAX_RECIPIENTS = 500
MAX_TAGS = 100
MAX_NAME = 255
MAX_NESTING = 2
MAX_KEYS = 4


class KeyListing(NamedTuple):
    """Where an actor lists keys (`name`), and as what each of them is written there."""

    name: str
    encoded_as: str
    is_multikey: bool


KEY_LISTINGS = (
    KeyListing("publicKey", "publicKeyPem", is_multikey=False),
    KeyListing("assertionMethod", "publicKeyMultibase", is_multikey=True),
)


class Reference(msgspec.Struct, frozen=True):
    """An object named by its URI alone, or one of a type we have no class for."""

    id: str | None
    type: str | None = None


class Mention(msgspec.Struct, frozen=True):
    href: str
    name: str = ""


class Audience(msgspec.Struct, frozen=True):
    """Everyone a document names, in its own fields and with the public collection in one spelling.

    `hidden` are bto and bcc, who count as addressed but are not told to anyone (activitypub, section 6).
    """

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.to, *self.cc, *self.audience, *self.hidden)))

    @property
    def is_public(self) -> bool:
        return PUBLIC in self.to or PUBLIC in self.cc or PUBLIC in self.hidden

    def is_in_secret(self, uri: str) -> bool:
        return uri in self.hidden and uri not in (*self.to, *self.cc, *self.audience)

    def merged(self, other: Audience) -> Audience:
        return Audience(
            _unique(self.to + other.to),
            _unique(self.cc + other.cc),
            _unique(self.audience + other.audience),
            _unique(self.hidden + other.hidden),
        )


class Note(msgspec.Struct, frozen=True):
    """A message-like object (activitystreams-vocabulary, 3.3: Note, Article, Page, …).

    `content` is markup, unless it `is_plain`.
    """

    id: str
    type: str
    attributed_to: str
    content: str
    is_plain: bool
    source: str | None
    name: str | None
    url: str | None
    in_reply_to: str | None
    context: str | None
    conversation: str | None
    addressed: Audience
    mentions: tuple[Mention, ...]
    attachments: tuple[Attachment, ...]
    embeds: tuple[Embed, ...]
    published: datetime | None
    updated: datetime | None
    warning: str | None
    details: tuple[str, ...]

    @property
    def link(self) -> str | None:
        """Where to read or watch what is more than a message; a Note says all there is to it."""
        return self.url if self.type != "Note" else None

    @property
    def is_empty(self) -> bool:
        said = self.content or self.name or self.warning or self.details
        return not (said or self.attachments or self.embeds or self.link)


class KeyDocument(msgspec.Struct, frozen=True):
    """A key as an actor lists it: `encoded` is PEM for RSA and multibase for a Multikey (FEP-521a)."""

    id: str
    owner: str
    encoded: str
    is_multikey: bool


class ActorDocument(msgspec.Struct, frozen=True):
    id: str
    type: str
    preferred_username: str
    name: str
    summary: str
    inbox: str
    shared_inbox: str | None
    followers: str | None
    url: str | None
    icon_url: str | None
    image_url: str | None
    manually_approves: bool
    discoverable: bool
    announces_rfc9421: bool
    keys: tuple[KeyDocument, ...]
    published: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """What an actor says it did. `document` is the JSON it was read from, kept for the record alone."""

    id: str | None
    type: str
    actor: str
    object: Object
    target: str | None
    addressed: Audience
    content: str | None
    published: datetime | None
    document: Json = field(repr=False, compare=False)

    @property
    def object_id(self) -> str | None:
        return self.object.id


Object = Reference | Note | ActorDocument | Activity


def parse_activity(document: Json, *, now: datetime | None = None, depth: int = 0) -> Activity:
    """Raises MalformedDocumentError where type, actor or object is missing or is not what it must be."""
    now = now or datetime.now(UTC)
    type_ = type_of(document)
    if type_ not in ACTIVITY_TYPES:
        raise MalformedDocumentError(f"{type_!r} is not a type of activity")
    object_ = _authored(document) if type_ in {"Create", "Update"} else document.get("object")
    return Activity(
        id=as_uri(document.get("id")),
        type=type_,
        actor=_required(document, "actor"),
        object=parse_object(object_, now=now, depth=depth + 1),
        target=id_of(document.get("target")),
        addressed=_audience(document),
        content=as_text(document.get("content") or document.get("_misskey_reaction"), MAX_NAME),
        published=read_time(document.get("published"), now=now),
        document=document,
    )


def parse_object(value: object, *, now: datetime, depth: int = 0) -> Object:
    """An activity's object: a URI, one object, or a list whose first member counts. Raises MalformedDocumentError."""
    value = _first(value)
    if value is None:
        return Reference(None)
    if isinstance(value, str):
        return Reference(as_uri(value))
    if not isinstance(value, dict):
        raise MalformedDocumentError("object is neither a URI nor an object")
    type_ = type_of(value)
    if type_ in MESSAGE_TYPES and _is_note(value):
        return parse_note(value, now=now)
    if type_ in ACTOR_TYPES and _is_described(value):
        return parse_actor(value, now=now)
    if type_ in ACTIVITY_TYPES and value.get("actor") and depth <= MAX_NESTING:
        return parse_activity(value, now=now, depth=depth)
    return Reference(as_uri(value.get("id")), type_)


def parse_note(document: Json, *, now: datetime) -> Note:
    """Raises MalformedDocumentError for a note without id or author."""
    tags = [tag for tag in as_list(document.get("tag"))[:MAX_TAGS] if isinstance(tag, dict)]
    type_, content, plain = type_of(document) or "Note", natural_text(document, "content") or "", is_plain(document)
    if plain:
        content = content.replace("\r\n", "\n")
    return Note(
        id=_required(document, "id"),
        type=type_,
        attributed_to=_required(document, "attributedTo"),
        content=content,
        is_plain=plain,
        source=plain_source(document.get("source")) or (content if plain else "") or None,
        name=natural_text(document, "name", MAX_NAME),
        url=link_in(document.get("url")),
        in_reply_to=id_of(document.get("inReplyTo")),
        context=id_of(document.get("context")),
        conversation=as_uri(document.get("conversation")),
        addressed=_audience(document),
        mentions=tuple(
            Mention(href, as_text(tag.get("name"), MAX_NAME) or "")
            for tag in tags
            if "Mention" in as_list(tag.get("type")) and (href := as_uri(tag.get("href")))
        ),
        attachments=tuple(parse_attachments(document)),
        embeds=tuple(parse_embeds(document)) if type_ == "Note" else (),
        published=read_time(document.get("published"), now=now),
        updated=read_time(document.get("updated"), now=now),
        warning=warning_of(document, type_),
        details=details_of(document, type_),
    )


def parse_actor(document: Json, *, now: datetime | None = None) -> ActorDocument:
    """Raises MalformedDocumentError for an actor without id, type, inbox or, unless it is a server's own, a name."""
    now = now or datetime.now(UTC)
    type_ = type_of(document)
    if type_ not in ACTOR_TYPES:
        raise MalformedDocumentError(f"{type_!r} is not a type of actor")
    id_ = _required(document, "id")
    # Lemmy's servers have none, and are known by their host.
    given = as_text(document.get("preferredUsername"), MAX_NAME) or (host_of(id_) if type_ == "Application" else None)
    if not given:
        raise MalformedDocumentError("an actor needs a preferredUsername")
    # One whose name is signs alone is known by the end of its URI.
    username = read_username(given) or read_username(id_.rpartition("/")[2])[:MAX_NAME] or "somebody"
    endpoints = document.get("endpoints")
    return ActorDocument(
        id=id_,
        type=type_,
        preferred_username=username,
        name=as_text(document.get("name"), MAX_NAME) or username,
        summary=as_text(document.get("summary"), 20_000) or "",
        inbox=_required(document, "inbox"),
        shared_inbox=as_uri(endpoints.get("sharedInbox")) if isinstance(endpoints, dict) else None,
        followers=id_of(document.get("followers")),
        url=link_in(document.get("url")),
        icon_url=link_in(document.get("icon")),
        image_url=link_in(document.get("image")),
        manually_approves=document.get("manuallyApprovesFollowers") is True,
        discoverable=document.get("discoverable") is True,
        announces_rfc9421=_announces_rfc9421(document.get("generator")),
        keys=tuple(parse_keys(document, id_, now=now)),
        published=read_time(document.get("published"), now=now),
    )


def parse_keys(document: Json, owner: str, *, now: datetime) -> Iterator[KeyDocument]:
    """The keys of an actor document, or of the stub that GoToSocial serves at a key's own URI, which are still good."""
    for listing in KEY_LISTINGS:
        for key in as_list(document.get(listing.name))[:MAX_KEYS]:
            if not isinstance(key, dict) or _is_over(key, now) or not isinstance(key.get(listing.encoded_as), str):
                continue
            if id_ := as_uri(key.get("id")):
                named = id_of(key.get("owner")) or id_of(key.get("controller")) or owner
                yield KeyDocument(id_, named, key[listing.encoded_as], listing.is_multikey)


def _is_over(key: Json, now: datetime) -> bool:
    """Whether a key is good no more, or nobody can tell for how long (Controlled Identifiers 1.0, section 2.2)."""
    if key.get("revoked"):
        return True
    expires = key.get("expires")
    if expires is None:
        return False
    ends_at = parse_time(expires)
    return ends_at is None or ends_at <= now


def type_of(document: Json) -> str | None:
    """The one type that counts: of several, the first that is in the vocabulary."""
    types = [type_ for type_ in as_list(document.get("type")) if isinstance(type_, str)]
    known = ACTIVITY_TYPES | ACTOR_TYPES | MESSAGE_TYPES
    return next((type_ for type_ in types if type_ in known), types[0] if types else None)


def id_of(value: object) -> str | None:
    """The URI of a property that may be a URI, an object, or a list of them (of which the first counts)."""
    value = _first(value)
    if isinstance(value, dict):
        value = value.get("id") or value.get("href")
    return as_uri(value)


def _first(value: object) -> object:
    """Of a list, the member that counts."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def ids_of(value: object) -> tuple[str, ...]:
    ids = (id_of(member) for member in as_list(value)[:MAX_RECIPIENTS])
    return _unique(tuple(PUBLIC if id_ in PUBLIC_NAMES else id_ for id_ in ids if id_))


def _audience(document: Json) -> Audience:
    hidden = _unique(ids_of(document.get("bto")) + ids_of(document.get("bcc")))
    return Audience(ids_of(document.get("to")), ids_of(document.get("cc")), ids_of(document.get("audience")), hidden)


def _authored(activity: Json) -> object:
    """What is made or edited is by who does it, where it names nobody (activitypub, section 6.2)."""
    authored = _first(activity.get("object"))
    if isinstance(authored, dict) and authored.get("attributedTo") is None:
        return {**authored, "attributedTo": activity.get("actor")}
    return activity.get("object")


def _is_note(document: Json) -> bool:
    """An Image or a Video without an author is somebody's picture, not a message."""
    return bool(document.get("id") and document.get("attributedTo"))


def _is_described(document: Json) -> bool:
    """An actor that is only named may have its type beside its id, and whatever else its server likes."""
    is_named = document.get("preferredUsername") or type_of(document) == "Application"
    return bool(document.get("id") and document.get("inbox") and is_named)


def _announces_rfc9421(generator: object) -> bool:
    """FEP-844e: the software that made the actor lists what it implements."""
    if not isinstance(generator, dict):
        return False
    return any(id_of(item) == RFC9421 for item in as_list(generator.get("implements")))


def _required(document: Json, name: str) -> str:
    uri = id_of(document.get(name))
    if uri is None:
        raise MalformedDocumentError(f"{name} is missing or is not a URI")
    return uri


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
