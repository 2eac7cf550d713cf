"""One request: who asks, what the path names and what the body says, each looked at in the order that the protocol
has (contracts/punctum.md, 2.0)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec
from flask import g, request
from sqlalchemy.orm import Session

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import load_object
from app.db import reading
from app.errors import (
    InvalidTokenError,
    MalformedTokenError,
    UnauthenticatedError,
    UnsupportedMediaError,
)
from app.facades.punctum.problems import HiddenError, MissingObjectError, NoDataError, WrongTypeError
from app.queries.objects import OPEN_KINDS, Found, Kind, find_for, may_read
from app.queries.viewers import Viewer
from app.web import authentication
from app.web.bodies import read_body

Data = dict[str, Any]
Rule = Callable[[Session, Viewer | None, Found], bool]

TOKEN: Final = "auth_token"  # noqa: S105  A key's name.
_NO_DATA: Final = frozenset({"...", TOKEN})  # A comment, and who says it.


class Ask(msgspec.Struct):
    """`given` are the parts of the path, `asker` whoever has a token; `read` gives the body, when it is its turn."""

    given: Mapping[str, str]
    asker: Viewer | None
    read: Callable[[], Data | None] = msgspec.field(default_factory=lambda: read_data)
    _data: Data | None = msgspec.field(default=None)

    @property
    def viewer(self) -> Viewer:
        """Raises UnauthenticatedError."""
        if self.asker is None:
            raise UnauthenticatedError("Authentication required")
        return self.asker

    def require_viewer(self) -> None:
        """Raises what `viewer` does."""
        _ = self.viewer

    def find(self, kind: Kind | None = None, name: str = "id", *, may: Rule = may_read) -> Found:
        """What the path names. Raises MissingObjectError, UnauthenticatedError, HiddenError, WrongTypeError."""
        with reading() as session:
            return self.find_in(session, kind, name, may=may)

    def find_in(self, session: Session, kind: Kind | None = None, name: str = "id", *, may: Rule = may_read) -> Found:
        found = find_for(session, self.asker, self.given[name])
        if found is None:
            raise MissingObjectError
        if found.kind not in OPEN_KINDS and self.asker is None:
            raise UnauthenticatedError("Authentication required")
        if not may(session, self.asker, found):
            raise HiddenError
        if kind is not None and found.kind != kind:
            raise WrongTypeError
        return found

    def name(self) -> str:
        """A name in the path. Raises MissingObjectError for what nothing is called."""
        name = self.given["name"]
        if not name.isprintable():
            raise MissingObjectError
        return name

    def raw(self) -> bytes:
        """The body as it was sent. Raises NoDataError for a compressed one."""
        return _read_once()

    def data(self, kind: Kind | None = None, *, may_be_empty: bool = False) -> Data:
        """The body, without comments. Raises NoDataError, WrongTypeError for an object of another type."""
        if self._data is None:
            said = self.read() or {}
            self._data = {key: value for key, value in said.items() if key not in _NO_DATA}
        if not (self._data or may_be_empty):
            raise NoDataError
        named = self._data.get("object_type")
        if kind is not None and named is not None and named != kind:
            raise WrongTypeError("object_type: this endpoint is for another type of object.")
        return self._data


def read_data() -> Data | None:
    """The JSON object of the request as it is; None without a body. Raises NoDataError for whatever else there is."""
    body = _read_once()
    if not body:
        return None
    if not (request.mimetype == "application/json" or request.mimetype.endswith("+json")):
        raise NoDataError
    try:
        return dict(load_object(body))
    except MalformedDocumentError as error:
        raise NoDataError("The request body is not a JSON object we accept.") from error


@contextmanager
def bad_tokens_are_401() -> Iterator[None]:
    """What is no token at all, too, which PufferBlow answers 400 (contracts/punctum.md, 2.0)."""
    try:
        yield
    except MalformedTokenError as error:
        raise InvalidTokenError(error.message) from error


def find_asker() -> Viewer | None:
    """By the token in the query, the header or the body, or by a browser's session (contracts/punctum.md, 2.0).

    The body is there by then: it may take its time, in which a session may end. What a limited session needs depends on
    what is asked for. Raises UnauthenticatedError for a token that is none, ForbiddenError, and what `read_body` raises
    but for what is compressed.
    """
    if request.content_length or "Transfer-Encoding" in request.headers:
        with suppress(NoDataError):
            _read_once()
    with bad_tokens_are_401():
        viewer = authentication.find_bearer(authentication.token_in_query(TOKEN))
        if viewer is None and (given := _token_in_body()) is not None:
            viewer = authentication.find_bearer(given)
    return viewer or authentication.find_browser_asker()


def digest_of_request() -> str:
    """What tells this request from another one under the same Idempotency-Key: the route, and what its body says.

    The token is none of that, because it may have been renewed since.
    """
    said = {key: value for key, value in (read_data() or {}).items() if key not in _NO_DATA}
    return hashlib.sha256(request.path.encode() + b" " + msgspec.json.encode(said, order="sorted")).hexdigest()


def _token_in_body() -> str | None:
    """Raises MalformedTokenError for what is no text."""
    try:
        token = (read_data() or {}).get(TOKEN)
    except NoDataError:
        return None
    if token is not None and not isinstance(token, str):
        raise MalformedTokenError("The token is not a text.")
    return token


def _read_once() -> bytes:
    """Raises NoDataError, and what `read_body` raises but for what is compressed."""
    if "punctum_body" not in g:
        try:
            g.punctum_body = read_body(request)
        except UnsupportedMediaError as error:
            raise NoDataError("A JSON object is needed, not compressed.") from error
    body: bytes = g.punctum_body
    return body
