"""What the writing routes have in common: an activity done, and what became of it shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.db import reading, transaction
from app.facades.punctum.ask import Ask, digest_of_request
from app.facades.punctum.problems import (
    MissingObjectError,
    UnknownReferenceError,
    WrongReferenceError,
)
from app.pipeline import submit
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
    """All that is done meanwhile is stored together, or nothing of it."""
    return transaction()


class Made(NamedTuple):
    """The id of what was made, now or, of a request that `is_repeat`, the first time."""

    id: str
    is_repeat: bool


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
    """Raises MissingObjectError for what is no more."""
    with reading() as session:
        found = find_object(session, id_)
        if found is None:
            raise MissingObjectError
        return show(session, viewer, found)


def show_made(viewer: Viewer, made: Made) -> Shown:
    """As it is now; who may no longer read what the same request made before is told its id alone.

    Raises MissingObjectError for what is no more.
    """
    with reading() as session:
        found = find_object(session, made.id)
        if found is None:
            raise MissingObjectError
        is_shown = not made.is_repeat or may_read(session, viewer, found)
        return show(session, viewer, found) if is_shown else {"id": made.id}


def show_if_readable(viewer: Viewer, id_: str) -> Shown:
    """Like `show_id`, but whoever may no longer read it is told its id alone."""
    with reading() as session:
        found = find_object(session, id_)
        return show(session, viewer, found) if found and may_read(session, viewer, found) else {"id": id_}


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
