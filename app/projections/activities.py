"""Writes to the log after the fact."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from app.models import Activity, ActivityDocument


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
    erased: Any = delete(ActivityDocument).where(ActivityDocument.activity_id.in_(select(about.c.id)))
    if kept is not None:
        erased = erased.where(ActivityDocument.activity_id != kept)
    session.execute(erased.execution_options(synchronize_session=False))
