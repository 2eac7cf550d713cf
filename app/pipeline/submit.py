"""Submit: what one of our own actors does enters the pipeline here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from activitypub.documents import Activity
from app.db import reading, transaction
from app.errors import ConflictError
from app.models import Activity as LoggedActivity
from app.pipeline.perform import Outcome, local_act, perform
from app.pipeline.repeat import find_earlier
from app.settings import current
from app.uris import Uris


def submit(
    activity: Activity, *, private: Mapping[str, Any] | None = None, idempotency_key: str | None = None
) -> Outcome:
    """Do what `activity` says, in one transaction that ends with its record, deliveries and events.

    `private` reaches the effect and nothing else. A request repeated with its `idempotency_key` changes nothing and
    gives the first outcome's ids. Raises AppError; ConflictError where somebody else was faster.
    """
    key = _key(activity.actor, idempotency_key) if idempotency_key else None
    try:
        return _submit(activity, private, key)
    except IntegrityError as error:
        first = _find_first(key) if key else None  # The same request may have come twice at the same moment.
        if first is None:
            raise ConflictError("Somebody else did this at the same moment. Try again.") from error
        return first


def _submit(activity: Activity, private: Mapping[str, Any] | None, key: str | None) -> Outcome:
    with transaction() as session:
        if key and (earlier := find_earlier(session, key)):
            return _outcome_of(earlier)
        uris, now = Uris(current().origin), datetime.now(UTC)
        return perform(local_act(session, uris, activity, now=now, private=private, idempotency_key=key))


def _key(actor: str, given: str) -> str:
    """One actor's key is not another's, and however long two are, they are not taken for one."""
    return hashlib.sha256(f"{actor} {given}".encode()).hexdigest()


def _find_first(key: str) -> Outcome | None:
    with reading() as session:
        earlier = find_earlier(session, key)
        return _outcome_of(earlier) if earlier else None


def _outcome_of(earlier: LoggedActivity) -> Outcome:
    return Outcome(earlier.id, earlier.uri, is_repeat=True, found={"object_uri": earlier.object_uri})
