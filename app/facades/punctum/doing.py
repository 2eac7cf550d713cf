"""What the writing routes have in common: an activity done, and what became of it shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.db import reading
from app.errors import ConflictError
from app.facades.punctum.ask import Ask, digest_of_request
from app.facades.punctum.problems import (
    MissingObjectError,
    UnknownReferenceError,
    WrongReferenceError,
)
from app.facades.punctum.scopes import READING
from app.pipeline import Made, submit, together
from app.pipeline.perform import Outcome
from app.pipeline.submit import Draft
from app.queries.objects import Found, Kind, find_object, may_read
from app.queries.punctum.shown import Shown, show
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris
from app.web.idempotency import idempotency_key

Composed = Activity | tuple[Activity | Draft, Mapping[str, Any]]


def do(composed: Composed) -> None:
    activity, private = composed if isinstance(composed, tuple) else (composed, {})
    submit(activity, private=private)


def at_once() -> AbstractContextManager[object]:
    """All that is done meanwhile is stored together, or nothing of it. Raises ConflictError as `do` does."""
    return together()


def make_at_once(making: Callable[[], Made]) -> Made:
    """What is made together with all else that `making` does, or nothing of it.

    Raises what `making` does; of ConflictError the second: the same request may have come at the same moment, and been
    faster, and then it is repeated.
    """
    try:
        with at_once():
            return making()
    except ConflictError:
        with at_once():
            return making()


def make(composed: Composed) -> Made:
    """Submit it, once where the request has an Idempotency-Key.

    Raises what `submit` does.
    """
    activity, private = composed if isinstance(composed, tuple) else (composed, {})
    uri = None if isinstance(activity, Draft) else activity.object_id
    outcome = make_once(activity, private)
    if outcome.is_repeat:
        uri = outcome.found["object_uri"]
    id_ = Uris(current().origin).local_id(uri) if uri else outcome.found["message_id"]
    return Made(str(id_), outcome.is_repeat)


def make_once(activity: Activity | Draft, private: Mapping[str, Any]) -> Outcome:
    """Raises what `submit` does."""
    return submit(activity, private=private, idempotency_key=idempotency_key(), request_digest=digest_of_request())


def show_id(viewer: Viewer, id_: str) -> Shown:
    """As it is now; a session that may not read such a thing is told its id alone, whatever it did to it.

    Raises MissingObjectError for what is no more.
    """
    with reading() as session:
        return _show_in_scope(session, viewer, get_found(session, id_))


def show_made(viewer: Viewer, made: Made) -> Shown:
    """As it is now; who may no longer read what the same request made before is told its id alone.

    Raises MissingObjectError for what is no more.
    """
    with reading() as session:
        found = get_found(session, made.id)
        return _show_if_readable(session, viewer, found) if made.is_repeat else show(session, viewer, found)


def show_if_readable(viewer: Viewer, id_: str) -> Shown:
    """As it is now; who may no longer read what they changed, or ended by it, is told its id alone."""
    with reading() as session:
        found = find_object(session, id_)
        return _show_if_readable(session, viewer, found) if found else {"id": id_}


def _show_if_readable(session: Session, viewer: Viewer, found: Found) -> Shown:
    return _show_in_scope(session, viewer, found) if may_read(session, viewer, found) else {"id": found.id}


def _show_in_scope(session: Session, viewer: Viewer, found: Found) -> Shown:
    needed = READING[found.kind]
    return show(session, viewer, found) if needed is None or viewer.is_allowed(needed) else {"id": found.id}


def get_found(session: Session, id_: str) -> Found:
    """Raises MissingObjectError."""
    found = find_object(session, id_)
    if found is None:
        raise MissingObjectError
    return found


def refer(viewer: Viewer, key: str, id_: str, kinds: Collection[Kind]) -> Found:
    """What an ID-valued key names; what the viewer may not read is not there.

    Raises UnknownReferenceError, WrongReferenceError.
    """
    with reading() as session:
        return refer_in(session, viewer, key, id_, kinds)


def refer_in(session: Session, viewer: Viewer, key: str, id_: str, kinds: Collection[Kind]) -> Found:
    """Raises what `refer` does."""
    found = find_object(session, id_)
    if found is None or not may_read(session, viewer, found):
        raise UnknownReferenceError(key)
    if found.kind not in kinds:
        raise WrongReferenceError(key)
    return found


def deleted(id_: str) -> Shown:
    return {"id": id_}


def shown_before(ask: Ask, found: Found) -> Shown:
    """An object as it is before it changes."""
    with reading() as session:
        return show(session, ask.viewer, found)
