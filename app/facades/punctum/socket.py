"""The client socket, `/api/v1/client/socket` (contracts/punctum.md, 3.3): who gets one, and what is said on it."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any, Final

import msgspec
from flask import Blueprint, Flask, g, request
from flask_sock import Sock

from app.actions.oauth.browsers import find_signed_in
from app.errors import (
    AppError,
    ForbiddenError,
    InvalidTokenError,
    TooManyRequestsError,
    UnauthenticatedError,
    UpgradeNeededError,
)
from app.facades.punctum.api import PREFIX, route
from app.facades.punctum.ask import Ask, bad_tokens_are_401
from app.facades.punctum.pings import answer_ping, read_ping
from app.facades.punctum.telling import SIGHTS
from app.live.connection import SERVER_OPTIONS, Connection
from app.live.ending import ending_at
from app.live.handshake import find_bearer, prepare_upgrade
from app.live.hub import Subscriber
from app.live.process import live
from app.queries.punctum.shown import Shown
from app.queries.scopes import Scope
from app.queries.viewers import Viewer
from app.settings import current
from app.web.answers import explain
from app.web.authentication import find_current, token_expires_at, token_in_query, viewer_of_token
from app.web.client import client_network
from app.web.cookies import read_cookie
from app.web.limiting import count_said

# Of all that a socket tells.
SCOPES_OF_LISTENING: Final[tuple[Scope, ...]] = ("account:read", "channel:read", "conference:read", "message:read")

PATH: Final = "/client/socket"
_log = logging.getLogger(__name__)
_blueprint = Blueprint("punctum_socket", __name__)
_sock = Sock()


def mount(app: Flask) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
    app.register_blueprint(_blueprint)


@route("GET", PATH, scope="account:read", status=101, is_open=True, errors={426})
def get_socket(_ask: Ask) -> Shown:
    """Without an upgrade there is nothing here, and strangers are not even told that."""
    _authenticate()
    raise UpgradeNeededError("A WebSocket is opened here.")


@_blueprint.before_request
def admit() -> None:
    """Everything that may refuse a socket does so before the 101, as plain HTTP."""
    viewer = _authenticate()
    prepare_upgrade(request.environ, takes_bearer=True)
    # Of the upgrade alone: every POST on the socket would be the same one.
    request.environ.pop("HTTP_IDEMPOTENCY_KEY", None)
    for scope in SCOPES_OF_LISTENING:
        viewer.require_scope(scope)
    g.viewer, g.network = viewer, client_network()
    if not live().hub.may_connect(viewer.actor_id, g.network):
        raise TooManyRequestsError("Too many sockets.")


@_sock.route(PREFIX + PATH, bp=_blueprint)  # type: ignore[untyped-decorator]  # flask-sock carries no types.
def client_socket(ws: Any) -> None:
    viewer: Viewer = g.viewer
    with Connection(ws) as connection, ExitStack() as stack:
        subscriber = Subscriber(
            viewer.actor_id,
            connection,
            g.network,
            session_id=viewer.session_id,
            is_of_client=True,
            family="punctum",
        )
        stack.enter_context(SIGHTS.kept(viewer))
        stack.enter_context(live().joined(subscriber))
        stack.enter_context(ending_at(subscriber, token_expires_at()))
        client = _Client(viewer, subscriber)
        client.check()
        for message in connection.messages():
            connection.offer(msgspec.json.encode(client.answer(message)).decode())


class _Client:
    """What one client says. Its socket may be open for days, so its rights are looked up each time."""

    def __init__(self, viewer: Viewer, subscriber: Subscriber) -> None:
        self._viewer = viewer
        self._subscriber = subscriber

    def check(self) -> None:
        """Asked once more when the socket is told of everything: what ended before, it was not told of."""
        try:
            find_current(self._viewer)
        except (ForbiddenError, InvalidTokenError):
            self._subscriber.sign_out("signed out")

    def answer(self, message: str | bytes) -> Shown:
        """One frame for each that comes, with the `request_id` of a request that has one (contract, D-34)."""
        named: Shown = {}
        try:
            ping = read_ping(message)
            named = {"request_id": ping["request_id"]} if "request_id" in ping else {}
            count_said()
            return answer_ping(ping, find_current(self._viewer)) | named
        except AppError as error:
            return explain(error) | named
        except Exception as error:  # noqa: BLE001  One request failed, not the socket.
            _log.error("a ping failed", exc_info=error)
            return explain(AppError("Internal Server Error")) | named


def _authenticate() -> Viewer:
    """By a token in the header, the query or the subprotocol, or by the cookie of a page of ours.

    Raises UnauthenticatedError, and ForbiddenError for a banned account.
    """
    with bad_tokens_are_401():
        token = _find_token()
        viewer = _browser_viewer() if token is None else viewer_of_token(token)
    if viewer is None:
        raise UnauthenticatedError("Authentication required")
    return viewer


def _find_token() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return token_in_query("auth_token", "access_token") or find_bearer(request.environ)


def _browser_viewer() -> Viewer | None:
    """A browser sends its cookie whoever's page opens the socket, but says whose page it is (RFC 6455, 10.2)."""
    cookie = read_cookie()
    if cookie is None or request.headers.get("Origin") != current().origin:
        return None
    return find_signed_in(cookie)
