"""Reads of what answers messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from app.models import Message
from app.queries.messages import MessageView

MOST: Final = 500
"""Replies to one message that it is shown with: whoever may write in a channel may make any number."""


def list_replies(session: Session, views: Sequence[MessageView]) -> dict[str, list[str]]:
    """The ids of the living replies to each of a page of messages, in its own place, the oldest first; of very many
    the newest."""
    if not views:
        return {}
    parent, reply = aliased(Message), aliased(Message)
    is_beside = or_(reply.channel_id == parent.channel_id, reply.conversation_id == parent.conversation_id)
    newest = func.row_number().over(partition_by=parent.id, order_by=reply.id.desc()).label("newest")
    living = (
        select(parent.id.label("parent_id"), reply.id, newest)
        .join(reply, reply.in_reply_to == parent.uri)
        .where(
            parent.id.in_([view.id for view in views]),
            reply.in_reply_to.in_([view.uri for view in views]),  # Or PostgreSQL may read that index from end to end.
            reply.deleted_at.is_(None),
            is_beside,
        )
        .subquery()
    )
    replies: dict[str, list[str]] = {}
    listed = select(living.c.parent_id, living.c.id).where(living.c.newest <= MOST).order_by(living.c.id)
    for parent_id, id_ in session.execute(listed):
        replies.setdefault(parent_id, []).append(id_)
    return replies
