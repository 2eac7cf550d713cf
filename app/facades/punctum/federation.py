"""Between instances (contracts/punctum.md, 2.2): the inbox, subscriptions, and coming in by an invite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.actions.peers.hearing import subscribe, unsubscribe
from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask
from app.facades.punctum.ids import show_instance
from app.facades.punctum.instances import check_welcome, sender
from app.facades.punctum.joining import let_in
from app.facades.punctum.messages import REACTIONS
from app.facades.punctum.pinged import PING, answer_ping
from app.facades.punctum.problems import (
    HiddenError,
    MissingKeyError,
    MissingObjectError,
    TooManyError,
    UnknownReferenceError,
    WrongReferenceError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.scopes import READING
from app.facades.punctum.shapes import ID_ALONE, TOLD, TOLD_STASH, Body, body
from app.facades.punctum.taking import Taking, read_identity, take_several
from app.facades.punctum.values import Schema, reference
from app.ids import is_object_id
from app.queries.objects import Found, FoundConversation, may_read
from app.queries.peers import find_home
from app.queries.punctum.federated import MAX_STASH, instance_viewer, show_for
from app.queries.punctum.shown import Shown, stash
from app.queries.viewers import Viewer

_SENT: Final = Body({"anyOf": [TOLD, TOLD_STASH, PING]})
_TAKEN: Final[Schema] = {"anyOf": [TOLD, TOLD_STASH, ID_ALONE, REACTIONS]}


@route("GET", "/federation/inbox", scope=READING["instance"], is_open=True, answers="instance")
def get_inbox(ask: Ask) -> Shown:
    check_welcome(ask)
    return show_instance(ask.asker)


@route("POST", "/federation/inbox", scope=None, is_open=True, answers=_TAKEN, takes=_SENT, signed="must")
def post_inbox(ask: Ask) -> Shown:
    """An object, a stash or a request ping of an instance; what came of it, in our ids."""
    data = ask.data()
    signer = sender(ask)
    match data.get("type", "object"):
        case "object":
            return _take_object(signer, data)
        case "stash":
            return _take_stash(signer, data)
        case "ping":
            return answer_ping(signer, data)
        case _:
            raise WrongTypeError("type: object, stash or ping.")


@route("POST", "/federation/subscribe/{id}", scope=None, is_open=True, answers=TOLD, signed="must")
def post_subscribe(ask: Ask) -> Shown:
    signer = sender(ask)
    found = _target(signer, ask.given["id"])
    with reading() as session:
        may_hear = may_read(session, instance_viewer(_domain(signer)), found)
        is_elsewhere = found.space_id is not None and find_home(session, found.space_id) is not None
    if isinstance(found.value, FoundConversation) and may_hear:
        return _show(signer, found.id)  # Whoever is in it is told of it anyway.
    if found.kind not in ("account", "conference"):
        raise WrongTypeError
    is_elsewhere = is_elsewhere or (found.kind == "account" and found.value.host is not None)
    if not may_hear or is_elsewhere or (found.kind == "conference" and found.value.is_home):
        raise HiddenError
    subscribe(_domain(signer), found.id)
    return _show(signer, found.id)


@route("POST", "/federation/unsubscribe/{id}", scope=None, is_open=True, signed="must")
@route("DELETE", "/federation/unsubscribe/{id}", scope=None, is_open=True, signed="must")
def post_unsubscribe(ask: Ask) -> Shown:
    """Whoever is not subscribed is not so afterwards, either."""
    signer = sender(ask)
    found = _target(signer, ask.given["id"])
    unsubscribe(_domain(signer), found.id)
    return {"id": found.id}


@route(
    "POST",
    "/federation/join-conference-by-invite/{id}",
    scope=None,
    is_open=True,
    answers=TOLD_STASH,
    takes=body("user_id", user_id=reference),
    signed="must",
)
def post_join(ask: Ask) -> Shown:
    data = ask.data()
    signer = sender(ask)
    invite = _target(signer, ask.given["id"])
    if invite.kind != "invite":
        raise WrongTypeError
    user_id = data.get("user_id")
    if user_id is None:
        raise MissingKeyError("user_id")
    person = Taking(_domain(signer)).find(user_id)
    if person is None:
        raise UnknownReferenceError("user_id")
    if person.kind != "account":
        raise WrongReferenceError("user_id")
    return let_in(_domain(signer), invite, person)


def _take_object(signer: Viewer, raw: Mapping[str, Any]) -> Shown:
    """Raises what `Taking.take` does, of which nothing is kept."""
    return _show(signer, Taking(_domain(signer)).take(raw))


def _take_stash(signer: Viewer, raw: Mapping[str, Any]) -> Shown:
    """Those that were taken. Raises TooManyError, MissingKeyError, WrongValueError, WrongTypeError for what is no stash
    of objects, of which nothing is kept."""
    ids = raw.get("id_list")
    if ids is None:
        raise MissingKeyError("id_list")
    if not isinstance(ids, list) or not all(is_object_id(one) for one in ids):
        raise WrongValueError("id_list", "a list of IDs")
    if len(ids) > MAX_STASH:
        raise TooManyError("id_list", MAX_STASH)
    objects = []
    for id_ in dict.fromkeys(ids):
        one = raw.get(id_)
        if not isinstance(one, Mapping):
            raise WrongValueError("id_list", "each with its object")
        if one.get("object_type") == "report":
            continue  # It comes as a ping or not at all.
        if read_identity(one)[1] != id_:
            raise WrongValueError("id_list", "each with its object")
        objects.append(one)
    taken = take_several(Taking(_domain(signer)), objects)
    with reading() as session:
        return stash(show_for(session, _domain(signer), list(taken.values())))


def _target(signer: Viewer, id_: str) -> Found:
    """What the path names: of ours by our id. Raises MissingObjectError."""
    found = Taking(_domain(signer)).find(id_)
    if found is None:
        raise MissingObjectError
    return found


def _show(signer: Viewer, local_id: str) -> Shown:
    with reading() as session:
        shown = show_for(session, _domain(signer), [local_id])
    return shown[0] if shown else {"id": local_id}


def _domain(signer: Viewer) -> str:
    if signer.host is None:
        raise ForbiddenError("Requests between instances are signed by an instance.")
    return signer.host
