"""Writes to the log after the fact."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.models import Activity


def mark_undone(session: Session, activity: Activity, *, now: datetime) -> None:
    session.execute(update(Activity).where(Activity.id == activity.id).values(undone_at=now))
