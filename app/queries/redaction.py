"""Recorded activities as they may be served: none tells what its author has replaced since.

The recorded bytes stay what they are, because deliveries still under way and the digest in the log rest on them. Only
who asks later gets the edited message's URI in place of its first text (hostile case AUZ-20).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.times import read_time, write_time
from app.models import Message

_CARRIES_TEXT = ("content", "source", "name", "summary")


def redact(session: Session, recorded: Sequence[bytes]) -> list[bytes]:
    """The documents in their order, with one query for all of them.

    One whose message was edited since comes without its text and so without its proof, which no longer holds; every
    other one comes byte for byte.
    """
    documents = [msgspec.json.decode(body) for body in recorded]
    notes = [_find_note(document) for document in documents]
    edits = _list_edits(session, {note["id"] for note in notes if note is not None})
    return [
        msgspec.json.encode(_without_text(document)) if note and _is_outdated(note, edits.get(note["id"])) else body
        for body, document, note in zip(recorded, documents, notes, strict=True)
    ]


def _find_note(document: dict[str, Any]) -> dict[str, Any] | None:
    """The message that an activity carries, itself or inside the activity that it announces."""
    inner = document.get("object")
    while isinstance(inner, dict) and isinstance(inner.get("object"), dict):
        inner = inner["object"]
    if not isinstance(inner, dict) or not isinstance(inner.get("id"), str):
        return None
    return inner if any(field in inner for field in _CARRIES_TEXT) else None


def _list_edits(session: Session, uris: set[str]) -> dict[str, datetime]:
    if not uris:
        return {}
    rows = session.execute(
        select(Message.uri, Message.edited_at).where(Message.uri.in_(uris), Message.edited_at.is_not(None))
    )
    return {row.uri: row.edited_at for row in rows}


def _is_outdated(note: dict[str, Any], edited_at: datetime | None) -> bool:
    if edited_at is None:
        return False
    written_at = read_time(note.get("updated"), now=edited_at)
    # Both as they are written: a document has milliseconds, whatever the database keeps.
    return written_at is None or write_time(written_at) < write_time(edited_at)


def _without_text(document: dict[str, Any]) -> dict[str, Any]:
    served = {name: value for name, value in document.items() if name != "proof"}
    inner = served["object"]
    served["object"] = _without_text(inner) if isinstance(inner.get("object"), dict) else inner["id"]
    return served
