"""WebFinger (RFC 7033): from ``@user@host`` to an actor, and our answers to those who ask for ours."""

import re
from collections.abc import Mapping
from html import escape
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from activitypub.errors import MalformedDocumentError, OriginError
from activitypub.fetch import FetchBudget, Response
from activitypub.fetch.documents import ACTIVITY_TYPE, MEDIA_TYPES, check_success, media_type
from activitypub.names import is_username
from activitypub.strict_json import JsonObject, load_object
from activitypub.uris import is_canonical, normalise_host, parse_https

JRD_TYPE: Final = "application/jrd+json"
_MAX_USER_LENGTH: Final = 128

# Lemmy writes !group@host.
_HANDLE: Final = re.compile(r"(?:acct:|@|!)?(?P<user>[^@!/:?#\s]+)@(?P<host>[^@/:?#\s]+)(?::(?P<port>[0-9]+))?")
_PROFILE_PATH: Final = re.compile(r"/(?P<handle>@[^/]+)/?")


class Handle(msgspec.Struct, frozen=True):
    """Who is meant by ``@user@host``: the host in lower-case ASCII, with its port where that is not 443."""

    user: str
    host: str

    def __str__(self) -> str:
        return f"@{self.user}@{self.host}"

    @property
    def acct(self) -> str:
        """The acct URI (RFC 7565)."""
        return f"acct:{quote(self.user, safe='')}@{self.host}"

    def is_same(self, other: "Handle") -> bool:
        """Do both mean the same account? No server tells user names apart by case alone."""
        return (self.user.lower(), self.host) == (other.user.lower(), other.host)


class Asker(Protocol):
    """The part of the guarded client that is needed here; whatever it raises is a FetchError."""

    def get(self, url: str, *, headers: Mapping[str, str], budget: FetchBudget | None = None) -> Response: ...


class Found(msgspec.Struct, frozen=True):
    """The actor behind a handle, and the handle its server calls it by."""

    handle: Handle
    actor: str


def parse_handle(text: str) -> Handle:
    """Read ``@user@host``, ``user@host``, ``acct:user@host`` or a profile URL like ``https://host/@user``.

    Raises ``MalformedDocumentError``; an actor's URI is not a handle, it can be fetched as it is.
    """
    match = _HANDLE.fullmatch(text)
    if match is None or not is_username(match["user"]):
        return _parse_profile_url(text)
    host = normalise_host(match["host"])
    if match["port"] is not None:
        host = f"{host}:{match['port']}"
    # Refuses what is no port, and 443 written out, which would be a second name for the host.
    if parse_https(f"https://{host}").authority != host or len(match["user"]) > _MAX_USER_LENGTH:
        raise MalformedDocumentError(f"not a handle: {text[:200]!a}")
    return Handle(match["user"], host)


def parse_jrd(document: JsonObject, *, handle: Handle) -> str:
    """The actor URI that a server's answer about the handle gives.

    Raises ``OriginError`` if the answer is about somebody else, ``MalformedDocumentError`` if it names no actor.
    """
    subject = _subject(document)
    if not handle.is_same(subject):
        raise OriginError(f"asked for {handle}, answered about {subject}")
    return _self_link(document)


def resolve(text: str, client: Asker, *, budget: FetchBudget | None = None) -> Found:
    """Ask the handle's server which actor it is.

    A server may answer for a handle of another domain, as those do whose accounts are ``@user@example.org``
    on ``social.example.org``; then that domain is asked, and must give the same actor. That the actor itself
    agrees (its name and its host lead back here) is for the caller to check.

    Raises ``FetchError``, ``OriginError``, ``MalformedDocumentError``.
    """
    asked = parse_handle(text)
    document = _ask(asked, client, budget)
    subject = _subject(document)
    if asked.is_same(subject):
        return Found(subject, _self_link(document))
    confirmed = parse_jrd(_ask(subject, client, budget), handle=subject)
    if confirmed != _self_link(document):
        raise OriginError(f"{asked} claims to be {subject}, which is another actor")
    return Found(subject, confirmed)


def jrd(handle: Handle, *, actor: str) -> JsonObject:
    """Our answer about one of our actors; served as ``application/jrd+json``."""
    # Some peers compare the subject byte by byte with the lower-case one they keep.
    return {
        "subject": handle.acct.lower(),
        "aliases": [actor],
        "links": [{"rel": "self", "type": ACTIVITY_TYPE, "href": actor}],
    }


def host_meta(origin: str) -> str:
    """The document at ``/.well-known/host-meta`` (RFC 6415), which some servers read before they ask."""
    template = escape(f"{origin}/.well-known/webfinger?resource={{uri}}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">'
        f'<Link rel="lrdd" type="{JRD_TYPE}" template="{template}"/>'
        "</XRD>\n"
    )


def _parse_profile_url(text: str) -> Handle:
    uri = parse_https(text)
    match = _PROFILE_PATH.fullmatch(uri.path)
    if match is None:
        raise MalformedDocumentError(f"not a handle: {text[:200]!a}")
    handle = match["handle"]
    return parse_handle(handle if "@" in handle[1:] else f"{handle}@{uri.authority}")


def _ask(handle: Handle, client: Asker, budget: FetchBudget | None) -> JsonObject:
    query = urlencode({"resource": handle.acct}, safe=":@")
    url = f"https://{handle.host}/.well-known/webfinger?{query}"
    response = client.get(url, headers={"Accept": f"{JRD_TYPE}, application/json"}, budget=budget)
    # Of whatever type: a file without an extension, which many have at their domain, is octets to its server. Nobody
    # uploads what stands at that path, and another page is no JSON.
    check_success(response)
    return load_object(response.body)


def _subject(document: JsonObject) -> Handle:
    subject = document.get("subject")
    if not isinstance(subject, str) or not subject.startswith("acct:"):
        raise MalformedDocumentError("the answer has no acct: subject")
    return parse_handle(subject)


def _self_link(document: JsonObject) -> str:
    """The first link to an ActivityPub actor: Lemmy lists a person and a group of one name."""
    links = document.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "self" and _is_activity_type(link.get("type")):
            actor = link.get("href")
            if isinstance(actor, str) and is_canonical(actor):
                return actor
            raise MalformedDocumentError("the actor is not a canonical https URI")
    raise MalformedDocumentError("the answer names no actor")


def _is_activity_type(value: object) -> bool:
    return isinstance(value, str) and media_type(value) in MEDIA_TYPES
