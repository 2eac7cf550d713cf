"""The sockets, `/ws` and `/ws/channels/{id}` (contracts/pufferblow.md, 7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, Flask, g, request
from flask_sock import Sock

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import load_object
from app.actions import presence
from app.actions.read_marks import mark_read
from app.db import reading
from app.errors import AppError, ForbiddenError, NotFoundError, TooManyRequestsError, UnavailableError
from app.facades.pufferblow.authentication import authenticate
from app.facades.pufferblow.telling import tell, tell_ephemeral
from app.live.connection import SERVER_OPTIONS, Connection
from app.live.handshake import prepare_upgrade
from app.live.hub import Subscriber
from app.live.process import Live, live
from app.queries.channels import get_visible
from app.queries.viewers import Viewer
from app.queries.visibility import place_of_channel, who_may_see
from app.services.bus import EPHEMERAL
from app.web.client import client_ip
from app.web.fields import read_fields

sockets = Blueprint("pufferblow_sockets", __name__)
_sock = Sock()

Body = Mapping[str, Any]


def mount(app: Flask) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
    app.register_blueprint(sockets)


def follow_events(here: Live) -> None:
    """Have this process's sockets told of what happens, here and in other processes."""
    here.feed.register(tell)
    here.bus.listen(EPHEMERAL, tell_ephemeral)


@sockets.before_request
def admit() -> None:
    """Everything that may refuse a socket does so before the 101, as plain HTTP."""
    prepare_upgrade(request.environ)
    viewer = authenticate(read_fields(request, {}))
    channel_id = (request.view_args or {}).get("channel_id")
    if channel_id is not None:
        _check_channel(viewer, channel_id)
    if not live().hub.may_connect(viewer.actor_id, client_ip()):
        raise TooManyRequestsError("Too many sockets.")
    g.viewer = viewer


@_sock.route("/ws", bp=sockets)  # type: ignore[untyped-decorator]  # flask-sock carries no types.
def global_socket(ws: Any) -> None:
    _serve(ws, g.viewer, None)


@_sock.route("/ws/channels/<channel_id>", bp=sockets)  # type: ignore[untyped-decorator]  # flask-sock carries no types.
def channel_socket(ws: Any, channel_id: str) -> None:
    _serve(ws, g.viewer, channel_id)


def _serve(ws: Any, viewer: Viewer, channel_id: str | None) -> None:
    source = "ws_global_connect" if channel_id is None else "ws_channel_connect"
    with Connection(ws) as connection:
        subscriber = Subscriber(
            viewer.actor_id, connection, client_ip(), session_id=viewer.session_id, channel_id=channel_id
        )
        with live().joined(subscriber) as is_first:
            if is_first:
                _tell_status(viewer, presence.come_online(viewer.actor_id), source)
            for message in connection.messages():
                answer = _answer(viewer, message, channel_id)
                if answer is not None:
                    connection.offer(json.dumps(answer))
        if viewer.actor_id not in live().hub.viewers():
            _leave(viewer)


def _leave(viewer: Viewer) -> None:
    """Best effort: a status that could not be written is put right by the next one."""
    try:
        _tell_status(viewer, presence.go_offline(viewer.actor_id), "ws_disconnect")
    except UnavailableError:
        return


def _check_channel(viewer: Viewer, channel_id: str) -> None:
    """The same 403 for a channel that is not there and for one that is not for the viewer."""
    try:
        with reading() as session:
            get_visible(session, viewer, channel_id)
    except NotFoundError as error:
        raise ForbiddenError("There is no such channel, or it is not for you.") from error


def _answer(viewer: Viewer, message: str | bytes, channel_id: str | None) -> Body | None:
    """What a client is told about its message; nothing for what is no JSON object or of an unknown type."""
    try:
        body = load_object(message.encode() if isinstance(message, str) else message)
    except MalformedDocumentError:
        return None
    handle = _HANDLERS.get(str(body.get("type")))
    if handle is None:
        return None
    try:
        return handle(viewer, body, channel_id)
    except AppError as error:
        return {"type": "error", "error": error.message}


def _ping(_viewer: Viewer, _body: Body, _channel_id: str | None) -> Body:
    return {"type": "pong", "timestamp": datetime.now(UTC).isoformat()}


def _status(viewer: Viewer, body: Body, _channel_id: str | None) -> Body | None:
    status = body.get("status")
    if not isinstance(status, str):
        return {"type": "error", "error": "Missing status field in presence update message."}
    _tell_status(viewer, presence.set_status(viewer.actor_id, status), "ws_client_update")
    return None


def _read(viewer: Viewer, body: Body, _channel_id: str | None) -> None:
    """Read confirmations are not answered. The channel is the message's own, whatever the client says."""
    message_id = body.get("message_id")
    if isinstance(message_id, str):
        try:
            mark_read(viewer, message_id)
        except NotFoundError:
            return


def _typing(viewer: Viewer, body: Body, channel_id: str | None) -> None:
    """Told to those who may see the channel, on this server only."""
    channel_id = channel_id or str(body.get("channel_id"))
    with reading() as session:
        channel, _ = get_visible(session, viewer, channel_id)
        users = who_may_see(session, place_of_channel(channel), live().hub.viewers())
    told = {"type": "typing", "channel_id": channel_id, "user_id": viewer.actor_id, "username": viewer.username}
    _publish(told, users=sorted(users - {viewer.actor_id}), channel_id=channel_id)


def _tell_status(viewer: Viewer, status: str | None, source: str) -> None:
    if status is None:
        return
    told = {
        "type": "user_status_changed",
        "user_id": viewer.actor_id,
        "status": status,
        "source": source,
        "timestamp": datetime.now(UTC).isoformat(),
    }
    _publish(told, users=None, channel_id=None)


def _publish(body: Body, *, users: list[str] | None, channel_id: str | None) -> None:
    payload = {"body": body, "users": users, "channel_id": channel_id}
    live().bus.publish(EPHEMERAL, msgspec.json.encode(payload))


_HANDLERS: dict[str, Callable[[Viewer, Body, str | None], Body | None]] = {
    "ping": _ping,
    "presence_update": _status,
    "status_update": _status,
    "user_status_changed": _status,
    "read_confirmation": _read,
    "typing": _typing,
}
