"""Accept: a verified request becomes a row before its sender is told 202."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.dialects import postgresql, sqlite

from activitypub.documents import Activity
from activitypub.signatures import Verified
from activitypub.uris import host_of
from app.db import transaction, wake
from app.models import InboxItem
from app.sealing import INBOX_SCOPE, seal_row


def accept(verified: Verified, activity: Activity, raw: bytes) -> bool:
    """Store the request for a worker; False where it was stored before.

    Only `verify()` makes a Verified, and only this writes `inbox_items`: a worker may trust what it finds there.
    """
    host = host_of(verified.owner)
    now = datetime.now(UTC)
    seen_key = _seen_key(verified, activity)
    with transaction() as session:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        values = {
            "seen_key": seen_key,
            "host": host,
            "activity_uri": activity.id,
            "signer_uri": verified.owner,
            "key_id": verified.key_id,
            "sealed": seal_row(session, INBOX_SCOPE, seen_key, raw),
            "state": "queued",
            "attempts": 0,
            "next_attempt_at": now,
            "signed_at": verified.signed_at,
            "received_at": now,
        }
        inserted = session.execute(
            dialect.insert(InboxItem).values(values).on_conflict_do_nothing(index_elements=["seen_key", "host"])
        )
        if inserted.rowcount == 0:
            return False
        wake(session, "inbox", host)
    return True


def _seen_key(verified: Verified, activity: Activity) -> str:
    """A Follow is told from its earlier self by its signature, because Takahe uses the id again after an Undo."""
    if activity.type == "Follow":
        return f"{activity.id}#{verified.fingerprint}"
    return activity.id or ""
