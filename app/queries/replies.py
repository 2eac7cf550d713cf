"""Reads of what answers messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Message
from app.queries.messages import MessageView

MOST: Final = 500
"""Replies to one message that it is shown with: whoever may write in a channel may make any number."""


def list_replies(session: Session, views: Sequence[MessageView]) -> dict[str, list[str]]:
    """The ids of the living replies to each of a page of messages, in its own place, the oldest first; of very many
    the newest."""
    by_uri = {view.uri: view for view in views}
    if not by_uri:
        return {}
    columns = (Message.in_reply_to, Message.channel_id, Message.conversation_id)
    newest = func.row_number().over(partition_by=columns, order_by=Message.id.desc()).label("newest")
    living = (
        select(*columns, Message.id, newest)
        .where(Message.in_reply_to.in_(list(by_uri)), Message.deleted_at.is_(None))
        .subquery()
    )
    replies: dict[str, list[str]] = {}
    listed = select(living).where(living.c.newest <= MOST).order_by(living.c.id)
    for uri, channel_id, conversation_id, id_, _ in session.execute(listed):
        parent = by_uri[uri]
        if (channel_id, conversation_id) == (parent.channel_id, parent.conversation_id):
            replies.setdefault(parent.id, []).append(id_)
    return replies
