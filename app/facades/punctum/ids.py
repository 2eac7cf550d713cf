"""Any object by its id, several at once, and the instance (contracts/punctum.md, 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from app.db import reading
from app.errors import ForbiddenError, UnauthenticatedError
from app.facades.punctum import accounts, channels, conferences, emoji, invites, members, messages, reports, roles
from app.facades.punctum.api import ROUTES, route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import do, show_id, shown_before
from app.facades.punctum.instances import is_signed, show_to_instance
from app.facades.punctum.keys import INSTANCE, KEYS
from app.facades.punctum.problems import (
    HiddenError,
    MissingKeyError,
    TooLongError,
    TooManyError,
    UnknownReferenceError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.scopes import DEPENDS, READING, allow_reading, allow_writing
from app.facades.punctum.shapes import ANY, Body, body, change_of, stash_of
from app.facades.punctum.values import Check, reference, references
from app.ids import INSTANCE_ID
from app.pipeline import compose
from app.queries.objects import OPEN_KINDS, Found, Kind, find_for, may_read, may_remove
from app.queries.privileges import OF_ADMINS
from app.queries.punctum.federated import MAX_STASH
from app.queries.punctum.shown import Shown, show, show_all, stash
from app.queries.stretches import are_too_long
from app.queries.viewers import Viewer

_MAKERS: Final[Mapping[str, Callable[[Viewer, Data], Shown]]] = {
    "account": accounts.create,
    "conference": conferences.create,
    "channel": channels.create,
    "message": messages.create,
    "invite": invites.create,
    "role": roles.create,
    "report": reports.create,
    "emoji": emoji.create,
}


def change_instance(ask: Ask, found: Found) -> Shown:
    viewer = ask.viewer
    if not viewer.has(OF_ADMINS):
        raise ForbiddenError("Only an admin may change the instance.")
    if found.id != INSTANCE_ID:
        raise ForbiddenError("Another instance says itself what it is.")
    changes = INSTANCE.of_change(ask.data(), shown_before(ask, found))
    description = (changes["description"] or "") if "description" in changes else None
    do(compose.server(viewer, name=changes.get("name"), description=description))
    return show_id(viewer, INSTANCE_ID)


def keep_instance(_ask: Ask, _found: Found) -> Shown:
    raise ForbiddenError("An instance is not deleted.")


def change_report(ask: Ask, found: Found) -> Shown:
    return reports.change(ask, found)


_CHANGERS: Final[Mapping[Kind, Callable[[Ask, Found], Shown]]] = {
    "instance": change_instance,
    "account": accounts.change,
    "conference": conferences.change,
    "conference_member": members.change,
    "channel": channels.change,
    "message": messages.change,
    "role": roles.change,
    "invite": invites.change,
    "report": change_report,
    "emoji": emoji.change,
}
_REMOVERS: Final[Mapping[Kind, Callable[[Ask, Found], Shown]]] = {
    "instance": keep_instance,
    "account": accounts.remove,
    "conference": conferences.remove,
    "conference_member": members.remove,
    "channel": channels.remove,
    "message": messages.remove,
    "role": roles.remove,
    "invite": invites.remove,
    "report": reports.remove,
    "emoji": emoji.remove,
}


@route("GET", "/instance", scope=READING["instance"], is_open=True, answers="instance")
def get_instance(ask: Ask) -> Shown:
    return show_instance(ask.asker)


def show_instance(asker: Viewer | None) -> Shown:
    with reading() as session:
        return show(session, asker, Found("instance", INSTANCE_ID, None))


def create_any(viewer: Viewer, data: Data) -> Shown:
    """By the type that the data say."""
    kind = data.get("object_type")
    if kind is None:
        raise MissingKeyError("object_type")
    if kind == "instance":
        raise ForbiddenError("Instances are not made by clients.")
    if kind == "conference_member":
        raise WrongTypeError("Members are made by joining.")
    maker = _MAKERS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise WrongTypeError("object_type: there is no such type.")
    allow_writing(viewer, cast("Kind", kind))
    return maker(viewer, data)


def change_any(ask: Ask, found: Found) -> Shown:
    allow_writing(ask.viewer, found.kind)
    return _CHANGERS[found.kind](ask, found)


def remove_any(ask: Ask, found: Found) -> Shown:
    allow_writing(ask.viewer, found.kind)
    return _REMOVERS[found.kind](ask, found)


def _post(ask: Ask) -> Shown:
    return create_any(ask.viewer, ask.data())


def show_found(ask: Ask, found: Found) -> Shown:
    with reading() as session:
        return show(session, ask.asker, found)


def _get(ask: Ask) -> Shown:
    if is_signed():
        return show_to_instance(ask)
    with reading() as session:
        found = ask.find_in(session)
        allow_reading(ask.asker, found.kind)
        return show(session, ask.asker, found)


def _patch(ask: Ask) -> Shown:
    return change_any(ask, ask.find())


def _delete(ask: Ask) -> Shown:
    return remove_any(ask, ask.find(may=may_remove))


def _any_new() -> Body:
    """As each is made at an address of its own; here it has to say what it is."""
    made = [
        one.takes
        for one in ROUTES
        if isinstance(one.answers, str) and one.answers in _MAKERS and one.takes and one.path.count("/") == 1
    ]
    return Body({"anyOf": [takes.schema for takes in made], "required": ["object_type"]})


_ANY_NEW: Final = _any_new()
_ANY_CHANGE: Final = Body({"anyOf": [change_of(kind).schema for kind in _CHANGERS]})
_ID_LIST: Final = Check({**references.schema, "minItems": 1}, references.read)

for _path in ("/id", "/ids"):
    route("POST", _path, scope=DEPENDS, status=201, answers=ANY, takes=_ANY_NEW)(_post)
    route("GET", f"{_path}/{{id}}", scope=DEPENDS, is_open=True, answers=ANY, signed="may")(_get)
    route("PATCH", f"{_path}/{{id}}", scope=DEPENDS, answers=ANY, takes=_ANY_CHANGE)(_patch)
    route("DELETE", f"{_path}/{{id}}", scope=DEPENDS)(_delete)


@route(
    "POST",
    "/stash/request",
    scope=DEPENDS,
    is_open=True,
    answers=stash_of(*KEYS),
    takes=body("id_list", id_list=_ID_LIST),
)
def request_stash(ask: Ask) -> Shown:
    return make_stash(ask.asker, ask.data())


def make_stash(asker: Viewer | None, data: Data) -> Shown:
    """All of it or nothing (contracts/punctum.md, 6, H-26)."""
    ids: Any = data.get("id_list")
    if ids is None:
        raise MissingKeyError("id_list")
    if not isinstance(ids, list) or not ids:
        raise WrongValueError("id_list", "a list of 1 to 100 IDs")
    if len(ids) > MAX_STASH:
        raise TooManyError("id_list", MAX_STASH)
    wanted = list(dict.fromkeys(reference("id_list", one) for one in ids))
    with reading() as session:
        several: list[Found] = []
        for id_ in wanted:
            found = find_for(session, asker, id_)
            if found is None:
                raise UnknownReferenceError("id_list")
            if found.kind not in OPEN_KINDS and asker is None:
                raise UnauthenticatedError("Authentication required")
            if not may_read(session, asker, found):
                raise HiddenError
            allow_reading(asker, found.kind)
            several.append(found)
        if are_too_long(session, [found.id for found in several if found.kind == "message"]):
            raise TooLongError("id_list")
        return stash(show_all(session, asker, several))
