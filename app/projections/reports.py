"""Writes of reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.db import row_count
from app.ids import new_id
from app.models import Actor, Message, Report
from app.projections import events
from app.projections.actors import hold
from app.queries.channels import get_home_space
from app.queries.messages import open_content
from app.queries.reports import PENDING, SCOPE, find_open_report
from app.sealing import seal_row


def add(
    session: Session,
    reporter: Actor,
    target: Actor,
    messages: Sequence[Message],
    *,
    category: str,
    description: str | None,
    activity_uri: str,
    now: datetime,
    object_id: str | None = None,
) -> str:
    """The id of the report, which keeps what the messages say now: deleting them does not end the case.

    Of one thing that is named by its id, somebody has one report at a time.
    """
    if object_id is not None:
        hold(session, reporter.id)
        known = find_open_report(session, reporter.id, object_id)
        if known is not None:
            return known
    report_id = new_id("report")
    texts = {message.id: content.text for message in messages if (content := open_content(session, message))}
    session.execute(
        insert(Report).values(
            id=report_id,
            type="message_report" if messages else "user_report",
            status=PENDING,
            reporter_id=reporter.id,
            target_id=target.id,
            object_id=object_id,
            message_ids=[message.id for message in messages],
            channel_ids=sorted({message.channel_id for message in messages if message.channel_id}),
            category=category,
            description=description,
            evidence=seal_row(session, SCOPE, report_id, msgspec.json.encode(texts)) if texts else None,
            activity_uri=activity_uri,
            created_at=now,
        )
    )
    return report_id


def resolve(
    session: Session, report_id: str, *, by: str, status: str, resolution: str, reason: str | None, now: datetime
) -> bool:
    """Whether it was still open, and sockets are told; of two moderators at once one hears that it was not."""
    resolved = session.execute(
        update(Report)
        .where(Report.id == report_id, Report.status == PENDING)
        .values(status=status, resolution=resolution, reason=reason, resolved_by=by, resolved_at=now)
    )
    if row_count(resolved) == 0:
        return False
    events.tell(session, "report_resolved", now=now, channel_id=get_home_space(session).actor_id, report_id=report_id)
    return True
