"""What a search finds, as messages are shown."""

from __future__ import annotations

from sqlalchemy import bindparam
from sqlalchemy.orm import Session

from app.models import Channel, Message, SearchTerms
from app.queries.messages import VIEWS, MessageView, read_views
from app.queries.search import list_matches

# A message that was deleted has no terms. By the channel, SQLite would go through all its messages for a few ids.
_FOUND = (
    VIEWS.join(SearchTerms, SearchTerms.message_id == Message.id)
    .where(SearchTerms.id.in_(bindparam("ids", expanding=True)))
    .order_by(SearchTerms.id.desc())
)


def search_channel(
    session: Session, channel: Channel, query: str, *, page: int, size: int
) -> tuple[list[MessageView], bool]:
    """The living messages that have every word of the query, or one that begins with it, the newest first; and whether
    there are more.

    Raises InvalidInputError for a query without a word.
    """
    skip = (page - 1) * size
    found = list_matches(session, channel.actor_id, query, head=channel.head, skip=skip, size=size + 1)
    if not found:
        return [], False
    views = read_views(session, _FOUND, {"ids": found[:size]})
    # The channel is in the terms, and looked at all the same.
    return [view for view in views if view.channel_id == channel.actor_id], len(found) > size
