"""The one client that asks other servers for things, and believes as little as it can."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urljoin

from activitypub.addresses import AddressPolicy
from activitypub.errors import BlockedAddressError, FetchError, MalformedDocumentError, OriginError
from activitypub.fetch.connection import Connection, connect, tls_context
from activitypub.fetch.documents import ACCEPT, Document, is_at_home, read_document
from activitypub.fetch.exchange import Exchange, Request, Response
from activitypub.fetch.failures import Deadline, StaleConnectionError
from activitypub.fetch.names import NameLookup, Resolver, system_resolver
from activitypub.fetch.pool import ConnectionPool
from activitypub.uris import ParsedUri, parse_https, same_origin

# Either fixed, or made for each URL that is asked: a signature covers one URL.
HeaderSource: TypeAlias = Mapping[str, str] | Callable[[str], Mapping[str, str]]
_Read: TypeAlias = Callable[[Exchange], Response]

MAX_REDIRECTS: Final = 3
MAX_BYTES: Final = 1 << 20
DEADLINE_SECONDS: Final = 10.0
MAX_DISCARDED_BYTES: Final = 65536
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REPEATS: Final = frozenset({307, 308})
# Three slashes are a host to browsers (WHATWG URL) and a path to RFC 3986; some readers pass over white space first.
_AMBIGUOUS: Final = re.compile(r"^///|[\s\\]")


class FetchBudget:
    """How many requests one inbound activity may cause; not to be shared between threads."""

    def __init__(self, limit: int = 20) -> None:
        self.left = limit

    def spend(self) -> None:
        """Count one request. Raises ``FetchError`` (permanent) if it is one too many."""
        if self.left <= 0:
            raise FetchError("too many requests for one activity", permanent=True)
        self.left -= 1


class GuardedClient:
    """An https client for URLs chosen by strangers. Thread-safe; connections are kept and reused.

    Only https, only port 443 and ``extra_ports``, no host that ``is_refused``, only addresses the policy permits
    (checked on the address that is connected to, which is looked up once), certificates always verified, no
    proxies, no cookies, no compression, and a deadline over the whole of each call, however slowly bytes drip.

    Everything raised is a ``FetchError``: ``BlockedAddressError`` (permanent) for what may not be asked,
    ``UnreachableError`` (temporary, with a ``reason``) if no answer came, ``ResponseTooLargeError``.
    """

    def __init__(
        self,
        *,
        policy: AddressPolicy,
        ca_file: Path | None,
        user_agent: str,
        extra_ports: frozenset[int] = frozenset(),
        is_refused: Callable[[str], bool] = lambda host: False,
        resolver: Resolver | None = None,
    ) -> None:
        self._policy = policy
        self._extra_ports = extra_ports
        self._is_refused = is_refused
        self._user_agent = user_agent
        self._context = tls_context(ca_file)
        self._lookup = NameLookup(resolver or system_resolver, policy)
        self._pool = ConnectionPool()

    def get(
        self,
        url: str,
        *,
        headers: HeaderSource | None = None,
        max_bytes: int = MAX_BYTES,
        deadline_seconds: float = DEADLINE_SECONDS,
        budget: FetchBudget | None = None,
    ) -> Response:
        """The answer, whatever its status, after at most three redirects, each checked like the first URL.

        Raises ``FetchError`` (permanent) for a fourth redirect and for a URL that comes round again.
        """
        return self._get(url, headers or {}, max_bytes, Deadline(deadline_seconds), budget)

    def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: HeaderSource,
        deadline_seconds: float = DEADLINE_SECONDS,
        max_bytes: int = MAX_DISCARDED_BYTES,
    ) -> Response:
        """The answer, whatever its status, with at most ``max_bytes`` of its body.

        307 and 308 are followed once, within the origin; any other redirect is returned. A connection that
        died while it was idle is replaced and the request sent again, so repeating it must be harmless.
        """
        deadline = Deadline(deadline_seconds)
        first = self._post(url, body, headers, deadline, max_bytes)
        again = _redirect(first) if first.status in _REPEATS else None
        if again is None or not same_origin(first.url, again):
            return first
        return self._post(again, body, headers, deadline, max_bytes)

    def get_document(
        self,
        uri: str,
        *,
        headers: HeaderSource | None = None,
        deadline: Deadline | None = None,
        budget: FetchBudget | None = None,
    ) -> Document:
        """The ActivityPub document with that id, had from the origin of its id (FEP-fe34).

        One that gives another id is asked for once more under it, at its home; ``Document.uri`` is then
        that id. Raises ``NotFoundRemoteError``, ``GoneError`` and ``RemoteStatusError`` by the answer's
        status, ``OriginError`` if the document is not where its id says, ``MalformedDocumentError`` if it
        is not plain, strict JSON with a canonical id, ``FetchError`` (permanent) if it is of another media type.
        """
        deadline = deadline or Deadline(DEADLINE_SECONDS)
        signed = _accepting(headers or {})
        asked = uri
        for _ in range(2):
            document = read_document(self._get(asked, signed, MAX_BYTES, deadline, budget))
            if is_at_home(document, asked=asked):
                return document
            asked = document.uri
        raise OriginError(f"{uri} leads to one id after the other")

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def _get(
        self, url: str, headers: HeaderSource, max_bytes: int, deadline: Deadline, budget: FetchBudget | None
    ) -> Response:
        asked: set[str] = set()
        next_url: str | None = url
        while next_url is not None:
            uri = self._check(next_url)
            if uri.document in asked or len(asked) > MAX_REDIRECTS:
                raise FetchError(f"{url} redirects too often or in a circle", permanent=True)
            asked.add(uri.document)
            if budget is not None:
                budget.spend()
            request = Request("GET", uri, self._headers(headers, uri))
            response = self._send(request, deadline, lambda exchange: exchange.whole(max_bytes))
            next_url = _redirect(response)
        return response

    def _post(self, url: str, body: bytes, headers: HeaderSource, deadline: Deadline, max_bytes: int) -> Response:
        uri = self._check(url)
        request = Request("POST", uri, self._headers(headers, uri), body)
        return self._send(request, deadline, lambda exchange: exchange.beginning(max_bytes))

    def _check(self, url: str) -> ParsedUri:
        try:
            uri = parse_https(url, allow_ports=self._extra_ports, allow_fragment=True)
        except MalformedDocumentError as error:
            raise BlockedAddressError(str(error)) from error
        if self._is_refused(uri.host):
            raise BlockedAddressError(f"{uri.host} is refused")
        return uri

    def _headers(self, source: HeaderSource, uri: ParsedUri) -> dict[str, str]:
        # What is signed is what will be asked: other scripts are escaped in it.
        own = source(uri.origin + uri.target) if callable(source) else source
        return {
            "user-agent": self._user_agent,
            "accept-encoding": "identity",
            **{name.lower(): value for name, value in own.items()},
        }

    def _send(self, request: Request, deadline: Deadline, read: _Read) -> Response:
        endpoint = (request.uri.host, request.uri.port)
        kept = self._pool.take(endpoint)
        if kept is not None:
            try:
                return self._exchange(kept, request, deadline, read)
            except StaleConnectionError:
                pass
        return self._exchange(self._connect(request.uri, deadline), request, deadline, read)

    def _exchange(self, connection: Connection, request: Request, deadline: Deadline, read: _Read) -> Response:
        try:
            response = read(Exchange(connection, request, deadline))
        except BaseException:
            connection.close()
            raise
        self._pool.give((request.uri.host, request.uri.port), connection)
        return response

    def _connect(self, uri: ParsedUri, deadline: Deadline) -> Connection:
        addresses = self._lookup.addresses(uri.host, uri.port, deadline)
        return connect(
            addresses,
            uri.port,
            server_name=uri.host,
            context=self._context,
            policy=self._policy,
            deadline=deadline,
        )


def _redirect(response: Response) -> str | None:
    """Where the answer sends us, not yet checked."""
    location = response.headers.get("location")
    if response.status not in _REDIRECTS or location is None:
        return None
    if _AMBIGUOUS.search(location):
        raise BlockedAddressError(f"{response.url} redirects to what can be read in two ways")
    try:
        return urljoin(response.url, location)
    except ValueError as error:
        raise BlockedAddressError(f"{response.url} redirects to nonsense: {error}") from error


def _accepting(headers: HeaderSource) -> HeaderSource:
    if callable(headers):
        return lambda url: {"accept": ACCEPT, **headers(url)}
    return {"accept": ACCEPT, **headers}
