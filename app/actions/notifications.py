"""That somebody has read what they were told. Nobody else hears of it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from app.db import row_count, transaction
from app.models import Notification
from app.queries.notifications import get_notification, unread_ids
from app.queries.viewers import Viewer


def mark_notification_read(viewer: Viewer, notification_id: str) -> bool:
    """Whether it was unread until now. Raises NotFoundError."""
    with transaction() as session:
        get_notification(session, viewer, notification_id)
        read = update(Notification).where(Notification.id == notification_id, Notification.read_at.is_(None))
        return row_count(session.execute(read.values(read_at=datetime.now(UTC)))) > 0


def mark_all_notifications_read(viewer: Viewer) -> int:
    """How many were unread until now."""
    with transaction() as session:
        read = update(Notification).where(Notification.id.in_(unread_ids(viewer)))
        changed = session.execute(
            read.values(read_at=datetime.now(UTC)),
            {"viewer_id": viewer.actor_id},
            execution_options={"synchronize_session": False},
        )
        return row_count(changed)
