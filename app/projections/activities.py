"""Writes to the log after the fact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from app.models import Activity, ActivityDocument

_AT_ONCE: Final = 500


def mark_undone(session: Session, activity: Activity, *, now: datetime) -> None:
    session.execute(update(Activity).where(Activity.id == activity.id).values(undone_at=now))


def erase_documents(session: Session, is_about: ColumnElement[bool], *, kept: str | None) -> None:
    """Erase what was recorded of the activities that `is_about` picks, and of all that were about those.

    Any of them may repeat the text of what is deleted: its Create, an edit, the Announce of either, and the Like or
    the Delete of a server that embeds the whole note. Their envelopes and digests stay. `kept` is an activity whose
    document holds no text and is still to be delivered.
    """
    about = select(Activity.id, Activity.uri).where(is_about).cte("about", recursive=True)
    about = about.union(select(Activity.id, Activity.uri).join(about, Activity.object_uri == about.c.uri))
    _erase(session, ActivityDocument.activity_id.in_(select(about.c.id)), kept)


def erase_documents_about(session: Session, uris: Iterable[str], *, kept: str | None) -> None:
    """As `erase_documents`, of what was about any of very many things: for those, PostgreSQL would go through all
    activities with each step."""
    seen: set[str] = set()
    waiting = list(dict.fromkeys(uris))
    while waiting:
        some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        seen.update(some)
        found = session.execute(select(Activity.id, Activity.uri).where(Activity.object_uri.in_(some))).all()
        for start in range(0, len(found), _AT_ONCE):
            ids = [row.id for row in found[start : start + _AT_ONCE]]
            _erase(session, ActivityDocument.activity_id.in_(ids), kept)
        waiting += [row.uri for row in found if row.uri not in seen]


def _erase(session: Session, which: ColumnElement[bool], kept: str | None) -> None:
    erased: Any = delete(ActivityDocument).where(which)
    if kept is not None:
        erased = erased.where(ActivityDocument.activity_id != kept)
    session.execute(erased.execution_options(synchronize_session=False))
