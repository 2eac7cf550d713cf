"""Reads of the log."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.models import Activity, ActivityDocument
from app.sealing import unseal_row


def find_by_uri(session: Session, uri: str) -> Activity | None:
    return session.scalar(select(Activity).where(Activity.uri == uri))


def find_by_idempotency_key(session: Session, key: str) -> Activity | None:
    return session.scalar(select(Activity).where(Activity.idempotency_key == key))


def find_document(session: Session, activity_id: str) -> bytes | None:
    """The recorded document, byte for byte; None when it was erased with the message it carried."""
    row = session.execute(
        select(ActivityDocument.scope, ActivityDocument.sealed).where(ActivityDocument.activity_id == activity_id)
    ).one_or_none()
    return None if row is None else unseal_row(session, row.scope, activity_id, row.sealed)


def get_document(session: Session, activity_id: str) -> bytes:
    """Raises NotFoundError when there is no such activity, or its document was erased."""
    document = find_document(session, activity_id)
    if document is None:
        raise NotFoundError("The activity does not exist.")
    return document
