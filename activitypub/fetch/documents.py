"""From an answer to a document that stands where its id says."""

import re
from typing import Final

import msgspec

from activitypub.aliases import check_plain
from activitypub.errors import (
    FetchError,
    GoneError,
    MalformedDocumentError,
    NotFoundRemoteError,
    OriginError,
    RemoteStatusError,
)
from activitypub.fetch.exchange import Response
from activitypub.strict_json import JsonObject, load_object
from activitypub.uris import is_canonical, parse_https, same_origin
from activitypub.vocabulary import AS2

ACTIVITY_TYPE: Final = "application/activity+json"
_LD_TYPE: Final = "application/ld+json"
MEDIA_TYPES: Final = frozenset({ACTIVITY_TYPE, _LD_TYPE})
_PROFILE: Final = re.compile(r';[ \t]*profile=(?:"([^"]*)"|([^";,\s]*))[ \t]*(?:;|\Z)', re.IGNORECASE)
# Both, as the standard's section 3.2 asks; some servers know one only.
ACCEPT: Final = f'{ACTIVITY_TYPE}, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
_TEMPORARY: Final = frozenset({408, 425, 429})


class Document(msgspec.Struct, frozen=True):
    """A fetched document: ``uri`` is its id, ``url`` where it was, of the same origin."""

    json: JsonObject
    uri: str
    url: str


def media_type(content_type: str) -> str:
    """The type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def check_success(response: Response) -> None:
    """Raise ``NotFoundRemoteError``, ``GoneError`` or ``RemoteStatusError`` unless it is one."""
    if response.is_success:
        return
    detail = f"{response.url} answered {response.status}"
    if response.status == 404:
        raise NotFoundRemoteError(detail)
    if response.status == 410:
        raise GoneError(detail)
    permanent = response.status < 500 and response.status not in _TEMPORARY
    raise RemoteStatusError(detail, status_code=response.status, permanent=permanent)


def _check_media_type(response: Response) -> None:
    found = media_type(response.headers.get("content-type", ""))
    if found not in MEDIA_TYPES:
        raise FetchError(f"{response.url} is {found!a}", permanent=True)


def _check_profile(response: Response) -> None:
    """Whatever JSON-LD somebody has uploaded to a server is of this type, and speaks for nobody there: what the server
    says itself has ActivityStreams' profile (activitypub, section 3.2)."""
    content_type = response.headers.get("content-type", "")
    profile = _PROFILE.search(content_type)
    profiles = (profile[1] or profile[2] or "").split() if profile is not None else []
    if media_type(content_type) == _LD_TYPE and AS2 not in profiles:
        raise FetchError(f"{response.url} is '{_LD_TYPE}' of another profile", permanent=True)


def read_document(response: Response) -> Document:
    """The document in the answer, its id not yet compared with where it was found.

    Raises FetchError, NotJsonError and MalformedDocumentError.
    """
    # HTML is not looked into for links: that would make identity a matter of parsing tag soup.
    check_success(response)
    _check_media_type(response)
    _check_profile(response)
    json = load_object(response.body)
    check_plain(json)
    uri = json.get("id")
    if not isinstance(uri, str) or not is_canonical(uri):
        raise MalformedDocumentError(f"{response.url} has no canonical id")
    return Document(json, uri, response.url)


def is_at_home(document: Document, *, asked: str) -> bool:
    """Was it found under its own id? If not, only asking under that id can tell.

    Raises ``OriginError`` if it was asked for under its id, but another origin gave the answer: an open
    redirect must not lend its host's name.
    """
    home = _without_fragment(document.uri)
    if home not in (_without_fragment(asked), document.url):
        return False
    if not same_origin(document.uri, document.url):
        raise OriginError(f"{document.uri} was answered by {document.url}")
    return True


def _without_fragment(uri: str) -> str:
    return parse_https(uri, allow_fragment=True).document
