"""Who asks: the token of a request, wherever the client put it (contracts/pufferblow.md, 0.1 and 0.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flask import g, request

from app.actions.digests import digest_of
from app.actions.oauth.browsers import find_signed_in
from app.actions.tokens import BAD_FORMAT, INVALID, read_access_token
from app.db import reading
from app.errors import (
    AppError,
    InvalidTokenError,
    MalformedTokenError,
    UnauthenticatedError,
)
from app.queries.accounts import find_node_viewer, find_viewer
from app.queries.scopes import Scope
from app.queries.viewers import Viewer
from app.web.cookies import is_meant, read_cookie
from app.web.fields import Fields


def authenticate(fields: Fields) -> Viewer:
    """The account the request's token speaks for.

    Raises UnauthenticatedError without a token or with one that ended, MalformedTokenError for what is not a token of
    ours, ForbiddenError for a banned account.
    """
    token = _find_token(fields)
    return viewer_of_token(token) if token else _node_viewer()


def find_asker(given: str | None, *, scope: Scope | None) -> Viewer | None:
    """Who asks on a route for everybody, by the token that was `given` or is in the header; None without one.

    Raises what `authenticate` does for a token that is none, InsufficientScopeError for one that lacks `scope`.
    """
    viewer = find_bearer(given)
    if viewer is not None:
        viewer.require_scope(scope)
    return viewer


def find_bearer(given: str | None) -> Viewer | None:
    """Like `find_asker`, where what is asked for decides which scope it takes."""
    token = given or _find_token(Fields())
    return viewer_of_token(token) if token else None


def token_in_query(*names: str) -> str | None:
    """Under whichever of the names it is there. Raises MalformedTokenError for several: which of them a proxy or a log
    would see is not ours to guess."""
    given = [token for name in names for token in request.args.getlist(name) if token]
    if len(given) > 1:
        raise MalformedTokenError("The token is given more than once.")
    return given[0] if given else None


def find_browser_asker() -> Viewer | None:
    """Who is signed in with the browser that asks, if it is they who ask and not another site by their browser.

    Raises ForbiddenError for a banned account.
    """
    cookie = read_cookie()
    viewer = find_signed_in(cookie) if cookie is not None and is_meant() else None
    g.asker = viewer
    return viewer


def is_owner_asking() -> bool:
    """Whether the owner of the server asks: by the token that let the request in, or one in the query or the header.

    A client of the owner's is told nothing that it was not allowed.
    """
    scope: Final = "instance:modify"
    try:
        viewer: Viewer | None = g.get("asker") or find_asker(request.args.get("auth_token"), scope=scope)
    except AppError:
        return False
    return viewer is not None and "owner" in viewer.roles and viewer.is_allowed(scope)


def viewer_of_token(token: str) -> Viewer:
    """Raises MalformedTokenError, InvalidTokenError, ForbiddenError."""
    claims = read_access_token(token)
    g.token_expires_at = claims.expires_at
    with reading() as session:
        viewer = find_viewer(session, actor_id=claims.actor_id, session_id=claims.session_id, scopes=claims.scopes)
    if viewer is None:
        raise InvalidTokenError(INVALID)
    g.asker = viewer
    return viewer


def find_current(viewer: Viewer) -> Viewer:
    """Whom a session that was looked up before speaks for now, and what they may do.

    Raises InvalidTokenError for one that has ended, ForbiddenError for a banned account.
    """
    with reading() as session:
        found = find_viewer(session, actor_id=viewer.actor_id, session_id=viewer.session_id or "", scopes=viewer.scopes)
    if found is None:
        raise InvalidTokenError("This session has ended.")
    return found


def _node_viewer() -> Viewer:
    """A client that has a node's session may send no token (contracts/pufferblow.md, 2)."""
    token = request.headers.get("X-Pufferblow-Node-Session")
    if not token:
        raise UnauthenticatedError("Authentication required")
    with reading() as session:
        viewer = find_node_viewer(session, digest=digest_of(token), now=datetime.now(UTC))
    if viewer is None:
        raise UnauthenticatedError("Invalid or expired session token")
    return viewer


def token_expires_at() -> datetime | None:
    """When the token of this request ends; None for a request without one."""
    at: datetime | None = g.get("token_expires_at")
    return at


def _find_token(fields: Fields) -> str | None:
    """Like any parameter; the header is asked last."""
    given = fields.find("auth_token")
    if given is None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return given.strip() if scheme.lower() == "bearer" else None
    if not isinstance(given, str):
        raise MalformedTokenError(BAD_FORMAT)
    return given
