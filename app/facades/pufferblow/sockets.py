"""The sockets, `/ws` and `/ws/channels/{id}`: who gets one, and what clients say on it (contracts/pufferblow.md, 7)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

from cachetools import LRUCache
from flask import Blueprint, Flask, g, request
from flask_sock import Sock

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import load_object
from app.actions import presence
from app.actions.read_marks import mark_read
from app.db import reading
from app.errors import (
    AppError,
    ForbiddenError,
    InsufficientScopeError,
    InvalidInputError,
    InvalidTokenError,
    NotFoundError,
    TooManyRequestsError,
)
from app.facades.pufferblow.telling import check_since, tell_missed, tell_typing
from app.live.bucket import TokenBucket
from app.live.catching_up import CatchingUp
from app.live.connection import SERVER_OPTIONS, Connection
from app.live.ending import ending_at
from app.live.handshake import prepare_upgrade
from app.live.hub import Subscriber
from app.live.process import live
from app.live.statuses import tell_status
from app.queries.channels import require_visible
from app.queries.scopes import Scope
from app.queries.viewers import Viewer
from app.web.authentication import authenticate, find_current, token_expires_at
from app.web.client import client_network
from app.web.fields import read_fields

# What everybody is told of costs as much as there are sockets, so one person may say less of it than of the rest, on
# however many sockets, one after the other too.
BROADCASTS_PER_SECOND, BROADCASTS_BURST = 2.0, 10.0
_broadcasts: LRUCache[str, TokenBucket] = LRUCache(maxsize=8192)

# Of all that a socket tells.
SCOPES_OF_LISTENING: Final[tuple[Scope, ...]] = ("account:read", "channel:read", "message:read")

sockets = Blueprint("pufferblow_sockets", __name__)
_sock = Sock()

Body = Mapping[str, Any]


def mount(app: Flask) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
    app.register_blueprint(sockets)


@sockets.before_request
def admit() -> None:
    """Everything that may refuse a socket does so before the 101, as plain HTTP."""
    prepare_upgrade(request.environ)
    path = request.view_args or {}
    with ExitStack() as until:
        viewer = authenticate(read_fields(request, path, until=until))
    if viewer.session_id is None:
        raise ForbiddenError("A socket needs an auth_token.")
    for scope in SCOPES_OF_LISTENING:
        _check_scope(viewer, scope)
    if "channel_id" in path:
        _check_channel(viewer, path["channel_id"])
    g.viewer, g.network = viewer, client_network()
    g.since = _read_since(request.args.getlist("since"))
    if not live().hub.may_connect(viewer.actor_id, g.network):
        raise TooManyRequestsError("Too many sockets.")


@_sock.route("/ws", bp=sockets)  # type: ignore[untyped-decorator]  # flask-sock carries no types.
def global_socket(ws: Any) -> None:
    _serve(ws, g.viewer, None)


@_sock.route("/ws/channels/<channel_id>", bp=sockets)  # type: ignore[untyped-decorator]  # flask-sock carries no types.
def channel_socket(ws: Any, channel_id: str) -> None:
    _serve(ws, g.viewer, channel_id)


def _serve(ws: Any, viewer: Viewer, channel_id: str | None) -> None:
    with Connection(ws) as connection:
        since: int | None = g.since
        catching_up = None if since is None else CatchingUp(connection)
        subscriber = Subscriber(
            viewer.actor_id,
            connection,
            g.network,
            session_id=viewer.session_id,
            channel_id=channel_id,
            catching_up=catching_up,
            is_of_client=viewer.scopes is not None,
            scopes=viewer.scopes,
        )
        with live().joined(subscriber), ending_at(subscriber, token_expires_at()):
            if not _is_welcome(viewer, channel_id):
                subscriber.sign_out("signed out")
            if catching_up is not None and since is not None:
                tell_missed(subscriber, catching_up, since)
            client = _Client(viewer, channel_id)
            for message in connection.messages():
                answer = client.answer(message)
                if answer is not None:
                    connection.offer(json.dumps(answer))


def _check_scope(viewer: Viewer, scope: Scope) -> None:
    """Raises InsufficientScopeError."""
    if not viewer.is_allowed(scope):
        raise InsufficientScopeError(scope)


def _read_since(given: Sequence[str]) -> int | None:
    """The id of the event after which a client that comes back wants to hear everything. Raises InvalidInputError."""
    if not given:
        return None
    text, *others = given
    if others or not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidInputError("since: the id of an event is a number.")
    since = int(text)
    check_since(since)
    return since


def _is_welcome(viewer: Viewer, channel_id: str | None) -> bool:
    """Asked once more when the socket is told of everything: what ended before, it was not told of."""
    try:
        current = find_current(viewer)
        if channel_id is not None:
            _check_channel(current, channel_id)
    except (ForbiddenError, InvalidTokenError):
        return False
    return True


def _check_channel(viewer: Viewer, channel_id: str) -> None:
    """The same 403 for a channel that is not there and for one that is not for the viewer."""
    try:
        with reading() as session:
            require_visible(session, viewer, channel_id)
    except NotFoundError as error:
        raise ForbiddenError("There is no such channel, or it is not for you.") from error


class _Client:
    """What one client says. Its socket may be open for days, and what ends it may be told late, so its session and its
    rights are looked up each time."""

    def __init__(self, viewer: Viewer, channel_id: str | None) -> None:
        self._opened_by = viewer
        self._channel_id = channel_id

    def answer(self, message: str | bytes) -> Body | None:
        """Nothing for what is no JSON object in text, or of an unknown type."""
        body = _read(message)
        handle = _HANDLERS.get(str(body.get("type")))
        try:
            return None if handle is None else handle(self, body)
        except AppError as error:
            return {"type": "error", "error": error.message}

    def ping(self, _body: Body) -> Body:
        return {"type": "pong", "timestamp": datetime.now(UTC).isoformat()}

    def set_status(self, body: Body) -> None:
        status = body.get("status")
        if not isinstance(status, str):
            raise InvalidInputError("Missing status field in presence update message.")
        self._check_broadcasts()
        viewer = self._allowed("account:write")
        tell_status(presence.set_status(viewer.actor_id, status), "ws_client_update")

    def confirm_reading(self, body: Body) -> None:
        """Not answered. The channel is the message's own, whatever the client says."""
        viewer = self._allowed("message:write")
        message_id = body.get("message_id")
        if isinstance(message_id, str):
            try:
                mark_read(viewer, message_id)
            except NotFoundError:
                return

    def type(self, body: Body) -> None:
        """Whoever may see the channel is told, in every process. Raises NotFoundError, ForbiddenError."""
        self._check_broadcasts()
        viewer = self._allowed("message:write")
        channel_id = self._channel_id or str(body.get("channel_id"))
        username, users = presence.find_typist(viewer, channel_id)
        tell_typing(viewer.actor_id, username, channel_id, users=users)

    def _allowed(self, scope: Scope) -> Viewer:
        """Who says it, as they are now. Raises InsufficientScopeError, InvalidTokenError for a session that has ended,
        ForbiddenError for a banned account."""
        viewer = find_current(self._opened_by)
        _check_scope(viewer, scope)
        return viewer

    def _check_broadcasts(self) -> None:
        whole = TokenBucket(per_second=BROADCASTS_PER_SECOND, burst=BROADCASTS_BURST)
        if not _broadcasts.setdefault(self._opened_by.actor_id, whole).take():
            raise TooManyRequestsError("That was said too often. Wait a moment.")


def _read(message: str | bytes) -> Body:
    """Empty for what is ignored."""
    try:
        return load_object(message.encode()) if isinstance(message, str) else {}
    except MalformedDocumentError:
        return {}


_HANDLERS: dict[str, Callable[[_Client, Body], Body | None]] = {
    "ping": _Client.ping,
    "presence_update": _Client.set_status,
    "status_update": _Client.set_status,
    "user_status_changed": _Client.set_status,
    "read_confirmation": _Client.confirm_reading,
    "typing": _Client.type,
}
