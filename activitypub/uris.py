"""URIs as identities: every accepted spelling has one origin, and doubtful ones are refused."""

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import idna
import msgspec

from activitypub.errors import MalformedDocumentError

DEFAULT_PORT: Final = 443
MAX_LENGTH: Final = 2048
_MAX_HOST_LENGTH: Final = 253
_MAX_PORT: Final = 65535

# ActivityStreams ids are IRIs: what other scripts are written with passes, and is escaped when asked for (RFC 3987,
# section 2.2: ucschar).
_PCHAR: Final = (
    r"[A-Za-z0-9_\-.~!$&'()*+,;=:@/\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U000efffd]|%[0-9A-Fa-f]{2}"
)
# What is not seen, or turns the text around, would make two ids look like one.
_NOT_SEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"})
# Under which countries give out names.
_SECOND_LEVEL: Final = frozenset(
    {"ac", "co", "com", "edu", "gob", "gov", "ltd", "ne", "net", "nom", "or", "org", "plc"}
)
# RFC 3987, narrowed: no userinfo, no IP literal, no empty port.
_URI: Final = re.compile(
    rf"""[Hh][Tt][Tt][Pp][Ss]://
    (?P<host>[^/?\#:@%\[\]\\\x00-\x20\x7f]+)
    (?: : (?P<port>[1-9][0-9]{{0,4}}) )?
    (?P<path> (?: / (?:{_PCHAR})* )? )
    (?: \? (?P<query> (?:{_PCHAR}|\?)* ) )?
    (?: \# (?P<fragment> (?:{_PCHAR}|\?)* ) )?""",
    re.VERBOSE,
)
_NOT_ESCAPED: Final = "-._~!$&'()*+,;=:@/?%"
# Some clients collapse these before they ask and some do not, so they would name two things.
_DOT_SEGMENT: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

# Names that mean this very machine, nothing at all, or a network that is not IP (RFC 6761, 7686, 9476). Those
# of private networks (.local, .internal) and of tests (.test) are judged by the address they lead to.
_SPECIAL_USE: Final = frozenset({"alt", "invalid", "localhost", "onion"})
# RFC 6762, RFC 8375 (home.arpa), and ICANN's reservation.
_PRIVATE_USE: Final = frozenset({"arpa", "internal", "local"})


class ParsedUri(msgspec.Struct, frozen=True):
    """An https URI taken apart, with its host in lower-case ASCII."""

    host: str
    port: int
    path: str
    query: str | None = None
    fragment: str | None = None

    @property
    def authority(self) -> str:
        """Host, and the port where it is not 443: the Host header, and what follows the @ of a handle."""
        return self.host if self.port == DEFAULT_PORT else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"https://{self.authority}"

    @property
    def target(self) -> str:
        """What a request line carries (RFC 9112 section 3.2.1), which is also what is signed."""
        query = "" if self.query is None else f"?{self.query}"
        return quote((self.path or "/") + query, safe=_NOT_ESCAPED)

    @property
    def document(self) -> str:
        """The URI without its fragment: what can be fetched."""
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.origin}{self.path}{query}"

    def __str__(self) -> str:
        return self.document if self.fragment is None else f"{self.document}#{self.fragment}"


def parse_https(uri: str, *, allow_ports: frozenset[int] | None = None, allow_fragment: bool = False) -> ParsedUri:
    """Take apart an absolute https URI, normalising only what names the origin.

    ``allow_ports`` are the ports accepted beside 443; None accepts any, which is right for an identity and
    wrong for something about to be dialled. Refused outright: other schemes, userinfo, IP addresses in any
    notation, one-label and special-use names, a trailing dot, escapes in the host, dot segments, control
    characters, white space, backslashes, and more than 2,048 characters.

    Raises ``MalformedDocumentError``.
    """
    return _parse(uri, allow_ports, allow_fragment)


@lru_cache(maxsize=1024)  # Of one request each URI is looked at a few times.
def _parse(uri: str, allow_ports: frozenset[int] | None, allow_fragment: bool) -> ParsedUri:  # noqa: FBT001
    match = _URI.fullmatch(uri) if len(uri) <= MAX_LENGTH else None
    if match is None:
        raise MalformedDocumentError(f"not an acceptable https URI: {_shown(uri)}")
    if not uri.isascii() and not _is_seen(uri[match.end("host") :]):
        raise MalformedDocumentError(f"characters that are not seen: {_shown(uri)}")
    if match["fragment"] is not None and not allow_fragment:
        raise MalformedDocumentError(f"unexpected fragment: {_shown(uri)}")
    if _DOT_SEGMENT.search(match["path"]):
        raise MalformedDocumentError(f"dot segment in the path: {_shown(uri)}")
    port = int(match["port"] or DEFAULT_PORT)
    if port > _MAX_PORT or (allow_ports is not None and port not in allow_ports | {DEFAULT_PORT}):
        raise MalformedDocumentError(f"port not allowed: {_shown(uri)}")
    return ParsedUri(normalise_host(match["host"]), port, match["path"], match["query"], match["fragment"])


def normalise_host(host: str) -> str:
    """The host name in lower-case ASCII (IDNA 2008 with the UTS 46 mapping).

    Raises ``MalformedDocumentError`` for anything but a full domain name on the public internet or in
    ``.test``: addresses, one-label names, names that lead elsewhere, invalid labels.
    """
    name = host.lower() if host.isascii() else _to_ascii(host)
    labels = name.split(".")
    if len(labels) < 2 or len(name) > _MAX_HOST_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        raise MalformedDocumentError(f"not a full domain name: {_shown(host)}")
    # A last label that starts with a digit makes resolvers read an address out of 0x7f.1 or 127.1.
    if labels[-1][0].isdigit() or labels[-1] in _SPECIAL_USE:
        raise MalformedDocumentError(f"not a public domain name: {_shown(host)}")
    if any(label.startswith("xn--") for label in labels):
        # Checks that each such label is the one encoding of what it decodes to.
        return _to_ascii(name)
    return name


def domain_of(host: str) -> str:
    """The end of a name that has one owner, or nearly; a port counts for nothing, and an address is its own.

    Below `co.uk` and its like many owners have a name. So have they at a hosting provider, which nothing here can tell:
    what is counted by this needs generous limits (docs/decisions.md, 50).
    """
    if host.startswith("["):
        return host
    labels = host.partition(":")[0].split(".")
    if labels[-1].isdigit():
        return host
    is_second_level = len(labels[-1]) == 2 and labels[-2:-1] != [] and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if is_second_level else -2 :])


def is_private_name(host: str) -> bool:
    """Does the name, without a port, mean something inside one network only, if anything?"""
    return host.rpartition(".")[2].lower() in _PRIVATE_USE


def is_canonical(uri: str) -> bool:
    """Is this the one accepted spelling of its origin? Ids may carry a fragment, as Mastodon's do."""
    try:
        return str(parse_https(uri, allow_fragment=True)) == uri
    except MalformedDocumentError:
        return False


def origin_of(uri: str) -> str:
    """``https://host`` or ``https://host:port`` (FEP-fe34, RFC 6454). Raises ``MalformedDocumentError``."""
    return parse_https(uri, allow_fragment=True).origin


def host_of(uri: str) -> str:
    """The URI's host, with its port where that is not 443. Raises ``MalformedDocumentError``."""
    return parse_https(uri, allow_fragment=True).authority


def same_origin(first: str, second: str) -> bool:
    """Do both share an origin? A URI we would refuse shares it with nothing, not even with itself."""
    try:
        return origin_of(first) == origin_of(second)
    except MalformedDocumentError:
        return False


def _is_seen(text: str) -> bool:
    return all(unicodedata.category(character) not in _NOT_SEEN for character in text)


def _to_ascii(host: str) -> str:
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError as error:  # the root of idna's own errors
        raise MalformedDocumentError(f"not a domain name: {_shown(host)}: {error}") from None


def _shown(text: str) -> str:
    """Fit for one log line, whatever the sender put in it."""
    return ascii(text[:200])
