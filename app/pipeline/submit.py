"""Submit: what one of our own actors does enters the pipeline here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from activitypub.documents import Activity
from app.db import transaction
from app.errors import ConflictError
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
    key = f"{activity.actor} {idempotency_key}"[:255] if idempotency_key else None
    try:
        with transaction() as session:
            if key and (earlier := find_earlier(session, key)):
                return Outcome(earlier.id, earlier.uri, is_repeat=True, found={"object_uri": earlier.object_uri})
            act = local_act(
                session,
                Uris(current().origin),
                activity,
                now=datetime.now(UTC),
                private=private,
                idempotency_key=key,
            )
            return perform(act)
    except IntegrityError as error:
        raise ConflictError("Somebody else did this at the same moment. Try again.") from error
