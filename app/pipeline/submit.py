"""Submit: what one of our own actors does enters the pipeline here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app import failpoints
from app.db import despite_deadlocks, is_inside, joined, reading
from app.errors import ConflictError, ReusedKeyError
from app.models import Activity as LoggedActivity
from app.pipeline.perform import Outcome, local_act, perform
from app.queries.activities import find_by_idempotency_key
from app.settings import current
from app.uris import Uris

_AT_THE_SAME_MOMENT = "Somebody else did this at the same moment. Try again."


class Draft(msgspec.Struct, frozen=True):
    """An activity of `actor` (a URI) that is still to be composed, from what is true when it is done.

    What `compose` reads is read in the same transaction, and the effect finds it loaded. A repeated request is
    answered before anything is composed.
    """

    actor: str
    compose: Callable[[], Activity]


def submit(
    activity: Activity | Draft,
    *,
    private: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    request_digest: str | None = None,
) -> Outcome:
    """Do what `activity` says, in one transaction that ends with its record, deliveries and events: the one that is
    open, if one is.

    A draft is composed inside that transaction. `private` reaches the effect and nothing else. A request repeated with
    its `idempotency_key` changes nothing and gives the first outcome's ids; ReusedKeyError if its `request_digest` is
    another than the first one's. Raises AppError; ConflictError where somebody else was faster.
    """
    key = _key(activity.actor, idempotency_key) if idempotency_key else None
    try:
        return despite_deadlocks(lambda: _submit(activity, private, key, request_digest))
    except IntegrityError as error:
        # The same request may have come twice at the same moment. Inside of another's transaction, which has failed by
        # this, nothing can be asked any more.
        first = _find_first(key, request_digest) if key and not is_inside() else None
        if first is None:
            raise ConflictError(_AT_THE_SAME_MOMENT) from error
        return first


def find_first(actor: str, idempotency_key: str | None, request_digest: str | None) -> Outcome | None:
    """What came of the request when it was made before; for whoever has to do more than compose before submitting it.

    Raises ReusedKeyError as `submit` does.
    """
    return _find_first(_key(actor, idempotency_key), request_digest) if idempotency_key else None


def submit_together(activities: Sequence[Activity]) -> None:
    """Do all of it, in this order and in one transaction, or nothing.

    Raises AppError; ConflictError where somebody else was faster.
    """
    now = datetime.now(UTC)
    with together() as session:
        for activity in activities:
            perform(local_act(session, Uris(current().origin), activity, now=now))


@contextmanager
def together() -> Iterator[Session]:
    """The transaction that is open here, or one of its own: all that is submitted meanwhile is stored, or nothing.

    Raises ConflictError where somebody else was faster.
    """
    try:
        with joined() as session:
            yield session
    except IntegrityError as error:
        raise ConflictError(_AT_THE_SAME_MOMENT) from error


def _submit(
    activity: Activity | Draft, private: Mapping[str, Any] | None, key: str | None, request_digest: str | None
) -> Outcome:
    with joined() as session:
        if key and (earlier := find_by_idempotency_key(session, key)):
            return _outcome_of(earlier, request_digest)
        act = local_act(
            session,
            Uris(current().origin),
            activity.compose() if isinstance(activity, Draft) else activity,
            now=datetime.now(UTC),
            private=private,
            idempotency_key=key,
            request_digest=request_digest,
        )
        act.found["object_uri"] = act.activity.object_id  # As a repeated request finds it.
        outcome = perform(act)
        failpoints.reach("submit.performed")
    failpoints.reach("submit.committed")
    return outcome


def _key(actor: str, given: str) -> str:
    """One actor's key is not another's, and however long two are, they are not taken for one."""
    return hashlib.sha256(f"{actor} {given}".encode()).hexdigest()


def _find_first(key: str, request_digest: str | None) -> Outcome | None:
    with reading() as session:
        earlier = find_by_idempotency_key(session, key)
        return _outcome_of(earlier, request_digest) if earlier else None


def _outcome_of(earlier: LoggedActivity, request_digest: str | None) -> Outcome:
    """Raises ReusedKeyError for another request under the same key (draft-ietf-httpapi-idempotency-key-header, 2.7).

    What was recorded before digests were cannot be compared.
    """
    if earlier.request_digest not in {None, request_digest}:
        raise ReusedKeyError("This Idempotency-Key was used for another request. Use a new one.")
    return Outcome(earlier.id, earlier.uri, is_repeat=True, found={"object_uri": earlier.object_uri})
