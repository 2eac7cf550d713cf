"""Who is told, apart from a message itself, that it mentions them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from activitypub.documents import Note
from app.act import Act, LiveEvent
from app.ids import new_id
from app.insertion import insert_rows
from app.models import Channel, Notification
from app.queries.messages import find_by_uri
from app.queries.notifications import count_told_by, list_listening, list_mentioned, list_told_enough
from app.queries.visibility import place_of_channel, who_may_see

MOST: Final = 50
"""People told of one message, edits included; further mentions are only shown in it."""

MOST_NAMED: Final = 500
"""Mentions that are looked at."""
MOST_BY_STRANGER: Final = 200
"""Times that one author from elsewhere tells anybody within LATELY."""
LATELY: Final = timedelta(hours=1)
_MENTION: Final = "mention"


def notify_mentioned(
    act: Act, note: Note, message_id: str, author_id: str, channel: Channel | None, *, is_edited: bool = False
) -> None:
    """Tell our people who are mentioned in a channel or replied to, and see it: not who blocks the author, and nobody
    twice. A conversation is told to all who are in it as it is."""
    # Most messages from elsewhere mention the channel that they are for.
    mentioned = [mention.href for mention in note.mentions if act.uris.kind_of(mention.href) == "users"]
    named = {own_id for uri in mentioned if (own_id := act.uris.local_id(uri)) is not None}
    if channel is not None and note.in_reply_to:
        # Not every server mentions whom a reply answers.
        parent = find_by_uri(act.session, note.in_reply_to)
        named |= {parent.author_id} if parent is not None and parent.channel_id == channel.actor_id else set()
    if channel is None or not named - {author_id}:
        return
    told = list_mentioned(act.session, message_id) if is_edited else set()
    new = list_listening(act.session, named - told - {author_id}, author_id=author_id, limit=MOST_NAMED)
    seeing = who_may_see(act.session, place_of_channel(channel), new)
    rows = [
        {
            "id": new_id("notification"),
            "account_id": account_id,
            "type": _MENTION,
            "actor_id": author_id,
            "message_id": message_id,
            "created_at": act.now,
            "read_at": None,
        }
        for account_id in _within_bounds(act, seeing, author_id)[: max(MOST - len(told), 0)]
    ]
    if rows:
        insert_rows(act.session, Notification, rows)
    for row in rows:
        act.publish(
            LiveEvent(
                "notification_created",
                channel_id=channel.actor_id,
                message_id=message_id,
                actor_id=author_id,
                data={"notification_id": row["id"], "account_id": row["account_id"], "type": _MENTION},
            )
        )


def _within_bounds(act: Act, seeing: Collection[str], author_id: str) -> list[str]:
    """Who is not told all the time by somebody elsewhere: what is more is only shown in the message (hostile case
    FED-10). Our own people have the limits of what they say, and moderators."""
    if act.is_local or not seeing:
        return sorted(seeing)
    since = act.now - LATELY
    heard = list_told_enough(act.session, seeing, author_id=author_id, since=since)
    listening = sorted(set(seeing) - heard)
    return listening[: max(MOST_BY_STRANGER - count_told_by(act.session, author_id, since=since), 0)]
