"""Accept: a verified request becomes a row before its sender is told 202."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from activitypub.documents import Activity
from activitypub.signatures import Verified
from activitypub.uris import host_of
from app import failpoints
from app.db import transaction, upsert, wake
from app.effects import EFFECTS
from app.models import InboxItem
from app.pipeline.room import take_room
from app.sealing import INBOX_SCOPE, seal_row

Action = Literal["queued", "duplicate", "ignored"]

_inserts: dict[str, ReturningInsert[tuple[int]]] = {}


def accept(verified: Verified, activity: Activity, raw: bytes) -> Action:
    """Store the request for a worker, unless it was stored before or nothing here has an effect for its type, or for
    that of what it announces: Lemmy's communities pass on every vote against something.

    Only `verify()` makes a Verified, and only this writes `inbox_items`: a worker may trust what it finds there. Raises
    TooManyRequestsError while too much of the sender's server waits.
    """
    if activity.id is None or not _has_effect(activity):
        return "ignored"
    host = host_of(verified.owner)
    take_room(host, len(raw))
    now = datetime.now(UTC)
    seen_key = _seen_key(verified, activity.type, activity.id)
    # Where the key of what waits is not there yet, it is stored first, by itself: a key without an item harms nobody.
    with transaction(is_one_statement=True) as session:
        values = {
            "seen_key": seen_key,
            "host": host,
            "activity_uri": activity.id,
            "signer_uri": verified.owner,
            "author_uri": _author(activity),
            "key_id": verified.key_id,
            "sealed": seal_row(session, INBOX_SCOPE, seen_key, raw),
            "state": "queued",
            "attempts": 0,
            "next_attempt_at": now,
            # A clock that is ahead of ours wins no time by it.
            "signed_at": min(verified.signed_at, now),
            "received_at": now,
        }
        failpoints.reach("accept.storing")
        # Not by the count of rows, which psycopg does not know of such an INSERT.
        if session.connection().scalar(_insert_of(session), values) is None:
            return "duplicate"
        wake(session, "inbox", host)
    failpoints.reach("accept.committed")
    return "queued"


def _has_effect(activity: Activity) -> bool:
    announced = activity.object if activity.type == "Announce" else None
    return activity.type in EFFECTS and (not isinstance(announced, Activity) or announced.type in EFFECTS)


def _insert_of(session: Session) -> ReturningInsert[tuple[int]]:
    """Built once for each database, because building a statement takes longer than running it."""
    dialect = session.get_bind().dialect.name
    if dialect not in _inserts:
        insert = upsert(session, InboxItem).on_conflict_do_nothing(index_elements=["seen_key", "host"])
        _inserts[dialect] = insert.returning(InboxItem.position)
    return _inserts[dialect]


def _author(activity: Activity) -> str:
    """What a Group announces is somebody else's."""
    while isinstance(activity.object, Activity):
        activity = activity.object
    return activity.actor


def _seen_key(verified: Verified, type: str, id: str) -> str:
    """A Follow is told from its earlier self by its signature, because Takahe uses the id again after an Undo."""
    if type != "Follow":
        return id
    # An id may be as long as the column; its digest leaves room for the signature's.
    return f"Follow {hashlib.sha256(id.encode()).hexdigest()} {verified.fingerprint}"
