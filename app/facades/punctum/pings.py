"""Request pings (contracts/punctum.md, 3.1): what a client asks on its socket, answered as it is over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import load_object
from app.facades.punctum import accounts, ids, invites, messages, reports
from app.facades.punctum.api import scope_of
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.problems import MissingKeyError, NoDataError, WrongTypeError, WrongValueError
from app.facades.punctum.scopes import DEPENDS, allow, allow_reading
from app.queries.objects import Found, Kind, may_remove
from app.queries.punctum.shown import Shown
from app.queries.viewers import Viewer

Ping = Mapping[str, Any]

PING: Final = "ping"
REQUEST: Final = "client_request"

# What the target of a POST is to the new object, by the kinds of both.
_PARENTS: Final[Mapping[tuple[str, str], str]] = {
    ("conference", "channel"): "parent_conference",
    ("conference", "role"): "parent_conference",
    ("conference", "emoji"): "parent_conference",
    ("conference", "invite"): "conference_id",
    ("channel", "message"): "parent_channel",
}


def read_ping(message: str | bytes) -> Ping:
    """Raises NoDataError for what is no JSON object in text."""
    if not isinstance(message, str):
        raise NoDataError("A JSON object in text is needed.")
    try:
        return load_object(message.encode())
    except (MalformedDocumentError, UnicodeEncodeError) as error:
        raise NoDataError("This is not a JSON object that we accept.") from error


def answer_ping(ping: Ping, viewer: Viewer) -> Shown:
    """Do what is asked; the result, which is what the route for it answers.

    Raises AppError: WrongTypeError for what is no request ping or has an unknown method.
    """
    if ping.get("type") != PING or ping.get("ping_type") != REQUEST:
        raise WrongTypeError("Only request pings are taken here.")
    method = ping.get("request_method", ping.get("request_type"))
    handle = _HANDLERS.get(method) if isinstance(method, str) else None
    if handle is None:
        raise WrongTypeError("request_method: there is no such method.")
    return handle(ping, viewer)


def _ask(ping: Ping, viewer: Viewer) -> Ask:
    """About the target of the ping."""
    target = ping.get("request_target_id")
    if target is None:
        raise MissingKeyError("request_target_id")
    if not isinstance(target, str):
        raise WrongValueError("request_target_id", "an ID")
    return Ask({"id": target}, viewer, lambda: _data(ping))


def _data(ping: Ping) -> Data | None:
    data = ping.get("request_data")
    if data is not None and not isinstance(data, dict):
        raise NoDataError("request_data: a JSON object is needed.")
    return None if data is None else dict(data)


def _get(ping: Ping, viewer: Viewer) -> Shown:
    ask = _ask(ping, viewer)
    found = ask.find()
    allow_reading(viewer, found.kind)
    return ids.show_found(ask, found)


def _post(ping: Ping, viewer: Viewer) -> Shown:
    target = ping.get("request_target_id")
    if target is None:
        ask = Ask({}, viewer, lambda: _data(ping))
        parent = None
    else:
        ask = _ask(ping, viewer)
        parent = ask.find()
    data = ask.data()
    kind = data.get("object_type")
    if parent is not None:
        data = data | {_parent_key(parent, kind): parent.id}
    return ids.create_any(ask.viewer, data)


def _parent_key(parent: Found, kind: Any) -> str:
    if kind is None:
        raise MissingKeyError("object_type")
    key = _PARENTS.get((parent.kind, kind)) if isinstance(kind, str) else None
    if key is None:
        raise WrongTypeError("request_target_id: no parent for an object of this type.")
    return key


def _patch(ping: Ping, viewer: Viewer) -> Shown:
    ask = _ask(ping, viewer)
    found = ask.find()
    return ids.change_any(ask, found)


def _delete(ping: Ping, viewer: Viewer) -> Shown:
    ask = _ask(ping, viewer)
    found = ask.find(may=may_remove)
    return ids.remove_any(ask, found)


def _join(ping: Ping, viewer: Viewer) -> Shown:
    ask, found = _target(ping, viewer, "invite", "/invites/{id}/join")
    return invites.join(ask.viewer, found)


def _block(ping: Ping, viewer: Viewer) -> Shown:
    ask, found = _target(ping, viewer, "account", "/accounts/{id}/block")
    return accounts.block(ask.viewer, found)


def _react(ping: Ping, viewer: Viewer) -> Shown:
    ask, found = _target(ping, viewer, "message", "/messages/{id}/react")
    return messages.react(ask.viewer, found, ask.data())


def _report(ping: Ping, viewer: Viewer) -> Shown:
    ask, found = _target(ping, viewer, None, "/id/{id}/report")
    return reports.report(ask.viewer, found, ask.data("report", may_be_empty=True))


def _target(ping: Ping, viewer: Viewer, kind: Kind | None, path: str) -> tuple[Ask, Found]:
    ask = _ask(ping, viewer)
    needed = scope_of("POST", path)
    if needed != DEPENDS:
        allow(viewer, needed)
    return ask, ask.find(kind)


_HANDLERS: Final[Mapping[str, Callable[[Ping, Viewer], Shown]]] = {
    "GET": _get,
    "POST": _post,
    "PATCH": _patch,
    "DELETE": _delete,
    "JOIN": _join,
    "BLOCK": _block,
    "REACT": _react,
    "REPORT": _report,
}
